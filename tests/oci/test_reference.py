from __future__ import annotations

import pytest

from forecourt.errors import InvalidDigest, InvalidReference
from forecourt.oci import Digest, Reference
from forecourt.oci.reference import is_name, is_repository, is_tag

DIGEST = Digest.of(b"")


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("localhost:5000/demo/my-model:1.0", "localhost:5000", "demo/my-model", "1.0", None),
        ("localhost/x", "localhost", "x", "latest", None),
        ("quay.io/org/model", "quay.io", "org/model", "latest", None),
        (f"quay.io/org/model@{DIGEST}", "quay.io", "org/model", None, DIGEST),
        (f"quay.io/org/model:1@{DIGEST}", "quay.io", "org/model", "1", DIGEST),
        ("oci://quay.io/a__b/c-d.e---f:X_1.-", "quay.io", "a__b/c-d.e---f", "X_1.-", None),
        ("[::1]:5000/x:1", "[::1]:5000", "x", "1", None),
        ("10.0.0.1/x", "10.0.0.1", "x", "latest", None),
    ],
)
def test_a_reference_says_registry_repository_and_version(
    text: str, registry: str, repository: str, tag: str | None, digest: Digest | None
) -> None:
    reference = Reference.parse(text)
    assert reference == Reference(registry, repository, tag, digest)
    assert reference.name == f"{registry}/{repository}"
    assert reference.version == digest or tag
    assert Reference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model",
        "org/model",  # no registry: nothing is added to a name
        "localhost:5000",
        "localhost:5000/",
        "localhost:5000/Model",
        "localhost:5000/a//b",
        "localhost:5000/../b",
        "localhost:5000/a/",
        "localhost:5000/a:",
        "localhost:5000/a:-x",
        "localhost:5000/a:" + "x" * 129,
        "localhost:5000/a b",
        "local_host:5000/a",
        "localhost:port/a",
        "-x.io/a",
        "quay.io/" + "a" * 256,
        "http://quay.io/a",
    ],
)
def test_text_that_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference) as refused:
        Reference.parse(text)
    assert refused.value.hint


@pytest.mark.parametrize("text", ["quay.io/a@", "quay.io/a@sha256:abc", "quay.io/a@latest"])
def test_a_digest_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidDigest):
        Reference.parse(text)


def test_a_reference_is_pinned_to_a_digest() -> None:
    reference = Reference.parse("quay.io/org/model:1").at(DIGEST)
    assert str(reference) == f"quay.io/org/model:1@{DIGEST}"
    assert reference.version == DIGEST


def test_names_are_told_from_what_is_none() -> None:
    assert is_repository("a/b") and not is_repository("localhost:5000/a") and not is_repository("a\n")
    assert is_name("a/b") and is_name("localhost:5000/a/b") and is_name("[::1]/a")
    assert not is_name("localhost:5000") and not is_name("Upper/a") and not is_name("x..y/../a")
    assert is_tag("v1.0-RC_1") and not is_tag("1:0") and not is_tag("a\n")
