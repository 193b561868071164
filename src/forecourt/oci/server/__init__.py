"""The embedded registry: distribution-spec 1.1 on aiohttp, over a content store that others share.

Importing this package imports aiohttp, so nothing else in `forecourt.oci` does.
"""

from forecourt.oci.server.app import registry_app
from forecourt.oci.server.errors import Refusal, error_response

__all__ = ["Refusal", "error_response", "registry_app"]
