"""Answers that last, such as events, watches and logs that are followed, end with what their asker was let in by.

Who asks is found out as a request comes. An answer that goes on for hours would outlive the session that ended, the
token that was revoked, the role that was taken away, the user who was removed or is another by now; so it is looked at
every few seconds whether whoever was let in still would be, and may still do what was found to be wanted on the way
(`note_wanted`). Only what is read ends so: a change that was begun is brought to its end.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from forecourt.access.access import Access
from forecourt.access.identity import Asking
from forecourt.access.rules import Wanted

LOOK_SECONDS = 2.0
_READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class _Answered:
    """A request that is being answered: who asks, and what they were found to want, and may."""

    said: Asking | None
    wants: set[Wanted] = field(default_factory=set)


_answered: ContextVar[_Answered | None] = ContextVar("forecourt_answered", default=None)


def note_wanted(wanted: Wanted) -> None:
    """Note that the request which is being answered wants something, which its asker may."""
    if (request := _answered.get()) is not None:
        request.wants.add(wanted)


class Lasting:
    """The requests that are being answered, with who asks; `run` ends those of who would not be let in any more."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._answered: dict[asyncio.Timeout, _Answered] = {}

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
                request = self._answered[until] = _Answered(said)
                before = _answered.set(request)
                try:
                    await application(scope, receive, sent)
                finally:
                    _answered.reset(before)
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
        for until, request in list(self._answered.items()):
            if not self._access.knows(request.said) or not self._may_still(request):
                until.reschedule(now)

    def _may_still(self, request: _Answered) -> bool:
        identity = request.said.identity if request.said else None
        return identity is None or all(self._access.may(identity, wanted) for wanted in request.wants)
