"""Where a source's URL may lead: to the public internet, and to private networks only where that is allowed.

A source is defined by whoever may add one, and loaded by the server, which reaches more than that person does: the
services of its own machine and network, and its cloud's metadata service, which gives out credentials ("server-side
request forgery", https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).
So a host's name is resolved here, once, and what is connected to is an address that was found to be public: a name that
means something else the next time, or a redirect, leads nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from forecourt.catalog.model import Loading
from forecourt.errors import InvalidInput, Unavailable
from forecourt.oci.client.addresses import is_public

SETTING = "FORECOURT_CATALOG_PRIVATE_ADDRESSES=true"


class ForbiddenAddress(InvalidInput):
    """A URL leads to where a source's may not."""


@dataclass(frozen=True, slots=True)
class Guard:
    """What one source may reach. `trusted` are hosts (``host:port``) that it may reach wherever they are."""

    private: bool = False
    trusted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, loading: Loading) -> Guard:
        """Return the guard that a load has to heed."""
        return cls(loading.private_addresses, loading.trusted)

    def check(self, host: str, port: int, address: str) -> None:
        """Raise `ForbiddenAddress` where `host` turns out to be at an address that may not be reached."""
        if not self._free(host, port) and not is_public(ipaddress.ip_address(address)):
            raise _forbidden(host, address)

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host` that may be reached, of which one has to be connected to, by its number.

        Raises `ForbiddenAddress` where it has only others, and `Unavailable` where it has none.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unavailable(
                f"The host {host} is unknown.", hint="Check its spelling, and that there is a network."
            ) from None
        known = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if self._free(host, port):
            return known
        allowed = [address for address in known if is_public(ipaddress.ip_address(address))]
        if not allowed:
            raise _forbidden(host, known[0])
        return allowed

    def _free(self, host: str, port: int) -> bool:
        name = f"[{host}]" if ":" in host else host
        return self.private or f"{name}:{port}" in self.trusted


def check_url(url: str) -> str:
    """Return a URL that a source may have, without a slash at its end.

    Raises `InvalidInput` for what is no URL, has another scheme than ``http`` and ``https``, or carries a password, a
    query or a fragment.
    """
    try:
        parts = urlsplit(url)
        scheme, host, _ = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError:
        scheme, host = "", None
    if scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput(f"{url!r} is not a URL of the web.", hint="It begins with https:// and a host.")
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            f"The URL of {host} carries a login, which would be shown to everyone who sees the source.",
            hint="Leave it out, and name the environment variable that has a token in apiKeyEnvVar.",
        )
    if parts.query or parts.fragment:
        raise InvalidInput(f"{url!r} goes on after its path.", hint="Leave out what begins with ? or #.")
    return url.rstrip("/")


def _forbidden(host: str, address: str) -> ForbiddenAddress:
    where = host if host == address else f"{host} ({address})"
    return ForbiddenAddress(
        f"{where} is on this machine, in a private network or reserved, where the URL of a source may not lead.",
        hint=f"If it is meant to, start the server with {SETTING}.",
    )
