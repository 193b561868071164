"""Deployments as models."""

from __future__ import annotations

import pytest

from forecourt.serving.endpoints import Endpoints
from forecourt.serving.gateway.models import find, not_found


def test_default_may_be_named() -> None:
    endpoints = Endpoints()
    endpoint = endpoints.publish("default", "m", [], waiting=True)
    assert find(endpoints, "m") is find(endpoints, "default/m") is endpoint


@pytest.mark.parametrize("model", ["", "/", "m/", "/m", "x/m", "default/m/x", "M"])
def test_other_names_are_not_taken_for_it(model: str) -> None:
    endpoints = Endpoints()
    endpoints.publish("default", "m", [], waiting=True)
    assert find(endpoints, model) is None


def test_only_some_of_many_models_are_listed_in_an_error() -> None:
    endpoints = Endpoints()
    for number in range(30):
        endpoints.publish("default", f"m{number:02}", [], waiting=True)
    error = not_found(endpoints, "x" * 1000)
    assert "m19 and 10 more" in error.hint
    assert len(error.message) < 300


def test_a_person_with_nothing_deployed_is_told_how_to_deploy() -> None:
    assert "forecourt deploy" in not_found(Endpoints(), "m").hint
