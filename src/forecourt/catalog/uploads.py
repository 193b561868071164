"""What a person gave along with a source that was added: its models as YAML, and the token that it asks with.

Both are files below one folder, named by the source's id: the YAML as it was given, the token encrypted. A loader finds
the token as it finds those of the server's environment, under a name that the source's ``apiKeyEnvVar`` has; it is
shown to nobody.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from forecourt import durable
from forecourt.catalog.model import Document
from forecourt.errors import ForecourtError, InvalidInput

DATA, TOKEN = "catalogData", "accessToken"
"""What a request to add or change a source may have besides its definition."""
_VARIABLES = {"hf": "HF_API_KEY", "catalog": "CATALOG_API_KEY"}
_KEPT = "_KEPT_"
_MOST = 8 * 1024 * 1024  # bytes of YAML


class Cipher(Protocol):
    """Encrypts and decrypts texts."""

    def encrypt(self, text: str) -> str:
        """Return what may be kept."""

    def decrypt(self, kept: str) -> str:
        """Return the text."""


class Uploads:
    """The files, below `folder`."""

    def __init__(self, folder: Path, cipher: Cipher) -> None:
        self.folder = folder
        self._cipher = cipher

    # Ask

    def data(self, source_id: str) -> str | None:
        """Return the YAML that was given for a source; None where there is none."""
        try:
            return self._data(source_id).read_text()
        except FileNotFoundError:
            return None

    def has_token(self, source_id: str) -> bool:
        """Say whether a token was given for a source."""
        return self._token(source_id).exists()

    def variable(self, source_id: str, kind: str) -> str:
        """Return under which name a loader finds the token of a source; empty for a type that has none."""
        prefix = _VARIABLES.get(kind, "")
        return f"{prefix}{_KEPT}{_name(source_id)}" if prefix else ""

    @property
    def environment(self) -> Mapping[str, str]:
        """The server's environment variables, and the tokens that were given."""
        return _Environment(self._kept)

    # Do

    def defined(self, wanted: Document, *, keep: bool = True) -> Document:
        """Return the entry of a ``sources.yaml`` that a request describes, without what goes into files.

        Its properties say where those files are, and which variable has the token. With `keep` false there are no
        files: then the token itself is among the properties, as a preview has it. Raises `InvalidInput`.
        """
        entry = {key: value for key, value in wanted.items() if key not in (DATA, TOKEN)}
        data, token = wanted.get(DATA), wanted.get(TOKEN)
        for key, value in ((DATA, data), (TOKEN, token)):
            if value is not None and not isinstance(value, str):
                raise InvalidInput(f"{key} must be a text.")
        properties = entry.get("properties")
        if not (data or token) or not isinstance(properties, dict | None):
            return entry
        properties = dict(properties or {})
        source_id, kind = str(entry.get("id") or ""), str(entry.get("type") or "")
        if data:
            if kind != "yaml":
                raise InvalidInput(f"{DATA} goes with a source of type yaml.", hint=f"Leave {DATA} out.")
            if len(data.encode()) > _MOST:
                raise InvalidInput(
                    f"The YAML has more than {_MOST // 1024**2} MiB.",
                    hint="Put it where the server can read it, and name its path in yamlCatalogPath.",
                )
            properties["yamlCatalogPath"] = str(self._data(source_id))
        if token:
            variable = self.variable(source_id, kind)
            if not variable:
                raise InvalidInput(f"A source of type {kind} has no token.", hint=f"Leave {TOKEN} out.")
            if not token.isprintable() or " " in token:
                raise InvalidInput(f"{TOKEN} must be one word.", hint="Paste the token alone.")
            properties |= {"apiKeyEnvVar": variable} if keep else {"apiKey": token}
            if not keep:
                properties.pop("apiKeyEnvVar", None)
        return entry | {"properties": properties}

    def keep(self, wanted: Document, source_id: str) -> None:
        """Write what a request has of a source; what was there stays where it says nothing."""
        if data := wanted.get(DATA):
            durable.write(self._data(source_id), str(data))
        if token := wanted.get(TOKEN):
            durable.write(self._token(source_id), self._cipher.encrypt(str(token)))

    def forget(self, source_id: str, *, but: Mapping[str, Any] | None = None) -> None:
        """Remove what was given for a source, but for what the properties `but` still name."""
        named = set(map(str, (but or {}).values()))
        if str(self._data(source_id)) not in named:
            self._data(source_id).unlink(missing_ok=True)
        if not any(self.variable(source_id, kind) in named for kind in _VARIABLES):
            self._token(source_id).unlink(missing_ok=True)

    def _data(self, source_id: str) -> Path:
        return self.folder / f"{_name(source_id)}.yaml"

    def _token(self, source_id: str) -> Path:
        return self.folder / f"{_name(source_id)}.token"

    def _kept(self, variable: str) -> str | None:
        for prefix in _VARIABLES.values():
            if variable.startswith(prefix + _KEPT):
                name = variable.removeprefix(prefix + _KEPT)
                if not name.isalnum():
                    return None
                with contextlib.suppress(OSError, ForecourtError):
                    return self._cipher.decrypt((self.folder / f"{name}.token").read_text())
        return None


class _Environment(Mapping[str, str]):
    """The environment, with what else is known by names of its own."""

    def __init__(self, more: Any) -> None:
        self._more = more

    def __getitem__(self, name: str) -> str:
        if (value := self._more(name)) is not None:
            return str(value)
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def _name(source_id: str) -> str:
    return hashlib.sha256(source_id.encode()).hexdigest()[:16]
