"""Images as the OCI specifications have them: references, digests, manifests, the content store, a client, a server."""

from forecourt.oci import contents, transfer
from forecourt.oci.blob import Blob, FileRange
from forecourt.oci.client import (
    Anonymous,
    ClientFactory,
    Clients,
    Credential,
    Credentials,
    Login,
    LoginFiles,
    Patience,
    RegistryClient,
    clients,
)
from forecourt.oci.digest import Digest
from forecourt.oci.manifest import (
    EMPTY_DESCRIPTOR,
    EMPTY_JSON,
    LAYER_TAR,
    Descriptor,
    Index,
    Manifest,
    Platform,
)
from forecourt.oci.progress import SILENT, Progress
from forecourt.oci.reference import Reference
from forecourt.oci.repositories import Repositories
from forecourt.oci.store import ContentStore
from forecourt.oci.writer import BlobWriter

__all__ = [
    "EMPTY_DESCRIPTOR",
    "EMPTY_JSON",
    "LAYER_TAR",
    "SILENT",
    "Anonymous",
    "Blob",
    "BlobWriter",
    "ClientFactory",
    "Clients",
    "ContentStore",
    "Credential",
    "Credentials",
    "Descriptor",
    "Digest",
    "FileRange",
    "Index",
    "Login",
    "LoginFiles",
    "Manifest",
    "Patience",
    "Platform",
    "Progress",
    "Reference",
    "RegistryClient",
    "Repositories",
    "clients",
    "contents",
    "transfer",
]
