"""A blob to a registry: in one request where that works, in chunks where it must be, and on from where it broke off.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs. One PUT with the whole body is
the default: it is one round trip, and several registries refuse chunks. Chunks are for a registry (or the proxy before
it) that refuses a long body with 413, and for the rest of a blob whose PUT broke, where the registry says how much of
it has arrived.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from forecourt.errors import ContentMismatch, ForecourtError, RegistryError
from forecourt.oci.client.connection import Response
from forecourt.oci.client.failure import failure
from forecourt.oci.client.request import Body, Lost, scopes
from forecourt.oci.client.source import Source
from forecourt.oci.client.transport import Transport
from forecourt.oci.progress import Progress

_CHUNK = 64 * 1024 * 1024
_BYTES = "application/octet-stream"
_NO_CHUNKS = re.compile(
    r"ghcr\.io|(?:.+\.)?gcr\.io|.+\.pkg\.dev|public\.ecr\.aws|\d+\.dkr[.-]ecr(?:-fips)?\..+\.amazonaws\.com(?:\.cn)?"
)
"""Registries that do not take PATCH, or not as the specification has it."""

_TOO_LARGE = 413
_PUSH = ("pull", "push")


@dataclass
class _Session:
    """An upload that the registry has opened: where it goes on, and how many bytes have arrived."""

    location: str
    sent: int = 0
    least: int = 0  # bytes, that a chunk must have


class _Again(Exception):
    """The registry wants the request another time, or in another way."""

    def __init__(self, response: Response, error: ForecourtError) -> None:
        self.response = response
        self.error = error


class Upload:
    """Sends one blob into a repository."""

    def __init__(self, transport: Transport, repository: str, source: Source, *, what: str, progress: Progress) -> None:
        self._transport = transport
        self._repository = repository
        self._source = source
        self._what = what
        self._progress = progress
        self._told = 0
        self._may_chunk = not _NO_CHUNKS.fullmatch(transport.registry.partition(":")[0])
        self._must_chunk = False

    def run(self, mount_from: str = "") -> str:
        """Bring the blob there and return how: ``already there``, ``mounted`` or ``pushed``."""
        if self.exists():
            return "already there"
        session = self._begin(mount_from)
        if session is None:
            return "mounted"
        try:
            self._bring(session)
        except ForecourtError:
            self._abandon(session)
            raise
        return "pushed"

    def exists(self) -> bool:
        """Ask whether the repository has the blob."""
        path = f"/v2/{self._repository}/blobs/{self._source.digest}"
        with self._transport.request("HEAD", path, self._repository) as response:
            if response.status in (200, 404):
                return response.status == 200
            raise failure(self._transport, response, "the question for a blob", self._repository)

    def _bring(self, session: _Session) -> None:
        """Send the blob, as often as patience and the registry's answers allow."""
        attempt, broke_at = 0, 0
        while True:
            try:
                return self._send(session)
            except (Lost, _Again) as problem:
                attempt = 1 if session.sent > broke_at else attempt + 1
                broke_at = session.sent
                again = problem if isinstance(problem, _Again) else None
                if attempt >= self._transport.patience.attempts:
                    raise (again.error if again else problem) from None
                self._transport.rest(attempt, again.response if again else None)
            if self.exists():  # all of it had arrived, and only the answer was lost
                return self._tell(self._source.size)
            self._resume(session)

    def _send(self, session: _Session) -> None:
        size = self._source.size
        if session.sent or self._must_chunk:
            while session.sent < size:
                self._patch(session, min(size - session.sent, max(_CHUNK, session.least)))
            self._put(session, None)
        else:
            self._put(session, self._source.body(0, size, self._advance))

    def _put(self, session: _Session, body: Body | None) -> None:
        """Close the upload, with the whole blob or after its chunks."""
        url = session.location + ("&" if "?" in session.location else "?")
        url += urlencode({"digest": self._source.digest}, safe=":")
        with self._request("PUT", url, {"Content-Type": _BYTES}, body) as response:
            if response.status not in (200, 201, 204):
                raise self._problem(response)

    def _patch(self, session: _Session, length: int) -> None:
        start = session.sent
        headers = {"Content-Type": _BYTES, "Content-Range": f"{start}-{start + length - 1}"}
        body = self._source.body(start, length, self._advance)
        with self._request("PATCH", session.location, headers, body) as response:
            if response.status not in (202, 204, 201):
                raise self._problem(response)
            session.sent = _arrived(response) or start + length
            self._move(session, response)

    def _problem(self, response: Response) -> ForecourtError | _Again:
        """Say what an answer to PUT or PATCH means: to give up, or to try again."""
        doing = f"the upload of {self._source.digest.short}"
        if response.status == 400 and b"DIGEST_INVALID" in response.read():
            return ContentMismatch(f"{self._transport.registry} received other bytes than {self._source.digest}.")
        error = failure(self._transport, response, doing, self._repository)
        if response.status == _TOO_LARGE and self._may_chunk and not self._must_chunk:
            self._must_chunk = True
            return _Again(response, error)
        # 401: a token ran out on the way. 404: the registry has forgotten the upload. 416: it has less, or more.
        worth_another = response.status in (401, 404, 408, 416, 429) or response.status >= 500
        return _Again(response, error) if worth_another else error

    def _begin(self, mount_from: str = "", *, mount: bool = True) -> _Session | None:
        """Open an upload; None where the registry took the blob from another of its repositories instead.

        Without a repository to take it from, the registry may look itself ("automatic content discovery").
        """
        query = {"mount": str(self._source.digest)} | ({"from": mount_from} if mount_from else {}) if mount else {}
        path = f"/v2/{self._repository}/blobs/uploads/" + (f"?{urlencode(query, safe=':/')}" if query else "")
        extra = scopes(mount_from, ("pull",)) if mount_from else frozenset()
        with self._transport.request("POST", path, self._repository, _PUSH, extra_scopes=extra) as response:
            if response.status == 201 and mount:
                return None
            if response.status != 202:
                if mount:  # it may lack the right to the other repository, or not know such requests
                    return self._begin(mount=False)
                raise failure(self._transport, response, "the upload of a blob", self._repository)
            session = _Session("")
            least = response.header("OCI-Chunk-Min-Length")
            session.least = int(least) if least.isdigit() else 0
            self._move(session, response)
            return session

    def _resume(self, session: _Session) -> None:
        """Find out how much has arrived, and go on from there; open another upload where that cannot be known."""
        if self._may_chunk and self._source.seekable:
            with self._request("GET", session.location, {}, None, replay=True) as response:
                # "0-0" is what docker-registry says of nothing at all.
                if response.status in (200, 202, 204) and (arrived := _arrived(response)) > 1:
                    session.sent = arrived
                    self._move(session, response)
                    return self._tell(arrived)
        self._abandon(session)
        opened = self._begin(mount=False)
        assert opened
        session.location, session.sent, session.least = opened.location, 0, opened.least
        return self._tell(0)

    def _abandon(self, session: _Session) -> None:
        """Let the registry forget an upload; it would do so itself in time."""
        with contextlib.suppress(ForecourtError):
            self._request("DELETE", session.location, {}, None).close()

    def _move(self, session: _Session, response: Response) -> None:
        location = response.header("Location")
        if location:
            session.location = self._transport.resolve(response, location)
        elif not session.location:
            raise RegistryError(f"{self._transport.registry} opened an upload without saying where.")

    def _request(
        self, method: str, url: str, headers: dict[str, str], body: Body | None, *, replay: bool = False
    ) -> Response:
        return self._transport.request(method, url, self._repository, _PUSH, headers=headers, body=body, replay=replay)

    def _advance(self, count: int) -> None:
        self._told += count
        self._progress.advance(self._what, count)

    def _tell(self, position: int) -> None:
        """Correct what was said about progress."""
        if position != self._told:
            self._advance(position - self._told)


def _arrived(response: Response) -> int:
    """Return how many bytes an upload's ``Range: 0-…`` says have arrived."""
    said = re.fullmatch(r"(?:bytes=)?0-(\d+)", response.header("Range").strip())
    return int(said[1]) + 1 if said else 0
