"""The released client, `model-registry` of PyPI, works as its README says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest
from registry.served import Api

if find_spec("model_registry") is None:
    pytest.skip("needs model-registry, which is not installed", allow_module_level=True)

from model_registry import ModelRegistry
from model_registry.exceptions import StoreError

METADATA = {"int_key": 1, "bool_key": False, "float_key": 3.14, "str_key": "str_value"}


class _Loop:
    """An event loop in a thread, so that the client does not patch ours to be entered twice."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def registry(api: Api) -> Iterator[ModelRegistry]:
    loop = _Loop()
    with pytest.warns(UserWarning, match="User access token is missing"):
        client = ModelRegistry(api.url, author="Ada Lovelace", is_secure=False, async_runner=loop.run)
    yield client
    loop.close()


def register(registry: ModelRegistry, name: str = "my-model", version: str = "2.0.0") -> Any:
    return registry.register_model(
        name,
        "https://storage-place.my-company.com",
        version=version,
        version_description="lorem ipsum",
        model_format_name="onnx",
        model_format_version="1",
        storage_key="my-data-connection",
        storage_path="path/to/model",
        metadata=METADATA,
    )


def test_a_model_is_registered_and_read_back(registry: ModelRegistry, api: Api) -> None:
    made = register(registry)
    model = registry.get_registered_model("my-model")
    assert model == made
    assert model.name == "my-model"
    version = registry.get_model_version("my-model", "2.0.0")
    assert (version.name, version.description, version.author) == ("2.0.0", "lorem ipsum", "Ada Lovelace")
    assert version.custom_properties == METADATA
    artifact = registry.get_model_artifact("my-model", "2.0.0")
    assert artifact.uri == "https://storage-place.my-company.com"
    assert (artifact.model_format_name, artifact.model_format_version) == ("onnx", "1")
    assert (artifact.storage_key, artifact.storage_path) == ("my-data-connection", "path/to/model")
    assert registry.get_registered_model("another") is None
    assert registry.get_model_version("my-model", "3") is None
    assert api.names("model_versions", "int_key = 1 AND float_key > 3 AND bool_key = false") == ["2.0.0"]


def test_what_is_changed_is_pushed(registry: ModelRegistry) -> None:
    register(registry)
    version = registry.get_model_version("my-model", "2.0.0")
    version.description = "Updated model version"
    version.custom_properties["added"] = "x"
    assert registry.get_model_version("my-model", "2.0.0").description == "lorem ipsum"
    registry.update(version)
    after = registry.get_model_version("my-model", "2.0.0")
    assert (after.description, after.custom_properties) == ("Updated model version", METADATA | {"added": "x"})
    model = registry.get_registered_model("my-model")
    model.owner = "Charles"
    assert registry.update(model).owner == "Charles"
    artifact = registry.get_model_artifact("my-model", "2.0.0")
    artifact.uri = "oci://example.com/my-model:2"
    registry.update(artifact)
    assert registry.get_model_artifact("my-model", "2.0.0").uri == "oci://example.com/my-model:2"


def test_a_version_is_registered_once(registry: ModelRegistry) -> None:
    register(registry)
    with pytest.raises(StoreError, match="already exists"):
        register(registry)
    register(registry, version="2.0.1")
    assert [version.name for version in registry.get_model_versions("my-model")] == ["2.0.0", "2.0.1"]


def test_lists_come_page_by_page_and_end(registry: ModelRegistry) -> None:
    names = [f"model-{number:02}" for number in range(9)]
    for name in names:
        register(registry, name)
    assert [model.name for model in registry.get_registered_models()] == names
    for size in (1, 4, 9, 100):
        assert [model.name for model in registry.get_registered_models().page_size(size)] == names
    for order in ("order_by_id", "order_by_creation_time", "order_by_update_time"):
        pager = getattr(registry.get_registered_models().page_size(4), order)()
        assert [model.name for model in pager.descending()] == names[::-1]
        assert [model.name for model in pager.ascending()] == names
    for version in range(5):
        register(registry, "versions", str(version))
    latest = registry.get_model_versions("versions").page_size(3).order_by_update_time().descending()
    assert [version.name for version in latest] == [str(version) for version in range(4, -1, -1)]
    with pytest.raises(StoreError):
        list(registry.get_model_versions("none"))
