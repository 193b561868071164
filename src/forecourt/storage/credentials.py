"""Who we are to the places that have models: what a connection's Secret says, in KServe's and Open Data Hub's words.

Keys of a Secret (all its values text):

- S3: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_S3_ENDPOINT``,
  ``AWS_DEFAULT_REGION``, ``AWS_S3_BUCKET``, ``AWS_CA_BUNDLE`` (PEM text); annotations
  ``serving.kserve.io/s3-endpoint``, ``-region``, ``-usehttps``, ``-verifyssl``, ``-usevirtualbucket``,
  ``-useanoncredential``
  (https://github.com/kserve/kserve/blob/master/pkg/credentials/s3/s3_secret.go)
- one entry of KServe's ``storage-config``: JSON with ``type``, ``access_key_id``, ``secret_access_key``,
  ``endpoint_url``, ``bucket``, ``region``, ``certificate``, ``verify_ssl``, ``anonymous``
- Hugging Face: ``HF_TOKEN``, ``HF_ENDPOINT``
- a URI: ``URI``; ``https-host`` with ``headers`` (JSON, or ``name: value`` lines), which go to that host alone
- a registry: ``.dockerconfigjson``, ``OCI_HOST``

What is secret shows in no repr and no message.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self
from urllib.parse import urlsplit

from forecourt.errors import InvalidInput
from forecourt.oci import Credential

HUB = "https://huggingface.co"

_ANNOTATION = "serving.kserve.io/s3-"
_FALSE = frozenset({"0", "false", "no", "off"})
_TRUE = frozenset({"1", "true", "yes", "on"})
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """The key to buckets, and where they are. Without a key requests are signed by nobody where `anonymous`."""

    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    endpoint: str = ""
    """A URL; empty means Amazon's own."""
    region: str = ""
    bucket: str = ""
    certificate: str = field(default="", repr=False)
    """PEM text of an authority to trust besides the system's."""
    verify: bool = True
    anonymous: bool = False
    virtual_host: bool | None = None
    """Whether the bucket is a part of the host's name; None: as the endpoint needs it."""

    def over(self, other: S3Credentials) -> S3Credentials:
        """Return these, with what they do not say from `other`; a key is taken whole."""
        said: dict[str, Any] = {}
        for name in ("endpoint", "region", "bucket", "certificate"):
            said[name] = getattr(self, name) or getattr(other, name)
        if not (self.access_key_id or self.anonymous):
            for name in ("access_key_id", "secret_access_key", "session_token", "anonymous"):
                said[name] = getattr(other, name)
        if self.virtual_host is None:
            said["virtual_host"] = other.virtual_host
        return replace(self, **said)


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that one connection, or this process's environment, says of who we are."""

    s3: S3Credentials = field(default_factory=S3Credentials)
    hub_token: str = field(default="", repr=False)
    hub_endpoint: str = ""
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False, hash=False)
    """Headers for requests to a host (``host`` or ``host:port``)."""
    registries: Mapping[str, Credential] = field(default_factory=dict, hash=False)
    """Logins by registry (``host[:port]``)."""
    registry: str = ""
    """The registry that a connection is to."""
    uri: str = ""
    """The model's URI, where the connection says it."""

    @classmethod
    def from_secret(cls, data: Mapping[str, str], annotations: Mapping[str, str] | None = None) -> Self:
        """Read a Secret's data, not in base64, and its annotations; keys that are not known are passed over.

        Raises `InvalidInput` where a value is not what its key promises; the value is not told.
        """
        host = data.get("https-host", "").strip()
        return cls(
            s3=_s3_of_secret(data, annotations or {}),
            hub_token=data.get("HF_TOKEN", "").strip(),
            hub_endpoint=data.get("HF_ENDPOINT", "").strip().rstrip("/"),
            headers={_host(host): _headers(data["headers"])} if host and data.get("headers") else {},
            registries=_registries(data[".dockerconfigjson"]) if data.get(".dockerconfigjson") else {},
            registry=data.get("OCI_HOST", "").strip().removeprefix("oci://").rstrip("/"),
            uri=data.get("URI", "").strip(),
        )

    @classmethod
    def from_storage_config(cls, text: str) -> Self:
        """Read one entry of KServe's Secret ``storage-config``; raises `InvalidInput`."""
        said = _json(text, "storage-config")
        if not isinstance(said, dict) or said.get("type", "s3") != "s3":
            kind = said.get("type") if isinstance(said, dict) else None
            raise InvalidInput(
                f"A storage-config of type {kind!r} is not known." if kind else "The storage-config is no JSON object.",
                hint='Known is {"type": "s3", …}.',
            )

        def text_of(name: str) -> str:
            return str(said.get(name) or "").strip()

        return cls(
            s3=S3Credentials(
                access_key_id=text_of("access_key_id"),
                secret_access_key=text_of("secret_access_key"),
                session_token=text_of("session_token"),
                endpoint=_endpoint(text_of("endpoint_url")),
                region=text_of("region"),
                bucket=text_of("bucket") or text_of("default_bucket"),
                certificate=text_of("certificate"),
                verify=text_of("verify_ssl").lower() not in _FALSE,
                anonymous=text_of("anonymous").lower() in _TRUE,
            )
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read what a process's environment says, in the words of AWS's and Hugging Face's own tools."""
        endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or ""
        data = {"AWS_S3_ENDPOINT": endpoint} | {
            key: value for key, value in environment.items() if key in _FROM_ENVIRONMENT
        }
        data["AWS_DEFAULT_REGION"] = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", "")
        return cls.from_secret(data)

    def over(self, other: Credentials) -> Credentials:
        """Return these, with what they do not say from `other`."""
        mine = {each.name: getattr(self, each.name) for each in fields(self)}
        theirs = {each.name: getattr(other, each.name) for each in fields(other)}
        whole = {name: value or theirs[name] for name, value in mine.items()}
        if self.hub_endpoint and self.hub_endpoint != (other.hub_endpoint or HUB):
            whole["hub_token"] = self.hub_token  # another hub's token is none of its business
        merged = {name: {**theirs[name], **mine[name]} for name in ("headers", "registries")}
        return Credentials(**{**whole, **merged, "s3": self.s3.over(other.s3)})


_FROM_ENVIRONMENT = frozenset(
    {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_S3_ENDPOINT", "HF_TOKEN", "HF_ENDPOINT",
        "S3_VERIFY_SSL", "awsAnonymousCredential",
    }
)  # fmt: skip


def _s3_of_secret(data: Mapping[str, str], annotations: Mapping[str, str]) -> S3Credentials:
    notes = {key.removeprefix(_ANNOTATION): value.strip() for key, value in annotations.items() if _ANNOTATION in key}
    plain = notes.get("usehttps", "1").lower() in _FALSE
    verify = notes.get("verifyssl") or data.get("S3_VERIFY_SSL") or "1"
    anonymous = notes.get("useanoncredential") or data.get("awsAnonymousCredential") or "0"
    virtual = notes.get("usevirtualbucket", "").lower()
    return S3Credentials(
        access_key_id=data.get("AWS_ACCESS_KEY_ID", "").strip(),
        secret_access_key=data.get("AWS_SECRET_ACCESS_KEY", "").strip(),
        session_token=data.get("AWS_SESSION_TOKEN", "").strip(),
        endpoint=_endpoint(data.get("AWS_S3_ENDPOINT") or notes.get("endpoint", ""), plain=plain),
        region=(data.get("AWS_DEFAULT_REGION") or notes.get("region", "")).strip(),
        bucket=data.get("AWS_S3_BUCKET", "").strip(),
        certificate=data.get("AWS_CA_BUNDLE", "") if "-----BEGIN" in data.get("AWS_CA_BUNDLE", "") else "",
        verify=verify.strip().lower() not in _FALSE,
        anonymous=anonymous.strip().lower() in _TRUE,
        virtual_host=virtual in _TRUE if virtual else None,
    )


def _endpoint(text: str, *, plain: bool = False) -> str:
    """Return an endpoint as a URL: KServe's annotation has a host alone, and says elsewhere how it is spoken to."""
    text = text.strip().rstrip("/")
    if not text:
        return ""
    url = text if "://" in text else f"{'http' if plain else 'https'}://{text}"
    try:
        parts = urlsplit(url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        right = False
    if not right or parts.username is not None or parts.query:
        raise InvalidInput(
            "The endpoint of the S3 connection is no URL.", hint="It looks like https://minio.example.com:9000."
        )
    return url


def _host(text: str) -> str:
    """Return the host of what KServe calls ``https-host``; a whole URL is taken for its host."""
    return (urlsplit(text).netloc if "://" in text else text.partition("/")[0]).lower()


def _headers(text: str) -> dict[str, str]:
    """Read headers: a JSON object as KServe has it, or lines."""
    if text.lstrip().startswith("{"):
        said = _json(text, "headers")
        pairs = list(said.items()) if isinstance(said, dict) else []
    else:
        pairs = [tuple(line.split(":", 1)) for line in text.splitlines() if ":" in line]  # type: ignore[misc]
    found = {str(name).strip(): str(value).strip() for name, value in pairs}
    for name, value in found.items():
        if not _HEADER.fullmatch(name) or not value.isprintable():
            raise InvalidInput("The connection's headers have one that is none.", hint="Write name: value, or JSON.")
    return found


def _registries(text: str) -> dict[str, Credential]:
    """Read what ``docker login`` keeps (https://kubernetes.io/docs/concepts/configuration/secret/#docker-config-secrets)."""
    from forecourt.oci.client.credentials import entries

    said = _json(text, ".dockerconfigjson")
    if not isinstance(said, dict) or not isinstance(said.get("auths"), dict):
        raise InvalidInput("The connection's .dockerconfigjson has no auths.", hint='It looks like {"auths": {…}}.')
    return entries(said)


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # The parser's own message would repeat a part of the value.
        raise InvalidInput(f"The connection's {name} is no JSON.") from None
