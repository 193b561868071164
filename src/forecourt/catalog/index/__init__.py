"""The index: models and artifacts in memory, so that a search costs what its page is, not what there is.

`columns` holds a property's values, `space` all columns of models or of artifacts, `words` the vocabulary, `orders` the
ways to sort; `matching` answers a filterQuery, and a `Snapshot` is all of them at one moment.
"""

from forecourt.catalog.index.columns import Column, Rows
from forecourt.catalog.index.matching import ARTIFACTS
from forecourt.catalog.index.orders import Order
from forecourt.catalog.index.snapshot import ModelRow, Snapshot, build, decoded, in_order

__all__ = ["ARTIFACTS", "Column", "ModelRow", "Order", "Rows", "Snapshot", "build", "decoded", "in_order"]
