"""YAML text as data, safely: files of catalogs are written by people, and some are sent by strangers.

The parser's events are put together here, one after the other and without recursion, so that what is refused (aliases
that explode, anchors that hold themselves, nesting without end, a key said twice) is refused before it is built. The
data is what JSON can have; keys are texts, as they are written, and so are times (see `scalars`).
"""

from __future__ import annotations

import stat
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from forecourt.catalog.files.document import Container, Document
from forecourt.catalog.files.folders import unreadable
from forecourt.catalog.files.scalars import plain_value
from forecourt.errors import InvalidInput

MIB = 1024 * 1024
_NEWLINE = b"\n"

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_MERGE = "<<"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a text may have at most: bytes (with aliases written out, too), values (likewise), levels of nesting."""

    size: int = 64 * MIB
    values: int = 2_000_000
    depth: int = 64


def read(path: Path, limits: Limits = Limits()) -> Document:
    """Read the file at `path`.

    Raises `NotFound`, and `InvalidInput` for a file that is larger than the limit (which is then not read) or is no
    file, and as `parse` does.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InvalidInput(f"{path} is no file.", hint="Name a YAML file.")
        with path.open("rb") as file:
            # One byte more than the limit: the file may have grown meanwhile.
            data = file.read(limits.size + 1) if found.st_size <= limits.size else None
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from None
    if data is None or len(data) > limits.size:
        raise _too_large(str(path), limits)
    return parse(data, str(path), limits)


