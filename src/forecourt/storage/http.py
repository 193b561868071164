"""``https://host/path``: one file of the web, or one archive that is unpacked.

What can be known beforehand is asked by HEAD: size, ETag or Last-Modified, and a digest where the server says one
(``Repr-Digest``, RFC 9530; ``Digest``, RFC 3230; ``X-Checksum-Sha256`` of Artifactory and Nexus).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import email.message
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from forecourt.errors import Denied, ForecourtError, InvalidInput, NotFound, Unavailable
from forecourt.oci.client.connection import Response
from forecourt.oci.client.request import Request
from forecourt.storage.archives import is_archive
from forecourt.storage.credentials import Credentials
from forecourt.storage.model import Listing, RemoteFile
from forecourt.storage.web import Web, host_of, one_line, without_secrets

_DIGEST = re.compile(r"sha-256=:?([A-Za-z0-9+/]{43}=):?", re.IGNORECASE)
_ARCHIVES = {"application/zip": ".zip", "application/x-tar": ".tar", "application/x-gtar": ".tar"}


@dataclass(frozen=True, slots=True)
class HttpSource:
    """One URL; `headers` are the connection's, for its host alone."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    web: Web

    @classmethod
    def parse(cls, uri: str, credentials: Credentials, web: Web) -> HttpSource:
        """Read a URL; raises `InvalidInput` where it is none or carries a login."""
        try:
            parts = urlsplit(uri)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if not host or not uri.isascii() or not uri.isprintable() or " " in uri:
            raise InvalidInput(f"{without_secrets(uri) if host else uri!r} is no URL.", hint="Write https://host/path.")
        if parts.username is not None:
            raise InvalidInput(
                f"The URL of {host} carries a login, which would be shown to everyone who sees the deployment.",
                hint="Leave it out, and put the header into a connection: https-host and headers.",
            )
        known = credentials.headers
        return cls(uri, known.get(parts.netloc.lower()) or known.get(host) or {}, web)

    @property
    def key(self) -> str:
        """What it is remembered by; only its hash is written down."""
        return f"http {self.url}"

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self._name(None)

    def list(self) -> Listing:
        """Ask what the file is, without its bytes."""
        with self.web.ask(lambda: Request("HEAD", self.url, self._known({}))) as response:
            if response.status == 200:
                return self._listing(response, _length(response))
        # Some servers, and URLs that are signed for GET, know no HEAD.
        with self.web.ask(lambda: Request("GET", self.url, self._known({"Range": "bytes=0-0"}))) as response:
            if response.status == 206:
                total = response.header("Content-Range").rpartition("/")[2]
                return self._listing(response, int(total) if total.isdecimal() else None)
            if response.status in (200, 416):
                return self._listing(response, _length(response) if response.status == 200 else 0)
            raise self._error(response)

    def get(self, file: RemoteFile, headers: Mapping[str, str]) -> Response:
        """Ask for the file's bytes."""
        return self.web.send(Request("GET", self.url, self._known(headers)))

    def refused(self, response: Response, file: RemoteFile) -> ForecourtError:
        """Say what kept the server from giving them."""
        return self._error(response)

    # Inside

    def _known(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {"Accept-Encoding": "identity", **self.headers, **headers}

    def _listing(self, response: Response, size: int | None) -> Listing:
        kind = response.header("Content-Type").partition(";")[0].strip().lower()
        name = self._name(response)
        if kind == "text/html" and not name.lower().endswith((".html", ".htm")):
            raise InvalidInput(
                f"{without_secrets(self.url)} is a web page, and no file of a model.",
                hint="Give the URL that the page's download link has; a model of Hugging Face is hf://owner/model.",
            )
        if not PurePosixPath(name).suffix and kind in _ARCHIVES:
            name += _ARCHIVES[kind]
        etag, modified = response.header("ETag").strip(), response.header("Last-Modified").strip()
        conditions: dict[str, str] = {}
        validator, identity = ("", ""), ""
        if etag:
            validator, identity = ("ETag", etag), f"{etag} {size}"
            conditions = {} if etag.startswith("W/") else {"If-Match": etag}
        elif modified:
            validator, identity = ("Last-Modified", modified), f"{modified} {size}"
            conditions = {"If-Unmodified-Since": modified}
        ranges = bool(identity) and response.header("Accept-Ranges").lower() != "none"
        file = RemoteFile(
            name,
            size,
            identity,
            place=without_secrets(self.url),
            sha256=_sha256(response),
            conditions=conditions,
            validator=validator,
            ranges=ranges,
        )
        return Listing((file,), etag.removeprefix("W/").strip('"') or modified, archive=is_archive(name))

    def _name(self, response: Response | None) -> str:
        """Return what the file is called: by the server, else by the URL."""
        if response and (said := response.header("Content-Disposition")):
            message = email.message.Message()
            message["Content-Disposition"] = said
            with contextlib.suppress(ValueError, LookupError, TypeError):
                if name := PurePosixPath((message.get_filename() or "").replace("\\", "/")).name:
                    return name
        name = PurePosixPath(unquote(urlsplit(self.url).path)).name
        if not name and response:
            raise InvalidInput(
                f"{without_secrets(self.url)} names no file.", hint="Give the URL of a file or of an archive."
            )
        return name or host_of(self.url)

    def _error(self, response: Response) -> ForecourtError:
        host, what = host_of(response.url), without_secrets(self.url)
        match response.status:
            case 401 | 403 | 407:
                return Denied(
                    f"{host} refuses access to {what}.",
                    hint="Put the header that lets one in into a connection: https-host and headers."
                    if not self.headers
                    else "The connection's headers may be wrong or old.",
                )
            case 404 | 410:
                return NotFound(f"{host} has no {what}.", hint="Check the URL.")
            case 429:
                return Unavailable(f"{host} has had too many requests.", hint="Try again later.")
            case status:
                reason = one_line(response.header("X-Error-Message"))
                return Unavailable(f"{host} answered with status {status}{f': {reason}' if reason else ''}.")


def _length(response: Response) -> int | None:
    said = response.header("Content-Length").strip()
    return int(said) if said.isdecimal() else None


def _sha256(response: Response) -> str:
    """Return the sha256 of the whole file, where the server says it."""
    for header in ("Repr-Digest", "Digest"):
        if match := _DIGEST.search(response.header(header)):
            with contextlib.suppress(binascii.Error):
                return base64.b64decode(match[1]).hex()
    plain = response.header("X-Checksum-Sha256").strip().lower()
    return plain if re.fullmatch(r"[0-9a-f]{64}", plain) else ""
