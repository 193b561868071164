"""Model cards: the YAML before the text of a README.md, and the first paragraph of the text.

https://huggingface.co/docs/hub/model-cards#model-card-metadata. A card is written by people: what is wrong in it is
passed over, and stops nobody.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

LONGEST = 500
"""Characters of a description."""

_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_MOST_YAML = 64 * 1024
_LOOKED_AT = 16 * 1024  # characters of the text, in which its first paragraph is looked for
_NO_PROSE = re.compile(r"#|\||>|[-*+]\s|\d+[.)]\s|={3}|-{3}|:::|\[!")
_FENCE = re.compile(r"[ \t]*(```|~~~)")
_UNDERLINE = re.compile(r"\s*(=+|-+)\s*")
_IMAGE = re.compile(r"!\[[^\[\]]*\](\([^()]*\)|\[[^\[\]]*\])")
_LINK = re.compile(r"\[([^\[\]]*)\](\([^()]*\)|\[[^\[\]]*\])")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_EMPHASIS = re.compile(r"[*`~]+|(?<!\w)_+|_+(?!\w)")
_FEWEST_LETTERS = 20


@dataclass(frozen=True, slots=True)
class Card:
    """What the card says by keys, and its text."""

    data: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""


def parse(text: str) -> Card:
    """Read a card; what is no YAML says nothing."""
    match = _FRONT_MATTER.match(text)
    if not match:
        return Card(body=text)
    data: object = None
    if match.end(1) - match.start(1) <= _MOST_YAML:
        try:
            data = yaml.load(match[1], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (it is safe)
        except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError):
            data = None
    said = {str(key): value for key, value in data.items()} if isinstance(data, dict) else {}
    return Card(said, text[match.end() :])


def first_paragraph(body: str) -> str:
    """Return the first paragraph of prose as one line of plain text, at most `LONGEST` characters; or nothing.

    That is the first one that ends as a sentence does, or else the first that has words enough.
    """
    fallback = ""
    for block in _blocks(_without_comments(body[:_LOOKED_AT])):
        plain = _plain(block)
        if sum(map(str.isalpha, plain)) >= _FEWEST_LETTERS and " " in plain:
            if plain.endswith((".", "!", "?", ".)")):
                return cut(plain)
            fallback = fallback or plain
    return cut(fallback)


def cut(text: str) -> str:
    """Return a text as one line of at most `LONGEST` characters, cut between two words."""
    line = " ".join(text.split())
    if len(line) <= LONGEST:
        return line
    head, space, _ = line[:LONGEST].rpartition(" ")
    return f"{(head if space else line[: LONGEST - 1]).rstrip(' ,;:')}…"


def texts(value: object) -> list[str]:
    """Return what a key says, which may be one text or a list of them."""
    values = value if isinstance(value, list) else [value]
    # YAML reads the language code of Norwegian as a boolean.
    found = ("no" if each is False else each.strip() for each in values if each is False or isinstance(each, str))
    return [text for text in found if text]


def _without_comments(text: str) -> str:
    kept = []
    while True:
        before, begins, rest = text.partition("<!--")
        kept.append(before)
        if not begins:
            return "".join(kept)
        text = rest.partition("-->")[2]


def _blocks(text: str) -> Iterator[str]:
    """Yield what stands between empty lines, without code, headings, lists, tables and quotations."""
    block: list[str] = []
    in_code = False
    for line in [*text.splitlines(), ""]:
        if _FENCE.match(line):
            in_code = not in_code
            block = []
        elif in_code:
            continue
        elif not line.strip():
            if block:
                yield " ".join(block)
            block = []
        elif block and _UNDERLINE.fullmatch(line):
            block = []  # what was above it is a heading
        elif _NO_PROSE.match(line.lstrip()):
            if block:
                yield " ".join(block)
            block = []
        else:
            block.append(line.strip())


def _plain(block: str) -> str:
    without_images = _IMAGE.sub("", block)
    words = _EMPHASIS.sub("", _TAG.sub(" ", _LINK.sub(lambda match: match[1], without_images)))
    return " ".join(html.unescape(words).split())
