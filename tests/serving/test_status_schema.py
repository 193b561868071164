"""The status that is written is one that KServe's own schema knows, whatever happens to a deployment."""

from __future__ import annotations

import pytest
from serving.kserve_schemas import conforms
from serving.objects import service

from forecourt.serving.model import InferenceService
from forecourt.serving.status import Failure, Observed, status_of

URL = "http://127.0.0.1:8080/serving/default/chat"
FAILURE = Failure("ModelLoadFailed", "exit code 1", "2026-01-01T00:00:00Z", exit_code=1, location="chat-0")


@pytest.mark.parametrize(
    "seen",
    [
        Observed("PullingModel", "pulling the model: 41 %", wanted=1, url=URL),
        Observed("Loading", "loading", wanted=1, loading=True, url=URL),
        Observed("", "", wanted=2, ready=2, serving=2, url=URL, runtime="llamacpp"),
        Observed("", "", wanted=1, ready=1, serving=1, url=URL, runtime="mine", runtime_is_namespaced=True),
        Observed("Restarting", "it ended", wanted=1, failed=3, blocked=True, failure=FAILURE, url=URL),
        Observed("InvalidSpec", "no runtime", wanted=1, invalid=True, failure=Failure("NoSupportingRuntime", "", "")),
        Observed("Stopped", "", stopped=True, url=URL),
    ],
    ids=lambda seen: seen.reason or "Ready",
)
def test_a_status_is_kserves(seen):
    status = status_of(seen, before={}, now="2026-01-01T00:00:00Z")
    isvc = InferenceService.from_dict(service().to_dict() | {"status": status})
    conforms(isvc.to_dict())
    assert isvc.status_document == status
    assert isvc.ready is seen.available
