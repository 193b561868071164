"""Reads what a model card says: the YAML before the text of README.md, as Hugging Face has it.

https://huggingface.co/docs/hub/model-cards#model-card-metadata. A card is written by people: what is wrong in it is
passed over, and stops nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_MOST = 1024 * 1024
_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_HEADING = re.compile(r"^#[ \t]+(.{1,100}?)[ \t#]*$", re.MULTILINE)
_MARKUP = re.compile(r"[*_`]{1,3}(\S.*?\S|\S)[*_`]{1,3}|<[^>]*>|!?\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the card says; empty where it does not."""

    name: str = ""
    license: str = ""
    base_model: str = ""
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    heading: str = ""


def read(path: Path) -> ModelCard:
    """Read the card at `path`; an empty one where there is nothing to be read."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST).decode(errors="replace")
    except OSError:
        return ModelCard()
    match = _FRONT_MATTER.match(text)
    data: Any = None
    if match:
        try:
            data = yaml.load(match[1], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (it is safe)
        except (yaml.YAMLError, ValueError, RecursionError):
            data = None
    heading = _HEADING.search(text, match.end() if match else 0)
    said: dict[str, Any] = data if isinstance(data, dict) else {}
    license_name = _first(said.get("license"))
    if license_name in {"other", "unknown"}:
        license_name = _first(said.get("license_name")) or license_name
    index = said.get("model-index")
    entry = index[0] if isinstance(index, list) and index and isinstance(index[0], dict) else {}
    return ModelCard(
        name=_first(said.get("model_name")) or _first(entry.get("name")),
        license=license_name,
        base_model=_first(said.get("base_model")),
        languages=_all(said.get("language")),
        tags=_all(said.get("tags")),
        heading=_plain(heading[1]) if heading else "",
    )


def _all(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    # YAML reads the language code of Norwegian as a boolean.
    texts = ("no" if each is False else str(each).strip() for each in values if isinstance(each, str | bool))
    return tuple(text for text in texts if text)


def _first(value: object) -> str:
    return next(iter(_all(value)), "") if isinstance(value, str | list) else ""


def _plain(text: str) -> str:
    """Return a heading without its markup."""
    return " ".join(_MARKUP.sub(lambda match: match[1] or match[2] or "", text).split())
