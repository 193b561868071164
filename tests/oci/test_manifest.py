from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecourt.errors import InvalidManifest
from forecourt.oci import EMPTY_DESCRIPTOR, LAYER_TAR, Descriptor, Digest, Index, Manifest, Platform
from forecourt.oci.manifest import CONFIG, DOCKER_INDEX, DOCKER_MANIFEST, INDEX, MANIFEST, MAX_MANIFEST, parse

CONFIG_DESCRIPTOR = Descriptor.of(CONFIG, b"{}")
LAYER = Descriptor(LAYER_TAR, Digest.of(b"layer"), 5, {"org.opencontainers.image.title": "model.gguf"})


def test_a_manifest_that_was_built_is_read_back_the_same() -> None:
    document = Manifest.build(
        CONFIG_DESCRIPTOR,
        [LAYER],
        annotations={"a": "ü"},
        subject=EMPTY_DESCRIPTOR,
        artifact_type="application/card",
    )
    assert parse(document.raw) == parse(document.raw, MANIFEST) == document
    assert document.digest == Digest.of(document.raw)
    assert document.children == (CONFIG_DESCRIPTOR, LAYER)
    assert document.size == 7
    assert document.descriptor == Descriptor(
        MANIFEST, document.digest, len(document.raw), {"a": "ü"}, "application/card"
    )
    assert LAYER.title == "model.gguf"


def test_the_same_arguments_give_the_same_bytes() -> None:
    one = Manifest.build(CONFIG_DESCRIPTOR, [LAYER], annotations={"a": "1", "b": "2"})
    other = Manifest.build(CONFIG_DESCRIPTOR, [LAYER], annotations={"b": "2", "a": "1"})
    assert one.raw == other.raw
    assert b" " not in one.raw


def test_the_bytes_are_kept_as_they_are() -> None:
    raw = (
        b' {"layers": [], "config": %s,\n "schemaVersion": 2, "unknown": 1} '
        % json.dumps(CONFIG_DESCRIPTOR.to_json()).encode()
    )
    assert parse(raw).raw == raw


def test_an_artifact_without_a_type_has_its_configs() -> None:
    assert Manifest.build(CONFIG_DESCRIPTOR, []).descriptor.artifact_type == CONFIG


def test_an_index_that_was_built_is_read_back_the_same() -> None:
    entry = Descriptor(MANIFEST, Digest.of(b"x"), 1, platform=Platform("linux", "arm64", "v8"))
    document = Index.build([entry], annotations={"a": "b"}, subject=EMPTY_DESCRIPTOR, artifact_type="application/x")
    assert parse(document.raw, INDEX) == document
    assert document.children == (entry,)


@pytest.mark.parametrize(
    ("media_type", "document"),
    [
        (DOCKER_MANIFEST, {"config": CONFIG_DESCRIPTOR.to_json(), "layers": []}),
        (DOCKER_INDEX, {"manifests": []}),
    ],
)
def test_dockers_types_are_read_too(media_type: str, document: dict[str, object]) -> None:
    raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, **document}).encode()
    assert parse(raw).media_type == parse(raw, f"{media_type}; charset=utf-8").media_type == media_type


def test_the_transports_type_decides_where_the_document_has_none() -> None:
    raw = json.dumps({"schemaVersion": 2, "manifests": []}).encode()
    assert parse(raw).media_type == INDEX
    assert parse(raw, DOCKER_INDEX).media_type == DOCKER_INDEX


def refusing(**changes: object) -> bytes:
    document = json.loads(Manifest.build(CONFIG_DESCRIPTOR, [LAYER]).raw) | changes
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"null",
        b"[" * 100_000,
        b"{" + b" " * MAX_MANIFEST + b"}",
        refusing(schemaVersion=1),
        refusing(schemaVersion="2"),
        refusing(mediaType="text/plain"),
        refusing(mediaType=7),
        refusing(mediaType=["x"]),
        refusing(config=None),
        refusing(config="x"),
        refusing(layers=None),
        refusing(layers={}),
        refusing(layers=["x"]),
        refusing(layers=[LAYER.to_json() | {"size": -1}]),
        refusing(layers=[LAYER.to_json() | {"size": True}]),
        refusing(layers=[LAYER.to_json() | {"size": "1"}]),
        refusing(layers=[LAYER.to_json() | {"digest": "sha256:abc"}]),
        refusing(layers=[LAYER.to_json() | {"mediaType": None}]),
        refusing(layers=[LAYER.to_json() | {"platform": {"os": 7}}]),
        refusing(annotations=["x"]),
        refusing(annotations={"x": 1}),
        refusing(annotations={"x": "\ud800"}),
        refusing(annotations={"\udfff": "x"}),
        refusing(artifactType="\ud800"),
        refusing(artifactType=7),
        refusing(subject={"x": 1}),
        refusing(subject="x"),
    ],
)
def test_bytes_that_are_no_manifest_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidManifest):
        parse(raw)


def test_a_manifest_sent_as_something_else_is_refused() -> None:
    with pytest.raises(InvalidManifest, match="was sent as"):
        parse(Manifest.build(CONFIG_DESCRIPTOR, []).raw, INDEX)


KEYS = st.sampled_from(["mediaType", "config", "layers", "manifests", "digest", "size", "annotations", "subject"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([DOCKER_MANIFEST, INDEX]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(KEYS, JSON))
def test_whatever_json_comes_is_read_or_refused(document: dict[str, object]) -> None:
    with contextlib.suppress(InvalidManifest):
        parse(json.dumps(document | {"schemaVersion": 2}).encode())


def entry(platform: Platform | None, media_type: str = MANIFEST) -> Descriptor:
    return Descriptor(media_type, Digest.of(str((platform, media_type)).encode()), 1, platform=platform)


AMD64, ARM64 = Platform("linux", "amd64"), Platform.parse("linux/arm64/v8")


def test_an_index_is_asked_for_a_platform() -> None:
    index = Index.build([entry(None, "text/plain"), entry(AMD64), entry(ARM64)])
    assert index.select(ARM64).platform == ARM64
    assert index.select(Platform("linux", "arm64")).platform == ARM64
    with pytest.raises(InvalidManifest, match="no image for linux/s390x; it offers linux/amd64, linux/arm64/v8"):
        index.select(Platform("linux", "s390x"))


def test_an_index_without_platforms_gives_its_first_image() -> None:
    index = Index.build([entry(None, "text/plain"), entry(None)])
    assert index.select(AMD64) == index.manifests[1]
    with pytest.raises(InvalidManifest, match="offers none"):
        Index.build([]).select(AMD64)


@pytest.mark.parametrize("text", ["", "linux", "linux/", "a/b/c/d"])
def test_text_that_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(InvalidManifest):
        Platform.parse(text)
