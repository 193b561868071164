"""Secrets at rest: encrypted in the database by a key that is kept apart from it.

Fernet (AES-128-CBC and HMAC-SHA256, https://github.com/fernet/spec) from the `cryptography` package. The key is a
file of its owner's only in FORECOURT_HOME, made when it is first needed, or FORECOURT_SECRET_KEY.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from forecourt import durable
from forecourt.errors import InvalidInput

if TYPE_CHECKING:  # its six megabytes are loaded with the first secret
    from cryptography.fernet import Fernet


class Vault:
    """Encrypts and decrypts small texts. Threads may share it."""

    def __init__(self, file: Path, key: str = "") -> None:
        """Use a key, or else the one in a file, which is made with the first secret."""
        self._file = file
        self._key = key
        self._fernet: Fernet | None = None
        self._making = threading.Lock()

    def encrypt(self, text: str) -> str:
        """Return what may be kept; raises `InvalidInput` where the key is none."""
        return self._cipher(make=True).encrypt(text.encode()).decode()

    def decrypt(self, kept: str) -> str:
        """Return the text; raises `InvalidInput` where it was encrypted with another key."""
        from cryptography.fernet import InvalidToken

        try:
            return self._cipher(make=False).decrypt(kept.encode()).decode()
        except InvalidToken:
            raise InvalidInput(
                "A secret cannot be read: it was encrypted with another key.",
                hint=f"Bring back {self._file} or FORECOURT_SECRET_KEY as it was, or enter the secret again.",
            ) from None

    def _cipher(self, *, make: bool) -> Fernet:
        with self._making:
            if self._fernet is None:
                self._fernet = self._read(make=make)
            return self._fernet

    def _read(self, *, make: bool) -> Fernet:
        from cryptography.fernet import Fernet

        key = self._key.encode()
        if not key:
            with contextlib.suppress(FileNotFoundError):
                key = self._file.read_bytes().strip()
        if not key:
            if not make:
                raise InvalidInput(
                    f"A secret cannot be read: its key {self._file} is gone.",
                    hint="Bring the file back, or enter the secret again.",
                )
            key = durable.write_once(self._file, Fernet.generate_key().decode()).encode()
        try:
            return Fernet(key)
        except ValueError:
            raise InvalidInput(
                "The key for secrets is none: it must be 32 bytes in URL-safe base64.",
                hint="Make one: python -c 'from cryptography.fernet import Fernet; "
                "print(Fernet.generate_key().decode())'",
            ) from None