def parse(data: bytes, name: str, limits: Limits = Limits()) -> Document:
    """Return what a text says; it is one YAML document, in UTF-8.

    Raises `InvalidInput`, ``NAME, line L, column C: what``.
    """
    if len(data) > limits.size:
        raise _too_large(name, limits)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        message = f"{name}, {_position(data[: error.start])}: this is not UTF-8."
        raise InvalidInput(message, hint="Save the file as UTF-8.") from None
    reading = _Reading(name, limits, may_have_surrogates=b"\\u" in data or b"\\U" in data)
    parser = None
    try:
        parser = _Parser(data)
        reading.run(parser)
    except yaml.MarkedYAMLError as error:
        raise reading.refused(str(error.problem or error.context), error.problem_mark or error.context_mark) from None
    except yaml.reader.ReaderError as error:
        # One of the two parsers counts bytes, the other characters.
        before = data.decode()[: error.position].encode() if error.encoding == "unicode" else data[: error.position]
        raise InvalidInput(f"{name}, {_position(before)}: {error.reason}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidInput(f"{name}: {' '.join(str(error).split())}.") from None
    finally:
        if parser is not None:
            parser.dispose()
    return Document(name, reading.value, reading.lines)


def _position(before: bytes) -> str:
    column = len(before[before.rfind(_NEWLINE) + 1 :].decode(errors="replace")) + 1
    return f"line {before.count(_NEWLINE) + 1}, column {column}"


def _too_large(name: str, limits: Limits) -> InvalidInput:
    return InvalidInput(
        f"{name} is larger than {limits.size / MIB:g} MiB.", hint="Split it into several files, one source each."
    )


class _Open:
    """A list or a mapping whose end was not reached, and what is counted of it."""

    __slots__ = ("anchor", "before", "height", "key", "lines", "merged", "merging", "value")

    def __init__(self, value: Container, line: int, anchor: str | None, before: tuple[int, int]) -> None:
        self.value = value
        self.lines = array("I", [line])
        self.anchor = anchor
        self.before = before
        self.height = 1
        self.key: str | None = None
        self.merging = False
        self.merged: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    nodes: int
    text: int
    height: int


class _Reading:
    """One pass over the events of a text."""

    def __init__(self, name: str, limits: Limits, *, may_have_surrogates: bool) -> None:
        self.name = name
        self.limits = limits
        self.may_have_surrogates = may_have_surrogates
        self.value: Any = None
        self.lines: dict[int, array[int]] = {}
        self.nodes = self.text = 0
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Anchored | None] = {}

    def refused(self, message: str, mark: Any, hint: str = "") -> InvalidInput:
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        return InvalidInput(f"{self.name}{where}: {message.rstrip('.')}.", hint=hint)

    def run(self, parser: Any) -> None:
        documents = 0
        for event in _events(parser):
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._start(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.refused(
                        "a second document begins here",
                        event.start_mark,
                        "Leave one document in the file, without ---.",
                    )

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        written: str = event.value
        if self.may_have_surrogates and not written.isascii() and any("\ud800" <= sign <= "\udfff" for sign in written):
            raise self.refused("half of a surrogate pair is no character", event.start_mark)
        self._count(1, len(written), event)
        if self._wants_key():
            self._key(written, event, merging=event.implicit[0] and written == _MERGE)
            return
        value = plain_value(written) if event.implicit[0] else self._tagged(event)
        if event.anchor:
            self.anchors[event.anchor] = _Anchored(value, 1, len(written), 0)
        self._place(value, event)

    def _tagged(self, event: yaml.ScalarEvent) -> Any:
        tag, written = event.tag, event.value
        if tag in (None, "!", _CORE + "str", _CORE + "timestamp"):
            return written
        kinds = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}
        kind: Any = kinds.get(tag.removeprefix(_CORE))
        if kind is None:
            raise self.refused(f"{tag} is no tag that is known here", event.start_mark, "Leave the tag out.")
        value = plain_value(written)
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise self.refused(f"{written[:40]!r} is no {tag.removeprefix(_CORE)}", event.start_mark)
        return value

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _CORE + ("map" if mapping else "seq")):
            raise self.refused(f"{event.tag} is no tag that is known here", event.start_mark, "Leave the tag out.")
        if self._wants_key():
            raise self.refused("a key is a text, and no list or mapping", event.start_mark)
        self._deep(len(self.stack) + 1, event)
        if event.anchor:
            self.anchors[event.anchor] = None
        before = (self.nodes, self.text)
        self._count(1, 0, event)
        self.stack.append(_Open({} if mapping else [], _line(event), event.anchor, before))

    def _end(self, event: yaml.CollectionEndEvent) -> None:
        done = self.stack.pop()
        for merged in done.merged:
            assert isinstance(done.value, dict)
            done.value.update({key: value for key, value in merged.items() if key not in done.value})
        self.lines[id(done.value)] = done.lines
        if done.anchor:
            nodes, text = self.nodes - done.before[0], self.text - done.before[1]
            self.anchors[done.anchor] = _Anchored(done.value, nodes, text, done.height)
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, done.height + 1)
        self._place(done.value, event, done.lines[0])

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self.anchors:
            raise self.refused(f"nothing before is anchored as &{event.anchor}", event.start_mark)
        anchored = self.anchors[event.anchor]
        if anchored is None:
            raise self.refused(f"&{event.anchor} holds itself", event.start_mark)
        if self._wants_key():
            raise self.refused("a key is written out, and no alias", event.start_mark)
        self._deep(len(self.stack) + anchored.height, event)
        self._count(anchored.nodes, anchored.text, event)
        if self.stack:
            self.stack[-1].height = max(self.stack[-1].height, anchored.height + 1)
        self._place(anchored.value, event)

    def _wants_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def _key(self, written: str, event: yaml.ScalarEvent, *, merging: bool) -> None:
        top = self.stack[-1]
        assert isinstance(top.value, dict)
        top.key, top.merging = written, merging
        if merging:
            return
        if written in top.value:
            raise self.refused(f"{written[:80]!r} is said twice", event.start_mark, "Leave one of them.")
        # It has its place among the keys before its value is known, as its line has among the lines.
        top.value[written] = None
        top.lines.append(_line(event))

    def _place(self, value: Any, event: yaml.Event, line: int = 0) -> None:
        if not self.stack:
            self.value = value
            return
        top = self.stack[-1]
        if isinstance(top.value, list):
            top.value.append(value)
            top.lines.append(line or _line(event))
            return
        key, top.key = top.key, None
        assert key is not None
        if not top.merging:
            top.value[key] = value
            return
        several = value if isinstance(value, list) else [value]
        if not all(isinstance(each, dict) for each in several):
            raise self.refused("<< takes a mapping, or a list of them", event.start_mark)
        top.merged.extend(several)

    def _count(self, nodes: int, text: int, event: yaml.Event) -> None:
        self.nodes += nodes
        self.text += text
        if self.nodes > self.limits.values or self.text > self.limits.size:
            what = f"{self.limits.values:,} values" if self.nodes > self.limits.values else f"{self.limits.size} bytes"
            raise self.refused(f"with its aliases written out this is more than {what}", event.start_mark)

    def _deep(self, depth: int, event: yaml.Event) -> None:
        if depth > self.limits.depth:
            raise self.refused(f"this is nested more than {self.limits.depth} deep", event.start_mark)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _events(parser: Any) -> Iterator[yaml.Event]:
    while parser.check_event():
        yield parser.get_event()
