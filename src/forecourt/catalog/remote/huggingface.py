"""Sources of type ``hf``: models of Hugging Face's hub, or of another server that speaks as it does.

Properties: ``url`` (https://huggingface.co), ``allowedOrganization``, ``maxModels`` (500, for each pattern; 0 for no
limit), ``apiKeyEnvVar`` (``HF_API_KEY`` or ``HF_API_KEY_…``), and ``apiKey`` itself in a preview. `includedModels`
names models (``org/name``) and patterns (``org/prefix*``, ``org/*``).

The hub's API: https://huggingface.co/docs/hub/api; how often it may be asked: https://huggingface.co/docs/hub/rate-limits.
A list says of each model all but its card, which is why only the cards of models that are new or have changed are asked
for, by ``/resolve/``, of which the hub allows most. So a load that was cut off goes on where it was.

We speak to it ourselves: the library huggingface_hub has one HTTP client for the whole process, in which every host
would have to be allowed or forbidden for everything that uses it; it reads answers of any length, waits as long as a
server asks, and hears nobody meanwhile. (Files of models are another matter, and are not fetched here.)
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from forecourt.catalog.model import Entry, Loading, Problem, SourceDefinition, glob
from forecourt.catalog.remote import hub_models, properties
from forecourt.catalog.remote.ahead import ahead
from forecourt.catalog.remote.delivery import Failed, Found, delivered
from forecourt.catalog.remote.http import Http, Patience, Stopped, TooLarge
from forecourt.errors import Denied, ForecourtError, InvalidInput, NotFound, Unavailable

URL = "https://huggingface.co"
TOKEN = "HF_API_KEY"  # noqa: S105 (it is where a token is)
CARD = 2 * 1024 * 1024
"""The most bytes of a model card."""

_MODELS = 500
_PAGE = 100
_MOST_PAGES = 1000
_EXPAND = (
    "author", "cardData", "config", "createdAt", "disabled", "gated", "gguf", "lastModified", "library_name",
    "pipeline_tag", "private", "safetensors", "sha", "tags",
)  # fmt: skip
_PART = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,96}")
_SHA = re.compile(r"[0-9a-f]{7,64}")
_HINT = f"Put a token that may see it into an environment variable {TOKEN}_…, and name it in the source's apiKeyEnvVar."


def load(source: SourceDefinition, loading: Loading, patience: Patience | None = None) -> Iterator[Entry | Problem]:
    """Yield the models that the source includes, pattern by pattern, the most downloaded first.

    A model that cannot be had gives a `Problem`, and so do a pattern that nothing matches and one that matches more
    than the 500 that are taken where ``maxModels`` is not said. Raises `InvalidInput` for wrong properties and
    patterns, `Denied` for a wrong token, and `Unavailable` where the hub does not answer.
    """
    with contextlib.suppress(Stopped), _connected(source, loading, patience) as hub:
        of = len(hub.patterns) if all(pattern.exact for pattern in hub.patterns) else None
        with contextlib.closing(ahead(hub.entry, hub.wanted(loading), hub.http.leave)) as models:
            yield from delivered(models, loading, of)


def candidates(source: SourceDefinition, loading: Loading) -> Iterator[tuple[str, bool]]:
    """Yield the name of each model that a pattern matches, and whether the source includes it; raises as `load`."""
    with contextlib.suppress(Stopped), _connected(source, loading, None) as hub:
        for pattern in hub.patterns:
            for name in [pattern.text] if pattern.exact else (info["id"] for info in hub.listed(pattern)):
                yield name, hub.source.includes(name)


def resolved(source: SourceDefinition) -> SourceDefinition:
    """Return the source with whole patterns: ``allowedOrganization`` before those that name none.

    Raises `InvalidInput` where a pattern then names none, or another one.
    """
    allowed = properties.text(source, "allowedOrganization")
    if allowed and not _PART.fullmatch(allowed):
        raise InvalidInput(f"{allowed!r} can be no organisation.")
    included = source.included_models or ((f"{allowed}/*",) if allowed else ())
    if not included:
        raise InvalidInput(
            f"The source {source.id} includes no models.",
            hint="Name models or patterns in includedModels: ibm-granite/*, meta-llama/Llama-3.1-8B-Instruct.",
        )
    excluded = tuple(
        f"{allowed}/{each}" if allowed and "/" not in each and not each.startswith("*") else each
        for each in source.excluded_models
    )
    patterns = tuple(_pattern(each.strip(), allowed).text for each in included)
    return replace(source, included_models=patterns, excluded_models=excluded)


@dataclass(frozen=True, slots=True)
class _Pattern:
    organization: str
    rest: str

    @property
    def text(self) -> str:
        return f"{self.organization}/{self.rest}"

    @property
    def exact(self) -> bool:
        return "*" not in self.rest

    @property
    def search(self) -> str:
        """The longest text that all names have."""
        return max((part.strip("-._") for part in self.rest.split("*")), key=len)


def _pattern(text: str, allowed: str = "") -> _Pattern:
    organization, slash, rest = text.partition("/")
    if not slash and allowed:
        organization, rest = allowed, text
    if not _PART.fullmatch(organization) or (not slash and not allowed):
        raise InvalidInput(
            f"The pattern {text!r} names no organisation, and the hub has millions of models.",
            hint="Write one before it (ibm-granite/*), or set allowedOrganization.",
        )
    if allowed and organization.casefold() != allowed.casefold():
        raise InvalidInput(f"The pattern {text!r} is of another organisation than {allowed}, the only one allowed.")
    if not _PART.fullmatch(rest.replace("*", "x")):
        raise InvalidInput(f"The pattern {text!r} can match no model.", hint="A model's name looks like org/name.")
    return _Pattern(organization, rest)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A model that belongs to the source: what the list said of it, and what was known of it."""

    name: str
    info: dict[str, Any] | None
    known: Entry | None


