"""``catalog://`` stands for where the files of a model are."""

from __future__ import annotations

import pytest
from catalog.served import Sources, entry, metrics, weights

from forecourt.catalog.locating import uri_of
from forecourt.errors import InvalidInput, NotFound

DIGEST = f"sha256:{'a' * 64}"


@pytest.fixture
def given(sources: Sources) -> Sources:
    sources.give(
        "ours",
        entry("acme/chat", metrics("accuracy", mmlu=80.0), weights("oci://quay.io/acme/chat:1", digest=DIGEST)),
        entry("acme/bucket", weights("s3://models/bucket", digest=DIGEST)),
        entry("acme/nowhere"),
        entry("other/chat-2", weights("oci://quay.io/other/chat:2")),
        entry("twin/same", weights()),
        entry("twins/same", weights()),
    )
    sources.catalog.rebuild()
    return sources


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("catalog://ours/acme/chat", f"oci://quay.io/acme/chat:1@{DIGEST}"),
        ("catalog://acme/chat", f"oci://quay.io/acme/chat:1@{DIGEST}"),
        ("catalog://CHAT-2", "oci://quay.io/other/chat:2"),
        ("catalog://acme/bucket", "s3://models/bucket"),
    ],
)
def test_a_model_is_where_its_first_place_is(given, uri, found):
    assert uri_of(given.catalog, uri) == found


def test_what_is_not_there_or_not_clear_is_told(given):
    with pytest.raises(NotFound, match="has no model catalog://absent"):
        uri_of(given.catalog, "catalog://absent")
    with pytest.raises(NotFound, match="does not say where the files of acme/nowhere are"):
        uri_of(given.catalog, "catalog://acme/nowhere")
    with pytest.raises(InvalidInput, match="may be"):
        uri_of(given.catalog, "catalog://same")
