"""Nothing that upstream's OpenAPI documents allow, or forbid, breaks the server; answers are as the documents say."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, settings
from registry.served import Api

if find_spec("schemathesis") is None:
    pytest.skip("needs schemathesis, which is not installed", allow_module_level=True)

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

DOCUMENTS = Path(__file__).parent.parent / "data" / "kubeflow"
UNDOCUMENTED = {
    400,  # for an id that is none, where the document has 404 only
    404,  # for a parent that is not there, where the document has 400 only
    409,  # for a PATCH with an externalId that is taken
    422,  # for a required field that is empty, as upstream's server answers everywhere
    405,  # for a method that the document does not have
}
"""Statuses that upstream's server, and so ours, answers beside those that its document lists for an operation."""


def schema_of(name: str) -> Any:
    document = yaml.load((DOCUMENTS / name).read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for one in document["components"]["schemas"].values():
        if "discriminator" in one and "oneOf" in one:
            one["anyOf"] = one.pop("oneOf")  # an artifact that says little fits several; its type tells which it is
    document.pop("security", None)  # who asks is for a proxy before us to find out
    return schemathesis.openapi.from_dict(
        document, config=SchemathesisConfig.from_dict({"phases": {"coverage": {"enabled": False}}})
    )


v1 = schema_of("model-registry-v1.yaml")
v1alpha3 = schema_of("model-registry.yaml")
few = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)


def conforms(api: Api, case: Any) -> None:
    response = case.call(base_url=api.url)
    case.validate_response(response, checks=[not_a_server_error, content_type_conformance, response_schema_conformance])
    documented = {int(status) for status in case.operation.definition.raw["responses"]}
    assert response.status_code in documented | UNDOCUMENTED, response.text
    if response.status_code >= 400:
        assert set(response.json()) == {"code", "message"}
        assert all(isinstance(value, str) and value for value in response.json().values())


@v1.parametrize()
@few
def test_v1(case: Any, served: Api) -> None:
    if not served.database.is_sqlite:
        return  # what v1 asks of a database, v1alpha3 asks too
    conforms(served, case)


@v1alpha3.parametrize()
@few
def test_v1alpha3(case: Any, served: Api) -> None:
    conforms(served, case)
