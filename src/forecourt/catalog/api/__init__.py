"""The catalog over HTTP: Kubeflow's API as its clients speak it, and beside it Forecourt's own."""

from forecourt.catalog.api.app import BASE, catalog_app

__all__ = ["BASE", "catalog_app"]
