"""What loaders hand on, and when they give up.

A model that fails is left out, but a server that fails for several models in a row has failed itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from forecourt.catalog.model import Entry, Loading, Problem
from forecourt.errors import ForecourtError, Unavailable

IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class Failed:
    """A model of which the server did not give what belongs to it."""

    name: str
    error: ForecourtError


Found: TypeAlias = list[Entry | Problem | Failed]
"""What came of one model that was looked at: mostly an `Entry`, with a `Problem` where something of it is missing."""


def delivered(found: Iterable[Found], loading: Loading, of: int | None = None) -> Iterator[Entry | Problem]:
    """Yield what was found, a failure as a `Problem`, and tell `loading` of each model, of which there are `of`.

    Raises the failure where the server has not answered for `IN_A_ROW` models one after the other. Ends where nobody
    wants more.
    """
    failures = 0
    for done, results in enumerate(found, 1):
        failed = [each.error for each in results if isinstance(each, Failed) and isinstance(each.error, Unavailable)]
        failures = failures + 1 if failed else 0
        if failures >= IN_A_ROW:
            raise failed[0]
        for each in results:
            yield Problem(each.name, each.error.message) if isinstance(each, Failed) else each
        loading.progress(done, of)
        if loading.stopped():
            return
