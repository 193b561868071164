"""The models of a data file: Kubeflow's catalog YAML (``source:``, ``models: [...]``) as entries of the catalog.

A model that is wrong is left out, with its line and what is wrong, and hides no other. What a browser must not be given
is not in an entry: a logo is cleaned (`logos`), and one that is no picture, or a licence's link that leads elsewhere
than to the web, is left out and told of. The `readme` is kept as it is; see `cards` for how it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from forecourt.catalog.files.document import Document
from forecourt.catalog.files.fields import MODEL, Unfit, read_artifacts, read_known, read_name, read_text, shown
from forecourt.catalog.files.logos import harmless_logo, is_web_address
from forecourt.catalog.model import AssetType, Entry, Problem

NAMELESS = "models["
"""How the name of a problem begins whose model has none: its place in the list follows."""


def read_models(document: Document) -> Iterator[Entry | Problem]:
    """Return the models of a data file, in its order; a problem may follow the entry it is about.

    Raises `InvalidInput` at the first step where the file has no list of models.
    """
    items = _items(document, "models")
    names: set[str] = set()
    for index, item in enumerate(items):
        place = document.place(items, index)
        name = f"{NAMELESS}{index}]"
        if not isinstance(item, dict):
            yield Problem(name, f"{place}: a model is a mapping, not {shown(item)}.")
            continue
        try:
            name = read_name(item.get("name"), "name")
            if name in names:
                raise Unfit("there is a model of this name before it")
            names.add(name)
            entry = Entry(
                name,
                read_known(item, MODEL),
                read_text(item["readme"], "readme") if item.get("readme") is not None else "",
                read_artifacts(item["artifacts"], "artifacts") if item.get("artifacts") is not None else (),
            )
        except Unfit as error:
            yield Problem(name, f"{place}: {error}.")
            continue
        entry, notes = make_harmless(entry)
        yield entry
        for note in notes:
            yield Problem(name, f"{place}: {note}.")


def make_harmless(entry: Entry) -> tuple[Entry, list[str]]:
    """Return a model without what a browser must not be given, and what was left out, for a person.

    A logo is cleaned, or left out; a licence's link is left out where it leads elsewhere than to the web.
    """
    logo, link = entry.document.get("logo", ""), entry.document.get("licenseLink", "")
    document = {name: value for name, value in entry.document.items() if name not in ("logo", "licenseLink")}
    notes = []
    if harmless := harmless_logo(logo):
        document["logo"] = harmless
    elif logo:
        notes.append("its logo is left out: it is no picture that can be shown safely")
    if is_web_address(link):
        document["licenseLink"] = link
    elif link:
        notes.append(f"its licenseLink is left out: {shown(link)} is no web address")
    return replace(entry, document=document), notes


def read_names(document: Document, asset_type: AssetType) -> list[str]:
    """Return the names in a data file, each once; what has none is passed over.

    Raises `InvalidInput` where the file has no list of what is asked for.
    """
    items = _items(document, asset_type)
    names = [item.get("name") for item in items if isinstance(item, dict)]
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name.strip()))


def _items(document: Document, asset_type: AssetType) -> list[Any]:
    # The list in a file has the name of what is in it.
    key, content = asset_type, document.value
    if not isinstance(content, dict) or key not in content:
        raise document.refused(f"there is no list of {key} here.", hint=f"A data file has {key}: with a list under it.")
    items = content[key]
    if items is None:
        return []
    if not isinstance(items, list):
        raise document.refused(f"{key} must be a list, not {shown(items)}.", content, key)
    return items
