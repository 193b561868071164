"""Which addresses are of the public internet, and which are of this machine or of a network behind it.

Whoever gives a server a URL may reach through it what the server reaches ("server-side request forgery",
https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).
"""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})
"""Services for virtual machines that are at an address of the public kind: Azure's."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""https://www.rfc-editor.org/rfc/rfc6052: the last 32 bits are the IPv4 address that is meant."""


def is_public(address: Address) -> bool:
    """Say whether an address is one of the public internet, also where it carries an IPv4 address in itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if (inner := _inner(address)) is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved) and address not in _METADATA


def is_link_local(address: Address) -> bool:
    """Say whether an address is of the network segment alone: where clouds have their metadata services."""
    inner = _inner(address) if isinstance(address, ipaddress.IPv6Address) else None
    return (inner or address).is_link_local or (inner or address) in _METADATA


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
