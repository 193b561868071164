"""What pages hear while they are open: that something they show has changed. They ask for it again themselves.

A page listens to ``/events?on=deployments&on=jobs&since=…``; each change is an event with the topic's name, and what
changed as its data. One that shows a single thing listens to that alone: ``on=deployments/default/granite``. `since` is
the moment at which the page was made, so that nothing is missed between the two. One follower watches the objects for
all pages: an open page costs a connection and a queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from forecourt.access import RoleBinding
from forecourt.objects import KubernetesObject, ObjectStore, keep_following

_KEEP_ALIVE_SECONDS = 15.0
_MOST_WAITING = 32  # changes that a page has not taken; one that falls further behind is told of each topic once

log = logging.getLogger(__name__)


Sees = Callable[[str], bool]
"""Says whether who asks may see what is in a project."""


def everything(_: str) -> bool:
    """See everything."""
    return True


class Live:
    """Tells open pages what changes, as far as `sees` says that who looks at them may see it."""

    def __init__(self, sees: Sees = everything) -> None:
        self._sees = sees
        self._server = secrets.token_hex(4)
        self._moment = 0
        self._last: dict[str, int] = {}
        self._pages: dict[asyncio.Queue[tuple[str, str]], frozenset[str]] = {}

    @property
    def moment(self) -> str:
        """Now, as a page says it that wants to hear what changes after."""
        return f"{self._server}-{self._moment}"

    def tell(self, topic: str, what: str = "") -> None:
        """Tell the pages that listen to a topic what of it has changed; for the event loop's thread."""
        self._moment += 1
        self._last[topic] = self._moment
        for queue, topics in self._pages.items():
            for heard in topics & {topic, f"{topic}/{what}"}:
                if queue.full():
                    while not queue.empty():
                        queue.get_nowait()
                    for each in topics - {heard}:
                        queue.put_nowait((each, ""))
                    what = ""
                queue.put_nowait((heard, what))

    def from_threads(self, topic: str) -> Callable[[str], None]:
        """Return what tells of a topic from any thread, for as long as this event loop runs."""
        loop = asyncio.get_running_loop()

        def tell(what: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(self.tell, topic, what)

        return tell

    async def follow(self, objects: ObjectStore, topics: Mapping[type[KubernetesObject], str]) -> None:
        """Tell of every change of objects of some kinds, until it is cancelled."""

        async def of(kind: type[KubernetesObject], topic: str) -> None:
            async for _, changed in objects.watch(kind):
                self.tell(topic, f"{changed.namespace}/{changed.name}".lstrip("/"))
                if isinstance(changed, RoleBinding):  # who gets a role sees another project, and who loses it one less
                    self.tell("projects")

        async with asyncio.TaskGroup() as group:
            for kind, topic in topics.items():
                failed = f"Changes of {topic} could not be followed"
                group.create_task(keep_following(lambda kind=kind, topic=topic: of(kind, topic), failed))  # type: ignore[misc]

    async def events(self, request: Request) -> Response:
        """Answer with what changes, for as long as the page is open."""
        topics = frozenset(request.query_params.getlist("on")[:_MOST_WAITING])
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        stream = self._stream(topics, request.query_params.get("since", ""))
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    async def _stream(self, topics: frozenset[str], since: str) -> AsyncIterator[str]:
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue(_MOST_WAITING)
        for topic in self._missed(topics, since):
            queue.put_nowait((topic, ""))
        self._pages[queue] = topics
        try:
            yield "retry: 1500\n\n"
            while True:
                try:
                    async with asyncio.timeout(_KEEP_ALIVE_SECONDS):
                        topic, what = await queue.get()
                    if self._is_seen(topic, what):
                        yield f"event: {topic}\ndata: {what}\n\n"
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            del self._pages[queue]

    def _is_seen(self, topic: str, what: str) -> bool:
        namespace, slash, _ = what.partition("/")
        return not (slash or topic == "projects") or not namespace or self._sees(namespace)

    def _missed(self, topics: frozenset[str], since: str) -> list[str]:
        """Return the topics of which something has changed since; all of them where another server said when."""
        server, _, moment = since.partition("-")
        if server != self._server or not moment.isdecimal():
            return sorted(topics) if since else []
        return sorted(topic for topic in topics if self._last.get(topic.partition("/")[0], 0) > int(moment))
