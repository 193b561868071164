"""Whoever takes milliseconds takes turns, so that nobody's answer waits for those behind it.

uvloop before 0.23 sends what was answered when it has gone once through all that is ready (``_queue_write`` in
https://github.com/MagicStack/uvloop). Eight searches that are ready at the same time would be answered at the same
time: when the last of them is done. And with any event loop, what else is ready gets its turn between two of them.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Lets one in at a time, in the order in which they came, and the next one when the event loop has come around.

    Use it in an ``async with`` block, around what does not wait for anything itself.
    """

    def __init__(self) -> None:
        self._taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        """Wait for one's turn."""
        if not self._taken:
            self._taken = True
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it had come just now
                self._next()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Give the turn to the next one, after what is ready now."""
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False
