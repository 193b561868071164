"""A URI -> files on this machine: what KServe calls the storage initializer."""

from forecourt.storage.archives import SUFFIXES as ARCHIVE_SUFFIXES
from forecourt.storage.checking import check
from forecourt.storage.credentials import Credentials, S3Credentials
from forecourt.storage.fetch import SCHEMES, Resolvers, fetch, resolved
from forecourt.storage.place import FetchedModel

__all__ = [
    "ARCHIVE_SUFFIXES",
    "SCHEMES",
    "Credentials",
    "FetchedModel",
    "Resolvers",
    "S3Credentials",
    "check",
    "fetch",
    "resolved",
]
