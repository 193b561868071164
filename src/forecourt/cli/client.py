"""The server's API, over HTTP: what it answers, or the error of `forecourt.errors` that it means."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from forecourt import __version__, errors
from forecourt.cli.invocation import invocation
from forecourt.cli.output import console
from forecourt.cli.resources import Resource
from forecourt.errors import ForecourtError

if TYPE_CHECKING:
    import httpx

# With httpx would come its own command line (click, rich, pygments), which takes as long to import as the rest of it;
# where that cannot be imported, httpx does without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

Document = dict[str, Any]

SERVER = "/api/forecourt/v1/server"
SHUTDOWN = "/api/forecourt/v1/server/shutdown"
TOKEN_PREFIX = "fct_"  # noqa: S105 - of a user's token; a deployment's has another

_API = ("/api/", "/apis/", "/metrics")

_BY_REASON = {
    "AlreadyExists": errors.AlreadyExists,
    "BadRequest": errors.InvalidInput,
    "Conflict": errors.Conflict,
    "Forbidden": errors.Forbidden,
    "InsufficientStorage": errors.StorageFull,
    "Invalid": errors.InvalidObject,
    "NotFound": errors.NotFound,
    "RequestEntityTooLarge": errors.TooLarge,
    "ServiceUnavailable": errors.Unavailable,
    "Unauthorized": errors.Denied,
}
_BY_STATUS = {
    400: errors.InvalidInput,
    401: errors.Denied,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.TooLarge,
    422: errors.InvalidObject,
    502: errors.Unavailable,
    503: errors.Unavailable,
    504: errors.Unavailable,
}


class Client:
    """A running server. Objects are the API's JSON; errors are raised as what they mean."""

    def __init__(self, url: str, *, key: str = "", timeout: float = 60.0) -> None:
        """Prepare to speak to the server at a URL; `key` opens its API, and goes to no deployment."""
        import httpx

        self.url = url
        # Never through a proxy: the server is ours, on loopback or where FORECOURT_HOST put it.
        self._key = key
        self._http = httpx.Client(
            base_url=url, timeout=httpx.Timeout(timeout, connect=5.0), trust_env=False, headers=_who_asks()
        )
        invocation.at_end.callback(self._http.close)

    def identify(self, token: str) -> None:
        """Send a token with every request from now on, as deployments ask for it."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    def about(self, *, within: float = 5.0) -> Document:
        """Return what the server says of itself; raises `Unavailable` where it does not within so many seconds."""
        answer = self._call("GET", SERVER, timeout=within)
        return answer if isinstance(answer, dict) else {}

    def post(self, path: str, document: object) -> Any:
        """POST a JSON document, and return the answer's."""
        return self._call("POST", path, json=document)

    def get(self, path: str, **params: str | int | bool | list[str]) -> Any:
        """GET a path that is no Kubernetes object's, and return the answer.

        Parameters that are empty are left out; a list is one that is said several times.
        """
        return self._call("GET", path, params=_query(params))

    def send(self, method: str, path: str, document: object = None, **params: str | int | bool) -> Any:
        """PUT, PATCH or DELETE such a path, and return the answer."""
        body = {} if document is None else {"json": document}
        return self._call(method, path, params=_query(params), **body)

    def read(self, kind: Resource, namespace: str, name: str) -> Document:
        """Return an object. Raises `NotFound`."""
        found: Document = self._call("GET", kind.path(namespace, name))
        return found

    def list(self, kind: Resource, namespace: str | None, selector: str = "") -> Document:
        """Return the list of a namespace's objects, or of all namespaces' where that is None."""
        found: Document = self._call("GET", kind.path(namespace), params=_query({"labelSelector": selector}))
        return found

    def create(
        self, kind: Resource, namespace: str, document: Document, *, dry_run: bool = False, validate: str = ""
    ) -> Document:
        """Create an object; with `dry_run` only say what it would be. Raises `AlreadyExists`, `InvalidObject`.

        `validate` is Kubernetes' ``fieldValidation``; with ``Strict`` an unknown field is `InvalidInput`.
        """
        params = _query({"dryRun": "All" if dry_run else "", "fieldValidation": validate})
        made: Document = self._call("POST", kind.path(namespace), json=document, params=params)
        return made

    def replace(
        self,
        kind: Resource,
        namespace: str,
        name: str,
        document: Document,
        *,
        dry_run: bool = False,
        validate: str = "",
    ) -> Document:
        """Replace an object; with `dry_run` only say what it would be. `validate` as for `create`.

        Raises `Conflict` where it is no longer at the document's ``resourceVersion``.
        """
        params = _query({"dryRun": "All" if dry_run else "", "fieldValidation": validate})
        made: Document = self._call("PUT", kind.path(namespace, name), json=document, params=params)
        return made

    def patch(self, kind: Resource, namespace: str, name: str, change: Document, *, dry_run: bool = False) -> Document:
        """Merge a change into an object (RFC 7386); with `dry_run` only say what it would be."""
        params = _query({"dryRun": "All" if dry_run else ""})
        content, headers = json.dumps(change), {"Content-Type": "application/merge-patch+json"}
        made: Document = self._call(
            "PATCH", kind.path(namespace, name), content=content, headers=headers, params=params
        )
        return made

    def delete(self, kind: Resource, namespace: str, name: str) -> None:
        """Delete an object. Raises `NotFound`."""
        self._call("DELETE", kind.path(namespace, name))

    def watch(
        self, kind: Resource, namespace: str | None, *, name: str = "", selector: str = "", quiet: float | None = None
    ) -> Iterator[Document]:
        """Yield watch events, ``{"type", "object"}``: first what is there, then every change.

        Ends where the server closes the stream, or has said nothing for `quiet` seconds.
        """
        params = {"labelSelector": selector, "fieldSelector": f"metadata.name={name}" if name else ""}
        for line in self.lines(kind.path(namespace), quiet=quiet, watch=True, **params):
            event = json.loads(line)
            if event["type"] == "ERROR":
                raise meaning(event["object"], 500)
            if not name or event["object"]["metadata"]["name"] == name:
                yield event

    def lines(self, path: str, *, quiet: float | None = None, **params: str | int | bool) -> Iterator[str]:
        """GET text, and yield its lines as they come; ends where nothing comes for `quiet` seconds."""
        import httpx

        with self.stream("GET", path, quiet=quiet, params=_query(params)) as response, suppress(httpx.ReadTimeout):
            yield from response.iter_lines()

    def chunks(self, path: str, **params: str | int | bool) -> Iterator[str]:
        """GET text, and yield it as it comes."""
        with self.stream("GET", path, params=_query(params)) as response:
            yield from response.iter_text()

    @contextmanager
    def stream(self, method: str, path: str, *, quiet: float | None = None, **request: Any) -> Iterator[httpx.Response]:
        """Make a request whose answer is read as it comes, with at most `quiet` seconds between two pieces."""
        import httpx

        with self._errors():
            timeout = httpx.Timeout(None, connect=5.0, read=quiet)
            with self._http.stream(method, path, timeout=timeout, **self._opened(path, request)) as response:
                if response.is_error:
                    response.read()
                    raise _error(response)
                yield response

    def _call(self, method: str, path: str, **request: Any) -> Any:
        with self._errors():
            response = self._http.request(method, path, **self._opened(path, request))
        if response.is_error:
            raise _error(response)
        for warning in response.headers.get_list("warning"):
            console.warn(_warning(warning))
        return response.json() if response.content else None

    def _opened(self, path: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return a request with what opens the API, where it goes to that."""
        if not self._key or not path.startswith(_API):
            return request
        return request | {"headers": {"Authorization": f"Bearer {self._key}"} | (request.get("headers") or {})}

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say what a broken connection means."""
        import httpx

        try:
            yield
        except httpx.TimeoutException as error:
            raise errors.Unavailable(
                f"The server at {self.url} did not answer in time.", hint="See: forecourt logs --server"
            ) from error
        except httpx.TransportError as error:
            raise errors.Unavailable(
                f"The server at {self.url} closed the connection or cannot be reached: {error}",
                hint="See: forecourt status",
            ) from error


def person() -> str:
    """Return the name of the person who runs this, for the registry's audit trail; empty where there is none."""
    import getpass

    try:
        name = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user id that has no name
        return ""
    return name if name.isprintable() else ""


def _who_asks() -> dict[bytes, bytes]:
    headers = {b"User-Agent": f"forecourt/{__version__}".encode()}
    return headers | ({b"X-Forwarded-User": name.encode()} if (name := person().strip()) else {})


def _query(params: Mapping[str, str | int | bool | list[str]]) -> dict[str, str | list[str]]:
    return {
        name: value if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in params.items()
        if value not in ("", []) and value is not False
    }


def _warning(header: str) -> str:
    """Return the text of a ``Warning`` header as Kubernetes writes it: ``299 - "text"``."""
    text = header.partition('"')[2].rpartition('"')[0]
    return text.replace('\\"', '"').replace("\\\\", "\\")


def _error(response: httpx.Response) -> ForecourtError:
    try:
        document = response.json()
    except ValueError:
        document = {"message": f"The server answered {response.status_code}: {response.text[:500].strip()}"}
    return meaning(document if isinstance(document, dict) else {}, response.status_code)


def meaning(document: Document, status: int) -> ForecourtError:
    """Return what a Kubernetes ``Status`` means, or an error of the gateway (OpenAI's) or the model registry."""
    openai = document.get("error")
    if isinstance(openai, dict):
        document = openai
    message = document.get("message") or document.get("detail") or openai or f"The server answered {status}."
    causes = (document.get("details") or {}).get("causes") or []
    hint = next((cause.get("message", "") for cause in causes if cause.get("reason") == "NextStep"), "")
    kind = _BY_REASON.get(str(document.get("reason"))) or _BY_STATUS.get(status, ForecourtError)
    if isinstance(document.get("code"), str) and set(document) == {"code", "message"}:
        # As Go wraps errors, the model registry's end in their kind, which the exit code says.
        message = str(message).removesuffix(": not found").removesuffix(": bad request")
    return kind(str(message), hint=str(hint or document.get("hint") or ""))
