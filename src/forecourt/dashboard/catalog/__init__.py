"""Pages of the model catalog: what there is, what is known of each model, and models side by side."""

from forecourt.dashboard.catalog.room import CatalogPages

__all__ = ["CatalogPages"]
