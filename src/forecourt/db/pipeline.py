"""PostgreSQL asked from the event loop: many small questions on few connections, without a thread for each.

A question goes out at once, whatever has not been answered before it (libpq's pipeline mode), so that a round trip and
its system calls are shared by all who wait; and changes that come while others are made share the next commit. Code
that asks is written as for any other connection: it runs in a greenlet, which waits where others go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Dialect, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util.concurrency import await_only, greenlet_spawn

if TYPE_CHECKING:  # it loads the driver, which is needed on PostgreSQL only
    from forecourt.db.libpq import Pipeline, Rows, Statement

T = TypeVar("T")
Asked = tuple["Statement", "asyncio.Future[Rows]"]

_TOGETHER = 64  # changes in one commit at most


class Pipelined:
    """What a prepared statement takes for a connection where it runs in `Pipelines.run`."""

    def __init__(self, pipelines: Pipelines) -> None:
        self._pipelines = pipelines
        self.dialect: Dialect = pipelines.dialect

    def rows(self, text: str, values: Sequence[Any], *, changes: bool) -> Rows:
        """Return what a statement returns, once it is committed where it changes something; raises `DBAPIError`."""
        made = self._pipelines.change if changes else self._pipelines.read
        rows: Rows = await_only(made((text, values)))
        return rows


class Pipelines:
    """The connections of one event loop; `close` them there, or when it has ended."""

    def __init__(self, engine: Engine) -> None:
        from forecourt.db.libpq import Pipeline

        self.dialect = engine.dialect
        self._reading = Pipeline(engine)
        self._writing = Pipeline(engine)  # one: what comes while it works is in the next commit
        self._committing = False
        self._reads: list[Asked] = []
        self._changes: deque[Asked] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, work: Callable[[Any], T]) -> T:
        """Return what `work` returns, which is given the connection that its prepared statements need."""
        result: T = await greenlet_spawn(work, Pipelined(self))
        return result

    def read(self, statement: Statement) -> asyncio.Future[Rows]:
        """Return what a query finds; it is sent with what else is asked in this round of the event loop."""
        loop = asyncio.get_running_loop()
        if not self._reads:
            loop.call_soon(self._send_reads)
        asked = (statement, loop.create_future())
        self._reads.append(asked)
        return asked[1]

    def change(self, statement: Statement) -> asyncio.Future[Rows]:
        """Make a change, all or nothing; what it returns is there once it is committed."""
        loop = asyncio.get_running_loop()
        if not self._changes:
            loop.call_soon(self._send_changes)
        asked = (statement, loop.create_future())
        self._changes.append(asked)
        return asked[1]

    def close(self) -> None:
        """Close the connections."""
        self._reading.close()
        self._writing.close()

    def _send_reads(self) -> None:
        batch, self._reads = self._reads, []
        self._begin(self._find(batch))

    async def _find(self, batch: Sequence[Asked]) -> None:
        _tell(batch, await _results(self._reading, batch))

    def _send_changes(self) -> None:
        if self._changes and not self._committing:
            self._committing = True
            self._begin(self._commit([self._changes.popleft() for _ in range(min(len(self._changes), _TOGETHER))]))

    async def _commit(self, batch: Sequence[Asked]) -> None:
        try:
            results = await _results(self._writing, batch)
        finally:
            self._committing = False
            self._send_changes()  # before anybody is told: the database works while those are answered
        _tell(batch, results)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _results(pipeline: Pipeline, batch: Sequence[Asked]) -> Sequence[Rows | BaseException]:
    """Run statements together; where one fails, each for itself: whoever is refused is refused alone."""
    statements = [statement for statement, _ in batch]
    try:
        return await pipeline.together(statements)
    except Exception as error:
        if len(batch) == 1 or (isinstance(error, DBAPIError) and error.connection_invalidated):
            return [error] * len(batch)
        alone = (pipeline.together([statement]) for statement in statements)
        each = await asyncio.gather(*alone, return_exceptions=True)
        return [one if isinstance(one, BaseException) else one[0] for one in each]


def _tell(batch: Sequence[Asked], results: Sequence[Rows | BaseException]) -> None:
    """Give everybody who asked what came of it."""
    for (_, answer), result in zip(batch, results, strict=True):
        if answer.done():  # who waited for it has gone
            continue
        if isinstance(result, BaseException):
            answer.set_exception(result)
        else:
            answer.set_result(result)
