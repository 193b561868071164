from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from forecourt.errors import InvalidDigest, InvalidManifest, InvalidReference, NotFound
from forecourt.oci import (
    EMPTY_DESCRIPTOR,
    EMPTY_JSON,
    LAYER_TAR,
    ContentStore,
    Descriptor,
    Digest,
    Index,
    Manifest,
    Repositories,
)

NAME = "demo/my-model"


@pytest.fixture
def repositories(tmp_path: Path, store: ContentStore) -> Repositories:
    return Repositories(tmp_path / "repositories", store)


def image(note: str = "", *, subject: Manifest | None = None, artifact_type: str = "") -> Manifest:
    return Manifest.build(
        EMPTY_DESCRIPTOR,
        [],
        annotations={"note": note},
        subject=subject and subject.descriptor,
        artifact_type=artifact_type,
    )


def test_what_is_put_is_got_by_tag_and_by_digest(repositories: Repositories) -> None:
    document = image()
    digest = repositories.put(NAME, document, "1.0")
    assert digest == document.digest
    assert repositories.get(NAME, "1.0") == repositories.get(NAME, digest) == document
    assert repositories.resolve(NAME, "1.0") == digest
    assert repositories.manifests(NAME) == [digest]


def test_another_root_or_object_sees_the_same(repositories: Repositories) -> None:
    repositories.put(NAME, image(), "1.0")
    assert Repositories(repositories.root, repositories.store).tags(NAME) == ["1.0"]


def test_a_manifest_is_seen_only_in_its_repository(repositories: Repositories) -> None:
    digest = repositories.put(NAME, image(), "1.0")
    repositories.put("other", image("another"))
    with pytest.raises(NotFound, match="other has no manifest"):
        repositories.get("other", digest)


def test_a_tag_moves(repositories: Repositories) -> None:
    old, new = repositories.put(NAME, image("old"), "latest"), repositories.put(NAME, image("new"), "latest")
    assert repositories.resolve(NAME, "latest") == new
    assert repositories.manifests(NAME) == sorted([old, new])


def test_a_manifest_keeps_the_media_type_it_came_with(repositories: Repositories) -> None:
    raw = b'{"schemaVersion":2,"manifests":[]}'
    document = Index(raw, "application/vnd.docker.distribution.manifest.list.v2+json", {}, None, "", ())
    assert repositories.get(NAME, repositories.put(NAME, document)) == document


def test_sha512_names_a_manifest_too(repositories: Repositories) -> None:
    subject = image("subject")
    document = image(subject=subject)
    digest = repositories.put(NAME, document, algorithm="sha512")
    assert digest == Digest.of(document.raw, "sha512")
    assert repositories.get(NAME, digest) == document
    assert [found.digest for found in repositories.referrers(NAME, subject.digest)] == [digest]


def test_tags_are_sorted_without_regard_to_case_and_differ_by_it(repositories: Repositories) -> None:
    for tag in ["b", "A", "a", "v1.0-RC_2", "B", "_x", "X" * 128]:
        repositories.put(NAME, image(tag), tag)
    assert repositories.tags(NAME) == ["_x", "A", "a", "B", "b", "v1.0-RC_2", "X" * 128]
    assert repositories.resolve(NAME, "A") != repositories.resolve(NAME, "a")


def test_an_unknown_repository_has_no_tags_to_list(repositories: Repositories) -> None:
    with pytest.raises(NotFound, match="no repository demo/my-model"):
        repositories.tags(NAME)
    assert repositories.manifests(NAME) == repositories.blobs(NAME) == list(repositories) == []


@pytest.mark.parametrize(
    "name", ["", "/", "../x", "a/../b", "/etc", "a//b", "Upper/case", "_tags", "a/_tags", "a" * 256]
)
def test_a_name_that_is_none_is_refused(repositories: Repositories, name: str) -> None:
    with pytest.raises(InvalidReference):
        repositories.put(name, image(), "latest")
    with pytest.raises(InvalidReference):
        repositories.get(name, "latest")


@pytest.mark.parametrize("tag", ["", "..", "a/b", "-x", "a:b", "x" * 129])
def test_a_tag_that_is_none_is_refused(repositories: Repositories, tag: str) -> None:
    with pytest.raises(InvalidReference):
        repositories.put(NAME, image(), tag)
    with pytest.raises((NotFound, InvalidDigest)):
        repositories.get(NAME, tag)


def test_repositories_are_listed_by_name_whatever_they_hold_below(repositories: Repositories) -> None:
    names = ["a", "a/b", "a-b", "localhost:5000/demo/x", "[::1]:5000/demo/x"]
    for name in names:
        repositories.put(name, image(), "latest")
    repositories.store.add(b"{}")
    repositories.link("only/blobs", Digest.of(b"{}"))
    assert list(repositories) == sorted(names)


def test_referrers_are_listed_by_subject_and_kind(repositories: Repositories) -> None:
    subject = image("subject")
    card = image("card", subject=subject, artifact_type="application/card")
    scores = image("scores", subject=subject, artifact_type="application/scores")
    for document in (card, scores):  # the subject may come later, or never
        repositories.put(NAME, document)
    found = repositories.referrers(NAME, subject.digest)
    assert found == sorted([card.descriptor, scores.descriptor], key=lambda entry: entry.digest)
    assert repositories.referrers(NAME, subject.digest, "application/card") == [card.descriptor]
    assert found[0].annotations
    assert repositories.referrers("other", subject.digest) == []


