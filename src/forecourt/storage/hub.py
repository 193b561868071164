"""``hf://owner/model[:revision]``: a model of Hugging Face's hub, or of one that speaks as it does.

The list with sizes and digests: https://huggingface.co/docs/hub/api#get-apimodelsrepoid-or-apimodelsrepoidrevisionrevision
with ``blobs=true``. A file: ``/{repo}/resolve/{commit}/{path}``, which redirects to where large files are. Its own
library, huggingface_hub, keeps a cache of its own beside the content store, hashes nothing, and cannot be told to look
in the store first, so it is not used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from forecourt.errors import Denied, ForecourtError, InvalidInput, NotFound, Unavailable
from forecourt.oci.client.connection import Response
from forecourt.oci.client.request import Request
from forecourt.storage import selection
from forecourt.storage.credentials import HUB, Credentials
from forecourt.storage.model import Listing, RemoteFile
from forecourt.storage.selection import Patterns
from forecourt.storage.web import Web, host_of, one_line

_URI = re.compile(
    r"hf://(?P<owner>[\w.-]+)/(?P<model>[\w.-]+)(?:[:@](?P<revision>refs/[\w.-]+/[\w.-]+|[^/]+))?(?:/(?P<path>.+?)/?)?/?"
)
_LIST = 64 * 1024 * 1024
_SHA256, _SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class HubSource:
    """One model of a hub. `path` is a file or a directory in its repository, and empty for all of it."""

    repository: str
    revision: str
    path: str
    patterns: Patterns
    endpoint: str
    token: str = field(repr=False)
    web: Web

    @classmethod
    def parse(cls, uri: str, patterns: Patterns, credentials: Credentials, web: Web) -> HubSource:
        """Read a URI, from which patterns have been taken; raises `InvalidInput`."""
        match = _URI.fullmatch(uri)
        if not match:
            raise InvalidInput(
                f"{uri!r} names no model of a hub.", hint="Write hf://owner/model, hf://owner/model:revision."
            )
        return cls(
            f"{match['owner']}/{match['model']}",
            match["revision"] or "main",
            match["path"] or "",
            patterns,
            (credentials.hub_endpoint or HUB).rstrip("/"),
            credentials.hub_token,
            web,
        )

    @property
    def key(self) -> str:
        """What it is remembered by."""
        where = f"{self.endpoint}/{self.repository}@{self.revision}/{self.path}"
        return f"hf {where} {self.patterns.allow} {self.patterns.ignore}"

    @property
    def title(self) -> str:
        """What a person calls it."""
        return self.repository

    def list(self) -> Listing:
        """Ask for the repository's files at its revision, and choose."""
        path = f"/api/models/{self.repository}/revision/{quote(self.revision, safe='')}?blobs=true"
        with self.web.ask(lambda: self._request(path, {"Accept": "application/json"})) as response:
            if response.status != 200:
                raise self._error(response, f"the model {self.repository}")
            try:
                info = json.loads(response.read(_LIST))
                commit, siblings = str(info["sha"]), info["siblings"]
                found = [_file(each, commit) for each in siblings]
            except (ValueError, LookupError, TypeError, AttributeError):
                raise Unavailable(f"{host_of(self.endpoint)} answered with something that is no model.") from None
        below = [file for each in found if (file := self._below(each))]
        names = [file.name for file in below]
        exact = len(below) == 1 and below[0].place == f"{commit}/{self.path}"
        wanted = set(names if exact else selection.of_a_hub(names, self.patterns))
        if not wanted:
            what = "no file that the patterns leave" if below else f"no {self.path}" if self.path else "no files"
            raise NotFound(f"{self.repository} has {what} at {self.revision}.", hint=f"See {self._page}.")
        files = tuple(sorted((file for file in below if file.name in wanted), key=lambda file: file.name))
        left_out = tuple(name for name in names if name not in wanted and not name.startswith(".git"))
        return Listing(files, commit, left_out)

    def get(self, file: RemoteFile, headers: Mapping[str, str]) -> Response:
        """Ask for a file's bytes; the hub redirects to where they are."""
        return self.web.send(self._request(f"/{self.repository}/resolve/{quote(file.place)}", headers))

    def refused(self, response: Response, file: RemoteFile) -> ForecourtError:
        """Say what kept the hub from giving a file."""
        return self._error(response, f"{file.name} of {self.repository}")

    # Inside

    @property
    def _page(self) -> str:
        return f"{self.endpoint}/{self.repository}/tree/main"

    def _below(self, file: RemoteFile) -> RemoteFile | None:
        """Return a file that is wanted by its path, named as it is below that."""
        if file.name == self.path:
            return replace(file, name=file.name.rpartition("/")[2])
        if not self.path or file.name.startswith(f"{self.path}/"):
            return replace(file, name=file.name[len(self.path) + 1 :] if self.path else file.name)
        return None

    def _request(self, path: str, headers: Mapping[str, str]) -> Request:
        known = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return Request("GET", self.endpoint + path, {"Accept-Encoding": "identity", **known, **headers})

    def _error(self, response: Response, what: str) -> ForecourtError:
        host, code = host_of(self.endpoint), response.header("X-Error-Code")
        told = one_line(response.header("X-Error-Message"))
        because = f": {told}" if told else ""
        give = "Give a token: HF_TOKEN, or the connection's."
        match response.status:
            case 401 | 403 if code == "GatedRepo" or re.search("gated|restricted", told, re.IGNORECASE):
                who = "this token may not read it" if self.token else "nobody may read it without a token"
                return Denied(
                    f"{self.repository} is gated, and {who}.",
                    hint=f"Accept its terms at {self.endpoint}/{self.repository}. {give}",
                )
            case 401 if code == "RepoNotFound" or not self.token:
                return NotFound(
                    f"{host} has no model {self.repository}, or it is private.", hint=f"Check its name. {give}"
                )
            case 401 | 403:
                hint = "The token is wrong or old, or lacks the right to read it." if self.token else give
                return Denied(f"{host} refuses {what}{because}.", hint=hint)
            case 404 if code == "RevisionNotFound":
                return NotFound(
                    f"{self.repository} has no revision {self.revision!r}.",
                    hint=f"See {self._page}. A quantisation is chosen so: hf://{self.repository}?allow=*Q8_0*",
                )
            case 404:
                return NotFound(f"{host} has no {what.removeprefix('the ')}.", hint="Check its name and the revision.")
            case 429:
                return Unavailable(f"{host} has had too many requests.", hint=f"Try again later. {give}")
            case status:
                return Unavailable(
                    f"{host} answered with status {status} for {what}{because}.", hint="Try again later."
                )


def _file(sibling: Mapping[str, Any], commit: str) -> RemoteFile:
    """Return a file of the list. Of a large one the hub says the sha256, of a small one git's name for its blob."""
    name = str(sibling["rfilename"])
    lfs, size, blob = sibling.get("lfs"), sibling.get("size"), str(sibling.get("blobId") or "")
    sha256 = str(lfs.get("sha256") or lfs.get("oid") or "").removeprefix("sha256:") if isinstance(lfs, dict) else ""
    sha256 = sha256 if _SHA256.fullmatch(sha256) else ""
    git = blob if _SHA1.fullmatch(blob) and not isinstance(lfs, dict) else ""
    return RemoteFile(
        name,
        size if isinstance(size, int) and size >= 0 else None,
        f"sha256:{sha256}" if sha256 else f"git:{git}" if git else f"commit:{commit}",
        place=f"{commit}/{name}",
        sha256=sha256,
        git_sha1=git,
    )
