"""A deployment as the form says it: the object that it makes, and what it changes of one that is there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from serving.kserve_schemas import conforms

from forecourt.errors import InvalidObject
from forecourt.objects import merged
from forecourt.serving.wanted import Wanted

EVERYTHING = Wanted(
    name="granite",
    title="Granite",
    description="For the help desk",
    model_format="gguf",
    model_type="generative",
    uri="oci://localhost:5000/granite:1",
    runtime="llamacpp",
    mode="Advanced",
    least=0,
    most=3,
    target=4,
    window="60s",
    profile="small",
    profile_namespace="opendatahub",
    requests={"cpu": "1", "memory": "2Gi"},
    limits={"cpu": "2", "memory": "4Gi"},
    exposed=True,
    protected=True,
    args=["--ctx-size=4096"],
    env=[("LOG", "debug")],
    strategy="Recreate",
    timeout=30,
)


def test_everything_that_the_form_says_is_in_the_object_and_read_from_it_again() -> None:
    made = EVERYTHING.document("demo")
    conforms(made)
    assert Wanted.of(made) == EVERYTHING
    assert made["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Serverless"
    assert made["metadata"]["annotations"]["security.opendatahub.io/enable-auth"] == "true"
    assert made["metadata"]["labels"]["networking.kserve.io/visibility"] == "exposed"
    assert made["spec"]["predictor"]["scaleMetric"] == "concurrency"


def test_what_is_wanted_as_it_is_changes_nothing() -> None:
    assert EVERYTHING.change(EVERYTHING.document("demo")) == {}


@pytest.fixture
def there() -> dict[str, Any]:
    """An object with more than the form knows."""
    made = EVERYTHING.document("demo")
    made["metadata"]["annotations"]["example.org/owner"] = "me"
    made["spec"]["predictor"]["containerConcurrency"] = 7
    made["spec"]["predictor"]["nodeSelector"] = {"disk": "fast"}
    made["spec"]["predictor"]["model"]["env"].append(
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf"}}}
    )
    made["spec"]["transformer"] = {"containers": []}
    return made


def test_what_the_form_does_not_know_stays(there: dict[str, Any]) -> None:
    wanted = replace(Wanted.of(there), title="Granite 2", exposed=False, env=[], args=())
    change = wanted.change(there)
    assert change == {
        "metadata": {
            "annotations": {"openshift.io/display-name": "Granite 2"},
            "labels": {"networking.kserve.io/visibility": None},
        },
        "spec": {
            "predictor": {
                "model": {
                    "args": None,
                    "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf"}}}],
                }
            }
        },
    }
    after = merged(there, change)
    assert after["spec"]["predictor"]["containerConcurrency"] == 7
    assert after["spec"]["transformer"] == {"containers": []}
    assert Wanted.of(after) == wanted


def test_another_profile_takes_out_what_the_one_before_put_in(there: dict[str, Any]) -> None:
    wanted = replace(Wanted.of(there), profile="whole-machine", limits={"cpu": "8", "memory": "4Gi"})
    after = merged(there, wanted.change(there))
    assert after["spec"]["predictor"]["model"]["resources"] == {"requests": {}, "limits": {"cpu": "8"}}
    assert "nodeSelector" not in after["spec"]["predictor"]


def test_a_mode_that_was_not_written_follows_from_the_replicas() -> None:
    def mode(**bounds: int) -> str:
        made = Wanted("a", "gguf", "oci://localhost/a:1").document("demo")
        made["spec"]["predictor"] = {"model": made["spec"]["predictor"]["model"]} | bounds
        return Wanted.of(made).mode

    assert mode() == mode(minReplicas=2, maxReplicas=2) == mode(minReplicas=2) == "Standard"
    assert mode(minReplicas=0) == mode(minReplicas=1, maxReplicas=3) == "Advanced"


def test_what_cannot_be_an_object_is_refused_by_its_field() -> None:
    with pytest.raises(InvalidObject, match=r"metadata\.name: Invalid value"):
        Wanted("Not a name", "gguf", "oci://localhost/a:1").document("demo")
