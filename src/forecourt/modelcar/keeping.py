"""Keeps what is being brought in from being pruned before an image refers to it.

Whoever makes an image holds a shared lock on the store, and `prune` an exclusive one, in any process. The embedded
registry takes none: what it receives is guarded by its age.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from forecourt.errors import Conflict, from_os_error
from forecourt.oci import ContentStore


@contextmanager
def kept(store: ContentStore) -> Iterator[None]:
    """Keep everything in the store until the block ends; waits for a `prune` that is going on."""
    with _locked(store, fcntl.LOCK_SH):
        yield


@contextmanager
def alone(store: ContentStore, *, wait: bool = True) -> Iterator[None]:
    """Wait until nobody keeps anything, and let nobody begin to before the block ends.

    Without `wait`, raises `Conflict` where somebody does.
    """
    with _locked(store, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)):
        yield


@contextmanager
def _locked(store: ContentStore, kind: int) -> Iterator[None]:
    path = store.root / "lock"
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise from_os_error(error, path) or error from error
    try:
        try:
            fcntl.flock(descriptor, kind)
        except BlockingIOError:
            raise Conflict(
                "A model is being packed, pulled or fetched.", hint="Wait until it is here, and try again."
            ) from None
        yield
    finally:
        os.close(descriptor)
