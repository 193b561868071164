from __future__ import annotations

import hashlib

import pytest

from forecourt.errors import InvalidDigest
from forecourt.oci import Digest
from forecourt.oci.digest import new_hasher


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_digest_is_of_bytes_by_an_algorithm(algorithm: str) -> None:
    digest = Digest.of(b"content", algorithm)
    assert digest == f"{algorithm}:{hashlib.new(algorithm, b'content').hexdigest()}"
    assert (digest.algorithm, digest.hex) == tuple(digest.split(":"))
    assert digest.short == digest.hex[:12]
    hasher = digest.hasher()
    hasher.update(b"con")
    hasher.update(b"tent")
    assert Digest.finish(hasher, algorithm) == digest


def test_a_digest_is_a_string_and_stays_itself() -> None:
    digest = Digest("sha256:" + "0" * 64)
    assert Digest(digest) is digest
    assert f"{digest}" == "sha256:" + "0" * 64


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:abc",
        "sha256:" + "0" * 63,
        "sha256:" + "0" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha512:" + "0" * 64,
        "md5:" + "0" * 32,
        "SHA256:" + "0" * 64,
        " sha256:" + "0" * 64,
        "sha256:" + "0" * 64 + "\n",
        "sha256:../../../etc/passwd",
    ],
)
def test_text_that_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(InvalidDigest) as refused:
        Digest(text)
    assert repr(text)[:20] in refused.value.message


def test_another_algorithm_is_refused() -> None:
    with pytest.raises(InvalidDigest, match="'md5' is not supported"):
        new_hasher("md5")
    with pytest.raises(InvalidDigest):
        Digest.of(b"", "md5")
