"""What replicas printed, as one stream: the last lines of each, then what they go on to print.

A log is a file that its process appends to. It is read again from where reading stopped; when it is shorter than
that, it was rotated, and is read from its beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_PAUSE = 0.2  # seconds between two looks at the files
_CHUNK = 256 * 1024


@dataclass(slots=True)
class _Tail:
    path: Path
    offset: int
    rest: bytes = b""

    def read(self) -> list[bytes]:
        """Return the whole lines that were added."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, 2) < self.offset:
                    self.offset = 0
                file.seek(self.offset)
                data = file.read(_CHUNK)
        except FileNotFoundError:
            return []
        self.offset += len(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line + b"\n" for line in lines]


async def read_logs(files: Callable[[], Mapping[str, Path]], *, tail: int | None, follow: bool) -> AsyncIterator[bytes]:
    """Yield lines of the logs that `files` names, the last `tail` of each, or all where it is None.

    `files` is asked again while following, so that a replica that is started later is heard too. Where there are
    several, each line begins with its replica's name in brackets, as kubectl's ``--prefix`` has it.
    """
    tails: dict[str, _Tail] = {}
    first = True
    while True:
        now = files()
        for name, path in now.items():
            if name not in tails:
                tails[name] = _Tail(path, _start(path, tail) if first else 0)
        for name in list(tails):
            lines = tails[name].read()
            while lines:
                prefix = f"[{name}] ".encode() if len(now) > 1 else b""
                yield b"".join(prefix + line for line in lines)
                lines = tails[name].read()
            if name not in now:
                del tails[name]
        first = False
        if not follow:
            for name, unfinished in tails.items():
                if unfinished.rest:
                    yield (f"[{name}] ".encode() if len(now) > 1 else b"") + unfinished.rest + b"\n"
            return
        await asyncio.sleep(_PAUSE)


def _start(path: Path, lines: int | None) -> int:
    """Return where the last `lines` of a file begin, in bytes."""
    if lines is None or not path.exists():
        return 0
    with path.open("rb") as file:
        position = end = file.seek(0, 2)
        seen = 0
        while position:
            step = min(_CHUNK, position)
            position -= step
            file.seek(position)
            chunk = file.read(step)
            at = len(chunk)
            while (at := chunk.rfind(b"\n", 0, at)) >= 0:
                if position + at != end - 1:
                    seen += 1
                    if seen == lines:
                        return position + at + 1
        return 0
