"""Says in a sentence whether a connection works, with as few requests as that takes; nothing is downloaded."""

from __future__ import annotations

import contextlib

from forecourt.errors import Denied, InvalidInput, NotFound, RegistryError
from forecourt.oci import Clients
from forecourt.oci.client.request import Request
from forecourt.storage.credentials import HUB, Credentials
from forecourt.storage.fetch import patterns_of, scheme_of
from forecourt.storage.http import HttpSource
from forecourt.storage.hub import HubSource
from forecourt.storage.s3 import S3Source
from forecourt.storage.selection import Patterns
from forecourt.storage.web import PATIENCE, Trust, Web, host_of, without_secrets

_QUICK = type(PATIENCE)(connect=5, answer=15, attempts=2, pause=0.5, longest_pause=5)
"""Somebody waits for the answer."""


def check(credentials: Credentials, client_for: Clients, *, uri: str = "") -> str:
    """Try a connection, and return a sentence that says what was reached.

    What is tried: `uri`, else the connection's own URI, its bucket, its registry, or its token for a hub. Only what the
    connection says counts, not this process's environment. Raises `Denied`, `NotFound`, `Unavailable` and
    `InvalidInput`, each with what can be done; no message holds a secret.
    """
    uri = uri or credentials.uri
    if uri:
        return _uri(uri, credentials, client_for)
    if credentials.s3.bucket or credentials.s3.access_key_id:
        if not credentials.s3.bucket:
            raise InvalidInput(
                "The connection says no bucket, so there is nothing to try its key on.",
                hint="Say one: AWS_S3_BUCKET, or a URI: s3://bucket/path.",
            )
        return _bucket("s3:///", credentials)
    if credentials.registry or credentials.registries:
        return _registry(credentials.registry or next(iter(credentials.registries)), credentials, client_for)
    if credentials.hub_token:
        return _hub(credentials)
    if credentials.headers:
        raise InvalidInput(
            "The connection has headers for a host, and no URI to try them on.", hint="Say a URI of a file there."
        )
    raise InvalidInput(
        "The connection says nothing that could be tried.",
        hint="Give it a bucket and a key, a registry, a URI or a token.",
    )


def _uri(uri: str, credentials: Credentials, client_for: Clients) -> str:
    match scheme_of(uri):
        case "s3":
            return _bucket(uri, credentials)
        case "http" | "https":
            with contextlib.closing(Web(_QUICK)) as web:
                file = HttpSource.parse(uri, credentials, web).list().files[0]
            size = f", {file.size:,} bytes" if file.size is not None else ""
            return f"{without_secrets(uri)} is there: {file.name}{size}."
        case "hf":
            plain, patterns = patterns_of(uri, Patterns())
            with contextlib.closing(Web(_QUICK)) as web:
                source = HubSource.parse(plain, patterns, credentials, web)
                listing = source.list()
                with source.get(listing.files[0], {"Range": "bytes=0-0"}) as response:
                    if response.status not in (200, 206, 416):
                        raise source.refused(response, listing.files[0])
            return f"{source.repository} can be read at {listing.revision[:12]}: {len(listing.files)} files are wanted."
        case "oci" | "oci+native" | "oci+modelcar" | "oci+fetch":
            from forecourt.oci import Reference

            reference = Reference.parse(uri.partition("://")[2])
            with client_for.having(credentials.registries, alone=True) as clients:
                clients(reference.registry).manifest(reference.repository, reference.version)
            return f"{reference} is there and can be pulled."
        case scheme:
            raise InvalidInput(f"A {scheme}:// URI is on this machine, and needs no connection.")


def _bucket(uri: str, credentials: Credentials) -> str:
    uri, patterns = patterns_of(uri, Patterns())
    trust = Trust(credentials.s3.certificate, credentials.s3.verify).context()
    with contextlib.closing(Web(_QUICK, trust)) as web:
        source = S3Source.parse(uri, patterns, credentials, web)
        found = source.reach()
    where = f"The bucket {source.bucket} at {source.where}"
    if source.prefix and not found:
        raise NotFound(
            f"{where} answers, and has nothing below {source.prefix}.", hint="Check the path: capital letters count."
        )
    return f"{where} can be listed{'' if found else ', and is empty'}."


def _registry(registry: str, credentials: Credentials, client_for: Clients) -> str:
    host = registry.partition("/")[0]
    with client_for.having(credentials.registries, alone=True) as clients:
        client = clients(host)
        client.ping()
    login = next((one for name, one in credentials.registries.items() if name.partition("/")[0] == host), None)
    if login is None:
        return f"The registry {host} answers; the connection has no login for it."
    return f"The registry {host} answers, and takes the login{f' of {login.username}' if login.username else ''}."


def _hub(credentials: Credentials) -> str:
    endpoint = credentials.hub_endpoint or HUB
    headers = {"Authorization": f"Bearer {credentials.hub_token}", "Accept": "application/json"}
    request = Request("GET", f"{endpoint}/api/whoami-v2", headers)
    with contextlib.closing(Web(_QUICK)) as web, web.ask(lambda: request) as response:
        if response.status in (401, 403):
            raise Denied(
                f"{host_of(endpoint)} does not accept the token.", hint="Make a new one in your settings there."
            )
        if response.status != 200:
            raise RegistryError(f"{host_of(endpoint)} answered with status {response.status}.")
        name = _name_of(response.read())
    return f"{host_of(endpoint)} accepts the token{f' of {name}' if name else ''}."


def _name_of(body: bytes) -> str:
    import json

    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(body).get("name") or "")
    return ""
