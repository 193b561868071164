"""Answers that last, such as events, watches and logs that are followed, end with what their asker was let in by.

Who asks is found out as a request comes. An answer that goes on for hours would outlive the session that ended, the
token that was revoked, the user who was removed or is another by now; so it is looked at every few seconds whether
whoever was let in still would be. Only what is read ends so: a change that was begun is brought to its end.
"""

from __future__ import annotations

import asyncio
from typing import Any

from forecourt.access.access import Access
from forecourt.access.identity import Asking

LOOK_SECONDS = 2.0
_READS = frozenset({"GET", "HEAD"})


class Lasting:
    """The requests that are being answered, with who asks; `run` ends those of who would not be let in any more."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._answered: dict[asyncio.Timeout, Asking | None] = {}

    async def answer(self, application: Any, scope: Any, receive: Any, send: Any, said: Asking | None) -> None:
        """Have `application` answer a request; None asks where nobody is asked who they are."""
        if scope["method"] not in _READS:
            await application(scope, receive, send)
            return
        until = asyncio.timeout(None)
        started = ended = False

        async def sent(message: Any) -> None:
            nonlocal started, ended
            if message["type"] == "http.response.start":
                started = True
                if any(name == b"content-length" for name, _ in message["headers"]):
                    self._answered.pop(until, None)  # it ends by itself, and must not end earlier
            elif message["type"] == "http.response.body":
                ended = not message.get("more_body", False)
            await send(message)

        try:
            async with until:
                self._answered[until] = said
                try:
                    await application(scope, receive, sent)
                finally:
                    self._answered.pop(until, None)
        except TimeoutError:
            if not until.expired():
                raise
            if not started:
                await send({"type": "http.response.start", "status": 401, "headers": []})
            if not ended:
                await send({"type": "http.response.body", "body": b""})

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """End the answers to whoever would not be let in any more; for the event loop's thread."""
        now = asyncio.get_running_loop().time()
        for until, said in list(self._answered.items()):
            if not self._access.knows(said):
                until.reschedule(now)
