"""What requests name: repositories and digests in paths, and contents that a client already has."""

from __future__ import annotations

from aiohttp import web

from forecourt.oci.digest import Digest
from forecourt.oci.reference import is_repository
from forecourt.oci.server.errors import Refusal


def repository_in(request: web.Request) -> str:
    """Return the repository that the request's path names; raises `Refusal` where it can be none."""
    name = request.match_info["name"]
    if not is_repository(name):
        raise Refusal(400, "NAME_INVALID", f"{name!r} is not a repository.", detail={"name": name})
    return name


def digest_in(request: web.Request) -> Digest:
    """Return the digest that the request's path names; raises `InvalidDigest`."""
    return Digest(request.match_info["digest"])


def is_known(request: web.Request, digest: Digest) -> bool:
    """Say whether the client holds `digest` already (``If-None-Match``)."""
    return any(tag.value in (digest, "*") for tag in request.if_none_match or ())