class _Hub:
    """The hub, as one source sees it."""

    def __init__(self, http: Http, source: SourceDefinition, *, token: bool) -> None:
        self.http = http
        self.source = source
        self.patterns = [_pattern(each) for each in source.included_models]
        self._token = token
        self._most = properties.count(source, "maxModels", _MODELS)

    def wanted(self, loading: Loading) -> Iterator[_Wanted | Problem]:
        """Yield the models of all patterns, each once."""
        seen: set[str] = set()
        for pattern in self.patterns:
            count = 0
            for name, info in [(pattern.text, None)] if pattern.exact else self._named(pattern):
                count += 1
                if self._most and count > self._most:
                    if "maxModels" not in self.source.properties:
                        message = f"The hub has more models than the {self._most} that were taken: set maxModels."
                        yield Problem(pattern.text, message)
                    break
                if name.casefold() not in seen and self.source.includes(name):
                    seen.add(name.casefold())
                    yield _Wanted(name, info, loading.known(name))
            if not count:
                yield Problem(pattern.text, "The hub shows no model that it matches and that is not excluded.")

    def _named(self, pattern: _Pattern) -> Iterator[tuple[str, dict[str, Any] | None]]:
        return ((info["id"], info) for info in self.listed(pattern) if self.source.includes(info["id"]))

    def listed(self, pattern: _Pattern) -> Iterator[dict[str, Any]]:
        """Yield what the hub says of the models that a pattern matches."""
        query: dict[str, Any] = {"author": pattern.organization, "search": pattern.search, "limit": _PAGE}
        query |= {"sort": "downloads", "direction": -1, "expand": list(_EXPAND)}
        matches = glob(pattern.text)
        url, params = "/api/models", {key: value for key, value in query.items() if value}
        pages: set[str] = set()
        while url:
            answer = self.http.get(url, params)
            models = answer.json()
            if not isinstance(models, list):
                raise Unavailable(f"{self.http.url} answered with something that is no list of models.")
            for info in models:
                name = info.get("id") if isinstance(info, dict) else None
                if isinstance(name, str) and matches.fullmatch(name) and all(map(_PART.fullmatch, name.split("/", 1))):
                    yield info
            pages.add(url)
            # A mirror may hand on a link that leads to the hub itself; what counts in it is the cursor.
            url, params = f"/api/models?{urlsplit(answer.next).query}" if answer.next else "", {}
            if url in pages or len(pages) >= _MOST_PAGES:
                raise Unavailable(f"{self.http.url} sends a list that does not end.")

    def entry(self, wanted: _Wanted | Problem) -> Found:
        """Return a model with its card; what was known of it, where nothing has changed."""
        if isinstance(wanted, Problem):
            return [wanted]
        try:
            return self._entry(wanted)
        except Denied as error:
            message = f"The hub shows it to nobody who is not allowed to see it: {error.message}"
            return [Problem(wanted.name, message)]
        except NotFound:
            return [Problem(wanted.name, "The hub has no such model.")]
        except ForecourtError as error:
            return [Failed(wanted.name, error)]

    def _entry(self, wanted: _Wanted) -> Found:
        info = wanted.info
        if info is None or not {"sha", "lastModified"} <= info.keys():
            info = self.http.get(f"/api/models/{quote(wanted.name)}").json()
            if not isinstance(info, dict) or not isinstance(info.get("id"), str):
                raise Unavailable(f"{self.http.url} answered with something that is no model.")
        if info["id"].casefold() != wanted.name.casefold():
            return [Problem(wanted.name, f"It has moved to {info['id'][:200]}: write that name.")]
        if info.get("disabled"):
            return [Problem(wanted.name, "The hub has disabled it.")]
        if info.get("private") and not self._token:
            return [Problem(wanted.name, "It is private, and the source has no token.")]
        now = int(time.time() * 1000)
        if wanted.known is not None and hub_models.is_unchanged(info, wanted.known, now=now):
            return [wanted.known]
        try:
            card, complete = self._card(info), True
        except Denied:
            card, complete = "", False
        except TooLarge as error:
            entry = hub_models.entry_of(info, "", hub=self.http.url, synced=now)
            return [entry, Problem(wanted.name, f"It comes without its card: {error.message}")]
        return [hub_models.entry_of(info, card, hub=self.http.url, synced=now, complete=complete)]

    def _card(self, info: dict[str, Any]) -> str:
        sha = info.get("sha")
        revision = sha if isinstance(sha, str) and _SHA.fullmatch(sha) else "main"
        try:
            return self.http.get(f"/{quote(info['id'])}/resolve/{revision}/README.md", limit=CARD, accept="*/*").text
        except NotFound:
            return ""

    def check_token(self) -> None:
        """Raise `Denied` where the hub does not take the token."""
        try:
            self.http.get("/api/whoami-v2")
        except Denied as error:
            raise Denied(
                f"{error.message} The token of the source {self.source.id} is wrong or has expired.",
                hint="Put a valid one into the environment variable that apiKeyEnvVar names, and restart the server.",
            ) from None
        except (NotFound, InvalidInput):
            pass  # a server that speaks as the hub does need not know this question


@contextlib.contextmanager
def _connected(source: SourceDefinition, loading: Loading, patience: Patience | None) -> Iterator[_Hub]:
    url = properties.url(source, URL)
    given = source.properties.get("apiKey")
    if isinstance(given, str) and given.strip():
        token = properties.secret(given, "apiKey")
    else:
        # The hub's own token is for the hub: another server gets one only where the source says which.
        token = properties.token(source, loading, TOKEN, default=url == URL)
    with Http(url, loading, token=token, denied=_HINT, patience=patience) as http:
        hub = _Hub(http, resolved(source), token=bool(token))
        if token:
            hub.check_token()
        yield hub
