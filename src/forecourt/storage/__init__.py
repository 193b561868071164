"""A URI -> files on this machine: what KServe calls the storage initializer."""

from forecourt.storage.fetch import FetchedModel, fetch

__all__ = ["FetchedModel", "fetch"]
