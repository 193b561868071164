"""The models that were made from the same base as one, by what matters of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecourt.cli.catalog.names import API
from forecourt.cli.registry.filters import equals

if TYPE_CHECKING:
    from forecourt.cli.client import Client

Document = dict[str, Any]


def variants_of(client: Client, model: Document) -> list[Document]:
    """Return the other models made from the base of `model`, in the order of their names."""
    if not model["variants"]:
        return []
    same = equals("variant_group_id", str(model["variantGroupId"]))
    items = client.get(f"{API}/search", filterQuery=same, pageSize=100)["items"]
    return [one for one in items if one["id"] != model["id"]]
