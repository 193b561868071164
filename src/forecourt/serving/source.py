"""Where the model of a deployment is, and which connection opens the way to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forecourt.errors import InvalidObject
from forecourt.serving.model import InferenceService

CONNECTION = "opendatahub.io/connections"
CONNECTION_PATH = "opendatahub.io/connection-path"
ALLOW, IGNORE = "STORAGE_ALLOW_PATTERNS", "STORAGE_IGNORE_PATTERNS"
"""Variables of KServe's storage initializer: which files, as shell patterns in a JSON array or by commas."""
TOKEN = "HF_TOKEN"  # noqa: S105 - a variable's name


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model that is on this machine, in the directory `path`.

    `image` is the ModelCar that it came as, ``registry/repository@sha256:…``; empty for files that came otherwise.
    """

    path: Path
    image: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A URI, or a path in the bucket that the connection `secret` names; `parameters` go before what that says.

    The secret is one of `namespace`. `allow` and `ignore` are patterns of files.
    """

    namespace: str
    uri: str = ""
    secret: str = ""
    path: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, service: InferenceService) -> Source:
        """Read it from a deployment; raises `InvalidObject` where that does not say where its model is."""
        model, storage = service.model, service.model.storage or {}
        variables = {variable.name: variable for variable in model.env or ()}
        secret = str(storage.get("key") or service.metadata.annotation(CONNECTION))
        token = variables[TOKEN].value_from if TOKEN in variables else None
        if not secret and token:  # as a cluster's pod would look it up
            secret = str((token.get("secretKeyRef") or {}).get("name") or "")
        if not secret and (pull := (service.spec.predictor.to_dict().get("imagePullSecrets") or [])):
            secret = str(pull[0].get("name") or "")
        uri, path = service.storage_uri, str(storage.get("path") or "")
        if not uri and not path:
            raise InvalidObject("spec.predictor.model.storageUri: Required value: it says where the model is.")
        said = {name: one.value or "" for name, one in variables.items()}
        parameters = {str(key): str(value) for key, value in (storage.get("parameters") or {}).items()}
        allow, ignore = (_patterns(said.get(name, "")) for name in (ALLOW, IGNORE))
        return cls(service.namespace, uri, secret, path, parameters, allow, ignore)

    def located(self, connection: Mapping[str, str]) -> str:
        """Return the URI, which a path needs the connection's bucket for; raises `InvalidObject` without one."""
        if self.uri:
            return self.uri
        bucket = self.parameters.get("bucket") or connection.get("AWS_S3_BUCKET", "")
        if not bucket:
            raise InvalidObject(
                f"The connection {self.secret} names no bucket, and neither does the deployment.",
                hint="Set AWS_S3_BUCKET in the connection, or spec.predictor.model.storage.parameters.bucket.",
            )
        return f"s3://{bucket}/{self.path.lstrip('/')}"


def _patterns(text: str) -> tuple[str, ...]:
    """Read a variable as KServe's storage initializer does: a JSON array, or else patterns by commas."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        found = text.split(",")
    those = found if isinstance(found, list) else [found]
    return tuple(filter(None, (str(each).strip() for each in those)))
