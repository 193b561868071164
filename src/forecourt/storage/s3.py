"""``s3://bucket/prefix``: objects of Amazon's S3, or of a store that speaks as it does.

obstore lists, and signs a URL for each request; the bytes come over the connections that all sources share, which heed
``If-Match``, go on after a cut and show every header. A bucket that one has no key to is asked without a signature.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from forecourt.errors import ForecourtError, InvalidInput, NotFound
from forecourt.oci.client.connection import Response
from forecourt.oci.client.request import Request
from forecourt.storage.archives import is_archive
from forecourt.storage.credentials import Credentials, S3Credentials
from forecourt.storage.model import Listing, RemoteFile
from forecourt.storage.s3_refusals import Asked, refusal
from forecourt.storage.selection import Patterns
from forecourt.storage.web import PATIENCE, Web, said

if TYPE_CHECKING:
    from obstore.store import S3Store

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_SIGNED = timedelta(hours=1)
_AMAZON = "s3.amazonaws.com"
_ADDRESS = ("endpoint", "defaultRegion")
_ROLES = {
    "AWS_WEB_IDENTITY_TOKEN_FILE": "web_identity_token_file",
    "AWS_ROLE_ARN": "role_arn",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "container_credentials_relative_uri",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "container_credentials_full_uri",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "container_authorization_token_file",
}


def addressed(uri: str, credentials: S3Credentials) -> tuple[str, S3Credentials]:
    """Take where the store is out of a URI, as Kubeflow's dashboard writes it: ``?endpoint=…&defaultRegion=…``.

    It counts where the credentials say no endpoint. Then no key is sent, since it was not given for whoever a URI
    names; a store of Amazon's aside. Raises `InvalidInput` for an endpoint that is none.
    """
    address, _, query = uri.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    said = {key: value for key, value in pairs if key in _ADDRESS}
    if not said:
        return uri, credentials
    others = urlencode([pair for pair in pairs if pair[0] not in _ADDRESS])
    uri = f"{address}?{others}" if others else address
    credentials = replace(credentials, region=credentials.region or said.get("defaultRegion", ""))
    endpoint = said.get("endpoint", "").rstrip("/")
    if not endpoint or credentials.endpoint:
        return uri, credentials
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidInput(
            f"{address} has an endpoint that is no URL.", hint="It looks like https://minio.example.com."
        )
    if parts.hostname == _AMAZON or parts.hostname.endswith(".amazonaws.com"):
        return uri, credentials
    keyless = S3Credentials(
        endpoint=endpoint, region=credentials.region, certificate=credentials.certificate, anonymous=True
    )
    return uri, keyless


@dataclass(frozen=True)
class S3Source:
    """All objects below a prefix, or the one object that it names."""

    bucket: str
    prefix: str
    patterns: Patterns
    credentials: S3Credentials
    web: Web

    @classmethod
    def parse(cls, uri: str, patterns: Patterns, credentials: Credentials, web: Web) -> S3Source:
        """Read a URI, from which patterns have been taken; raises `InvalidInput`."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        bucket = bucket or credentials.s3.bucket
        if not _BUCKET.fullmatch(bucket):
            raise InvalidInput(f"{uri!r} names no bucket.", hint="Write s3://bucket/path/of/model.")
        return cls(bucket, unquote(prefix).strip("/"), patterns, credentials.s3, web)

    @property
    def key(self) -> str:
        """What it is remembered by."""
        return (
            f"s3 {self._endpoint or _AMAZON}/{self.bucket}/{self.prefix} {self.patterns.allow} {self.patterns.ignore}"
        )

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f"{self.bucket}/{self.prefix}".rstrip("/")

    def list(self) -> Listing:
        """List what is below the prefix; with nothing there, look whether the prefix is an object itself."""
        import obstore

        found: list[Any] = []
        try:
            for page in obstore.list(self._store, prefix=self.prefix or None):
                found += page
            alone = not found and bool(self.prefix)
            if alone:
                found = [obstore.head(self._store, self.prefix)]
        except FileNotFoundError as error:
            raise self._error(str(error)) from None
        except (obstore.exceptions.BaseError, ValueError, OSError) as error:
            raise self._error(str(error)) from None
        above = len(self.prefix) + 1 if self.prefix else 0
        files, left_out = [], []
        for each in found:
            path = str(each["path"])
            name = path.rpartition("/")[2] if alone else path[above:]
            if path.endswith("/") or not name:
                continue
            if not alone and not self.patterns.allows(name):
                left_out.append(name)
                continue
            files.append(_file(name, path, each["size"], each["e_tag"]))
        if not files:
            why = "that the patterns leave" if left_out else f"below {self.prefix}" if self.prefix else "in it"
            raise NotFound(
                f"The bucket {self.bucket} at {self.where} has no object {why}.",
                hint="Check the path and the patterns: capital letters count.",
            )
        files.sort(key=lambda file: file.name)
        return Listing(tuple(files), _revision(files), tuple(left_out), archive=alone and is_archive(files[0].name))

    def get(self, file: RemoteFile, headers: Mapping[str, str]) -> Response:
        """Ask for an object's bytes, by a URL that is signed for an hour."""
        return self.web.send(Request("GET", self._url(file.place), {"Accept-Encoding": "identity", **headers}))

    def refused(self, response: Response, file: RemoteFile) -> ForecourtError:
        """Say what kept the store from giving an object."""
        return self._error(said(response), response.status, file.place)

    def reach(self) -> bool:
        """See that the bucket is there and can be listed, and say whether something is below the prefix; one request.

        Raises as `list` does.
        """
        import obstore

        try:
            found = obstore.list_with_delimiter(self._store, prefix=self.prefix or None)
            if not (found["objects"] or found["common_prefixes"]) and self.prefix:
                obstore.head(self._store, self.prefix)
                return True
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._error(str(error)) from None
            return False
        except (obstore.exceptions.BaseError, ValueError, OSError) as error:
            raise self._error(str(error)) from None
        return bool(found["objects"] or found["common_prefixes"])

    # Inside

    @property
    def _endpoint(self) -> str:
        """The endpoint, where it is not Amazon's own: that one is made from the region."""
        return "" if urlsplit(self.credentials.endpoint).hostname == _AMAZON else self.credentials.endpoint

    @property
    def where(self) -> str:
        """The host of the store."""
        return urlsplit(self._endpoint).netloc or _AMAZON

    @property
    def _region(self) -> str:
        return self.credentials.region or "us-east-1"

    @property
    def _virtual(self) -> bool:
        """Whether the bucket is a part of the host's name."""
        said = self.credentials.virtual_host
        return said if said is not None else not self._endpoint and "." not in self.bucket

    @cached_property
    def _roles(self) -> dict[str, str]:
        """Where a key is to be had that this process was given a role for."""
        if self._endpoint or self.credentials.anonymous:
            return {}
        return {option: value for name, option in _ROLES.items() if (value := os.environ.get(name))}

    @property
    def _signs(self) -> bool:
        return bool(self.credentials.access_key_id or self._roles)

    @cached_property
    def _store(self) -> S3Store:
        import obstore
        from obstore.store import S3Store

        client: dict[str, Any] = {
            "allow_http": True,
            "connect_timeout": timedelta(seconds=PATIENCE.connect),
            "timeout": timedelta(seconds=PATIENCE.answer),
        }
        if self.credentials.certificate:
            client["root_certificate"] = self.credentials.certificate
        if not self.credentials.verify:
            client["allow_invalid_certificates"] = True
        options: dict[str, Any] = {"region": self._region, "virtual_hosted_style_request": self._virtual}
        if self._endpoint:
            options["endpoint"] = self._base
        if self.credentials.access_key_id:
            options |= {
                "access_key_id": self.credentials.access_key_id,
                "secret_access_key": self.credentials.secret_access_key,
            }
            if self.credentials.session_token:
                options["session_token"] = self.credentials.session_token
        elif self._roles:
            options |= self._roles
        else:
            options["skip_signature"] = True
        retrying = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
        try:
            return S3Store(self.bucket, client_options=client, retry_config=retrying, **options)  # type: ignore[arg-type]
        except (obstore.exceptions.BaseError, ValueError):  # its message may repeat an option
            raise InvalidInput(f"The connection to the bucket {self.bucket} cannot be used as it is.") from None

    @property
    def _base(self) -> str:
        """The URL of an endpoint that is not Amazon's; with the bucket where it is a part of the host's name."""
        if not self._virtual:
            return self._endpoint
        parts = urlsplit(self._endpoint)
        return parts._replace(netloc=f"{self.bucket}.{parts.netloc}").geturl()

    def _url(self, key: str) -> str:
        if self._signs:
            import obstore

            try:
                return obstore.sign(self._store, "GET", key, _SIGNED)
            except (obstore.exceptions.BaseError, ValueError, OSError) as error:
                raise self._error(str(error)) from None
        if self._endpoint:
            base = self._base if self._virtual else f"{self._base}/{self.bucket}"
        elif self._virtual:
            base = f"https://{self.bucket}.s3.{self._region}.amazonaws.com"
        else:
            base = f"https://s3.{self._region}.amazonaws.com/{self.bucket}"
        return f"{base}/{quote(key)}"

    def _error(self, text: str, status: int = 0, key: str = "") -> ForecourtError:
        return refusal(
            text,
            status,
            Asked(self.bucket, key or self.prefix, self.where, self._region, signed=self._signs),
        )


def _revision(files: list[RemoteFile]) -> str:
    """Return the ETag of one object, or the hash of what several have."""
    if len(files) == 1:
        return files[0].validator[1].strip('"')
    said = "".join(f"{file.name} {file.identity}\n" for file in files)
    return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()


def _file(name: str, key: str, size: int, etag: str | None) -> RemoteFile:
    """Return an object. The ETag of one that came in one part is its MD5, unless it is encrypted with a key of KMS."""
    plain = (etag or "").strip('"')
    return RemoteFile(
        name,
        size,
        f"{etag} {size}" if etag else "",
        place=key,
        md5=plain if re.fullmatch(r"[0-9a-f]{32}", plain) else "",
        conditions={"If-Match": etag} if etag else {},
        validator=("ETag", etag) if etag else ("", ""),
        ranges=bool(etag),
    )
