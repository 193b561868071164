"""How much memory a replica needs, item by item. Pure values: what fills them is one module for each runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GIB = 1024**3
MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Launch:
    """How a replica would be started: its arguments and variables, and what it finds.

    `limit` is the most memory that it may use (bytes, 0: no limit), `free` what is free on the machine, `device` the
    memory of one of its accelerators; `devices` says how many it gets.
    """

    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    limit: int = 0
    free: int = 0
    devices: int = 0
    device: int = 0

    def value(self, *names: str) -> str:
        """Return what an option says, by any of its names, the last time that it is there; nothing where it is not."""
        found = ""
        for index, word in enumerate(self.args):
            name, equals, value = word.partition("=")
            if name in names:
                following = self.args[index + 1] if index + 1 < len(self.args) else ""
                found = value if equals else following
        return found

    def number(self, *names: str) -> int | None:
        """Return the same as a whole number (``8k`` and ``1.5K`` are numbers to vLLM); None where it is none."""
        text = self.value(*names).strip()
        scale = {"k": 1000, "m": 10**6, "g": 10**9, "K": 1024, "M": 1024**2, "G": 1024**3}.get(text[-1:], 1)
        try:
            number = float(text[:-1]) * scale if scale > 1 else float(text)
        except ValueError:
            return None
        return int(number) if abs(number) < 2**60 else None

    def has(self, *names: str) -> bool:
        """Whether an option is there, with a value or without."""
        return any(word.partition("=")[0] in names for word in self.args)


@dataclass(frozen=True, slots=True)
class Item:
    """A part of the memory, in bytes. `mapped` says that it is a file's pages, which replicas of one model share."""

    name: str
    bytes: int
    note: str = ""
    mapped: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a replica needs. `known` is false where something that may be large could not be counted.

    `growth` is what it may take beyond that if there is room, and does without otherwise. `refuses` says why the
    runtime would not start with these settings. `per_token` (bytes) and `context_option` say what a shorter context
    saves; the cache is of `tokens`. `on_device` says that weights and cache are in an accelerator's memory,
    all but `host` bytes.
    """

    items: tuple[Item, ...]
    known: bool = True
    unknown: tuple[str, ...] = ()
    growth: int = 0
    refuses: str = ""
    tokens: int = 0
    per_token: int = 0
    context_option: str = ""
    hint: str = ""
    on_device: bool = False
    host: int = 0

    @property
    def total(self) -> int:
        """All of it, in bytes."""
        return sum(item.bytes for item in self.items)

    @property
    def mapped(self) -> int:
        """What replicas of the same model on one machine share."""
        return sum(item.bytes for item in self.items if item.mapped)

    @property
    def private(self) -> int:
        """What each replica needs for itself."""
        return self.total - self.mapped

    def of(self, name: str) -> int:
        """Return the bytes of an item; 0 where there is none."""
        return sum(item.bytes for item in self.items if item.name == name)


WEIGHTS, CACHE, COMPUTE, RUNTIME = "weights", "KV cache", "computing", "runtime"
"""The names of items that every runtime has; there may be others."""
