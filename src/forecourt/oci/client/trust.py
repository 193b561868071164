"""Whom we trust over HTTPS: the certificate authorities of this system."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path

_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # macOS
)


@functools.cache
def tls() -> ssl.SSLContext:
    """Return the settings of every TLS connection that has none of its own."""
    return new_context()


def new_context() -> ssl.SSLContext:
    """Return settings of TLS connections that may be changed; ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` are heeded.

    A Python that was built elsewhere may look for the authorities where this system has none.
    """
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not paths.cafile and not context.cert_store_stats()["x509_ca"]:
        for bundle in _BUNDLES:
            if Path(bundle).exists():
                context.load_verify_locations(bundle)
                break
    return context
