"""Whether what a replica needs is there, in one sentence with the numbers, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from forecourt.serving.fit.estimate import CACHE, Estimate

TIGHT = 0.9
"""A replica that takes more than this share of what is there is started with a warning."""
OVERCOMMIT = "forecourt.dev/memory-overcommit"
"""An annotation of an `InferenceService`: where it is ``allowed``, replicas are started even if they do not fit."""
_LEAST_CONTEXT = 512


@dataclass(frozen=True, slots=True)
class Room:
    """What there is, in bytes: `free` on the machine now and `total` at all, `limit` for the replica (0: none).

    `devices` are the free bytes of each accelerator that the replica would have. `shared` are those of its weights that
    other replicas have mapped already. `others` say who has memory that could be given up, the largest first.
    """

    free: int
    total: int
    limit: int = 0
    devices: tuple[int, ...] = ()
    shared: int = 0
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fits`, perhaps only just (`tight`); `ever` is false where it never can on this machine with these settings."""

    fits: bool
    tight: bool
    ever: bool
    message: str
    hint: str = ""

    @property
    def sentence(self) -> str:
        """All of it."""
        return f"{self.message} {self.hint}".strip()


def judge(need: Estimate, room: Room, *, beside: int = 0) -> Verdict:
    """Say whether a replica fits; `beside` is how many of the revision before run until it is ready."""
    if need.refuses:
        return Verdict(False, False, False, f"{need.refuses}.", _options(need, 0))
    short: list[tuple[int, int, str, bool]] = []  # needed, there, in words, for ever
    on_host = need.host if need.on_device else need.total
    if room.limit:
        short.append((on_host, room.limit, f"its limit is {text(room.limit)}", True))
    fresh = max(0, on_host - room.shared)
    never = fresh > room.total
    short.append((fresh, room.free, f"free are {text(room.free)}", never))
    if need.on_device and room.devices:
        there = sum(room.devices)
        word = (
            f"free on the accelerator are {text(there)}"
            if len(room.devices) == 1
            else (f"free on the {len(room.devices)} accelerators are {text(there)}")
        )
        short.append((need.total, there, word, False))
    worst = max(short, key=lambda each: (each[0] > each[1] and each[3], each[0] / max(each[1], 1)))
    needed, there, words, for_ever = worst
    message = f"{needs(need)}; {words}"
    if room.shared and needed == fresh:
        message += f" ({text(room.shared)} of the weights are in memory already)"
    if needed <= there:
        tight = needed > TIGHT * there
        return Verdict(True, tight, True, f"{message}." if not tight else f"Memory is tight: it {message}.")
    hints = [_options(need, there - (needed - need.of(CACHE)))]
    if not for_ever and room.others:
        hints.append(f"Or stop another: {', '.join(room.others[:3])}.")
    if not for_ever and beside:
        hints.append(f"{beside} of the revision before run beside it: the strategy Recreate would end them first.")
    if room.limit and words.startswith("its limit"):
        hints.append("Or raise its memory limit.")
    hints.append(f"To start it all the same: the annotation {OVERCOMMIT}: allowed.")
    return Verdict(False, False, not for_ever, f"It {message}.", " ".join(filter(None, hints)))


def needs(need: Estimate) -> str:
    """Return what is needed as a part of a sentence: the sum, then each item."""
    parts = []
    for item in sorted(need.items, key=lambda each: -each.bytes):
        more = f" for {item.note}" if item.name == CACHE and item.note else ""
        parts.append(f"{item.name} {text(item.bytes)}{more}")
    return f"needs {'about' if need.known else 'at least'} {text(need.total)}: {', '.join(parts)}"


def text(count: float) -> str:
    """Return bytes as a person reads them, in powers of 1000, two digits or three: ``3.1 GB``."""
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= size * 0.9995:
            return f"{count / size:.1f} {unit}" if count < 99.95 * size else f"{count / size:.0f} {unit}"
    return f"{count / 1000:.0f} kB"


def _options(need: Estimate, left: int) -> str:
    """Say what needs less: a context that would fit, where one would (`left` bytes are there for the cache)."""
    ways = []
    if need.context_option and need.per_token and need.of(CACHE) and left > 0 and not need.refuses:
        tokens = left // need.per_token // 256 * 256
        if _LEAST_CONTEXT <= tokens < need.tokens and not need.hint.startswith("a smaller VLLM"):
            ways.append(f"{need.context_option}={tokens}")
    if need.refuses and need.context_option:
        ways.append(f"a smaller {need.context_option}")
    if need.hint:
        ways.append(need.hint)
    return f"Try {', or '.join(ways)}." if ways else ""
