"""What is downloaded is held against what is known of it, by whichever way its store says that."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from storage.servers import Fetcher, FileServer, contents

from forecourt.errors import ContentMismatch
from forecourt.storage.http import HttpSource
from forecourt.storage.model import Listing

BODY = os.urandom(300_000)


@pytest.fixture(autouse=True)
def _wrong_md5(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that says a wrong MD5 of its files."""
    honest = HttpSource.list

    def lying(source: HttpSource) -> Listing:
        listing = honest(source)
        return replace(listing, files=(replace(listing.files[0], md5="0" * 32),))

    monkeypatch.setattr(HttpSource, "list", lying)


def test_an_md5_that_is_wrong_is_refused(files: FileServer, fetcher: Fetcher) -> None:
    with pytest.raises(ContentMismatch, match=r"tiny\.bin came with another content"):
        fetcher(files.put("/tiny.bin", BODY))


@pytest.mark.parametrize(
    "said", [{"X-Amz-Server-Side-Encryption": "aws:kms"}, {"X-Amz-Server-Side-Encryption-Customer-Algorithm": "AES256"}]
)
def test_the_etag_of_what_is_encrypted_is_no_md5(files: FileServer, fetcher: Fetcher, said: dict[str, str]) -> None:
    assert contents(fetcher(files.put("/tiny.bin", BODY, headers=said)).path) == {"tiny.bin": BODY}
