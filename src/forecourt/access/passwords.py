"""Passwords: which are taken, and what is kept of them (scrypt, RFC 7914).

The cost is what OWASP's Password Storage Cheat Sheet asks of scrypt: 32 MiB and three passes, some tenths of a second.
"""

from __future__ import annotations

import base64
import hmac
import secrets
import threading

from forecourt.errors import InvalidObject

SHORTEST, LONGEST = 10, 1024
_COST, _BLOCK, _PASSES = 2**15, 8, 3
_SALT, _LENGTH = 16, 32  # bytes
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # what is read aloud or copied from paper

_at_once = threading.Semaphore(2)  # each takes 32 MiB and a core


def validate_password(password: str, name: str) -> None:
    """Check a password that is to be a user's; raises `InvalidObject`."""
    if len(password) < SHORTEST:
        raise InvalidObject(f"password: Invalid value: must have at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise InvalidObject(f"password: Invalid value: must have at most {LONGEST} characters")
    if password.casefold() == name.casefold() or len(set(password)) < 4:
        raise InvalidObject("password: Invalid value: can be guessed")


def proposed_password() -> str:
    """Return a password that nobody guesses and that can be copied from paper: about 98 random bits."""
    letters = [secrets.choice(_ALPHABET) for _ in range(20)]
    return "-".join("".join(letters[start : start + 5]) for start in range(0, 20, 5))


def kept(password: str) -> str:
    """Return what is kept of a password: parameters, salt and key, in text. Takes some tenths of a second."""
    salt = secrets.token_bytes(_SALT)
    return "$".join(("scrypt", str(_COST), str(_BLOCK), str(_PASSES), _text(salt), _text(_key(password, salt))))


def matches(password: str, before: str) -> bool:
    """Say whether a password is the one of which `before` is kept; takes as long where nothing is kept of any."""
    said = (before or _NOBODYS).split("$")
    cost, block, passes = map(int, said[1:4])
    salt, key = map(base64.b64decode, said[4:6])
    return hmac.compare_digest(_key(password[:LONGEST], salt, cost, block, passes), key) and bool(before)


def _key(password: str, salt: bytes, cost: int = _COST, block: int = _BLOCK, passes: int = _PASSES) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    with _at_once:
        return Scrypt(salt=salt, length=_LENGTH, n=cost, r=block, p=passes).derive(password.encode("utf-8", "replace"))


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


_NOBODYS = "$".join(("scrypt", str(_COST), str(_BLOCK), str(_PASSES), _text(bytes(_SALT)), _text(bytes(_LENGTH))))