def test_a_deleted_manifest_leaves_no_tag_and_no_referrer(repositories: Repositories) -> None:
    subject = image("subject")
    repositories.put(NAME, subject, "1.0")
    digest = repositories.put(NAME, image("card", subject=subject), "card")
    repositories.put(NAME, image("card", subject=subject), "again")
    repositories.delete(NAME, digest)
    assert repositories.tags(NAME) == ["1.0"]
    assert repositories.referrers(NAME, subject.digest) == []
    with pytest.raises(NotFound):
        repositories.delete(NAME, digest)


def test_a_deleted_tag_leaves_its_manifest(repositories: Repositories) -> None:
    digest = repositories.put(NAME, image(), "1.0")
    repositories.delete_tag(NAME, "1.0")
    assert repositories.tags(NAME) == []
    assert repositories.resolve(NAME, digest) == digest
    with pytest.raises(NotFound, match=r"has no manifest 1\.0"):
        repositories.delete_tag(NAME, "1.0")


def image_with(repositories: Repositories, *layers: bytes) -> Manifest:
    """An image of these layers, whose blobs are linked as a push links them."""
    for layer in (EMPTY_JSON, *layers):
        repositories.link(NAME, repositories.store.add(layer))
    return Manifest.build(EMPTY_DESCRIPTOR, [Descriptor.of(LAYER_TAR, layer) for layer in layers])


def test_a_deleted_manifest_takes_the_links_that_only_it_needed(repositories: Repositories) -> None:
    both, one = image_with(repositories, b"shared", b"own"), image_with(repositories, b"shared")
    repositories.put(NAME, one, "one")
    repositories.delete(NAME, repositories.put(NAME, both, "both"))
    assert set(repositories.blobs(NAME)) == {Digest.of(b"shared"), EMPTY_DESCRIPTOR.digest} == repositories.linked()
    repositories.delete(NAME, one.digest)
    assert repositories.blobs(NAME) == []
    assert repositories.store.has(Digest.of(b"own"))  # which others may use


def test_links_that_no_manifest_needs_expire(repositories: Repositories) -> None:
    image = image_with(repositories, b"layer")
    repositories.put(NAME, image, "1.0")
    repositories.link(NAME, repositories.store.add(b"broken off"))
    repositories.link("other/new", repositories.store.add(b"broken off"))
    repositories.expire(time.time() - 60)
    assert Digest.of(b"broken off") in repositories.linked()
    repositories.expire(time.time() + 60)
    assert repositories.linked() == {child.digest for child in image.children}


def test_what_is_linked_again_is_young_again(repositories: Repositories) -> None:
    digest = repositories.store.add(b"blob")
    repositories.link(NAME, digest)
    for path in [*repositories.root.rglob("*"), *repositories.store.root.rglob("*")]:
        os.utime(path, (1, 1))
    repositories.link(NAME, digest)
    assert repositories.store.added(digest) > 1
    repositories.expire(time.time() - 60)
    assert repositories.has(NAME, digest)


def test_a_repository_is_gone_with_its_last_manifest(repositories: Repositories) -> None:
    repositories.delete(NAME, repositories.put(NAME, image(), "1.0"))
    assert list(repositories) == []


def test_a_blob_belongs_where_it_was_linked(repositories: Repositories) -> None:
    digest = repositories.store.add(b"blob")
    assert not repositories.has(NAME, digest)
    repositories.link(NAME, digest)
    assert repositories.has(NAME, digest)
    assert repositories.blobs(NAME) == [digest]
    assert not repositories.has("other", digest)
    repositories.unlink(NAME, digest)
    assert not repositories.has(NAME, digest)
    assert repositories.store.has(digest)
    with pytest.raises(NotFound):
        repositories.unlink(NAME, digest)


def test_a_blob_that_the_store_lacks_belongs_nowhere(repositories: Repositories) -> None:
    digest = Digest.of(b"absent")
    with pytest.raises(NotFound):
        repositories.link(NAME, digest)
    repositories.link(NAME, repositories.store.add(b"blob"))
    repositories.store.delete(Digest.of(b"blob"))
    assert not repositories.has(NAME, Digest.of(b"blob"))


def test_threads_that_push_and_delete_at_once_leave_tags_that_lead_somewhere(repositories: Repositories) -> None:
    documents = [image(str(number)) for number in range(4)]

    def work(number: int) -> None:
        document = documents[number % 4]
        repositories.put(NAME, document, f"tag-{number % 3}")
        if number % 2:
            with contextlib.suppress(NotFound):
                repositories.delete(NAME, document.digest)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(64)))
    repositories.put(NAME, image("last"), "last")
    for tag in repositories.tags(NAME):
        assert repositories.get(NAME, tag).raw


def test_processes_that_push_at_once_lose_nothing(repositories: Repositories) -> None:
    program = """
import sys
from pathlib import Path
from forecourt.oci import EMPTY_DESCRIPTOR, ContentStore, Manifest, Repositories
root, store, me = sys.argv[1:]
repositories = Repositories(Path(root), ContentStore(Path(store)))
for number in range(10):
    document = Manifest.build(EMPTY_DESCRIPTOR, [], annotations={"n": str(number)})
    repositories.put("demo/my-model", document, f"{me}-{number}")
"""
    arguments = [str(repositories.root), str(repositories.store.root)]
    running = [subprocess.Popen([sys.executable, "-c", program, *arguments, me]) for me in "abc"]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert len(repositories.tags(NAME)) == 30
    assert len(repositories.manifests(NAME)) == 10
    assert list((repositories.root / "_staging").iterdir()) == []


def test_a_manifest_whose_bytes_are_gone_is_not_found(repositories: Repositories) -> None:
    digest = repositories.put(NAME, image(), "1.0")
    repositories.store.delete(digest)
    with pytest.raises((NotFound, InvalidManifest)):
        repositories.get(NAME, "1.0")
