"""Files of the content store by the sha256 of their own bytes, which is how others than registries name a file.

The store knows a file by its layer, whose digest is of a tar. What is said here is remembered below the store's
directory, as ``contents/<hex>`` with the layer's digest in it; it can be done without, and made again by hashing.
"""

from __future__ import annotations

import contextlib
import hashlib
import stat

from forecourt import durable
from forecourt.errors import ContentMismatch, InvalidDigest, NotFound
from forecourt.oci.blob import CHUNK, Blob
from forecourt.oci.digest import Digest
from forecourt.oci.store import ContentStore


def remember(store: ContentStore, sha256: str, layer: Digest) -> None:
    """Note that the file of `layer` has these bytes."""
    with contextlib.suppress(OSError):
        durable.write(store.root / "contents" / sha256, layer)


def find(store: ContentStore, sha256: str, size: int) -> Blob | None:
    """Return a layer whose file has these bytes and is not executable; None where there is none.

    Files of that size which nothing is known of are hashed: reading is quicker than a download.
    """
    note = store.root / "contents" / sha256
    try:
        return store.open(Digest(note.read_text()))
    except FileNotFoundError:
        pass
    except (OSError, InvalidDigest, NotFound, ContentMismatch):
        note.unlink(missing_ok=True)
    hashed: dict[int, str] = {}  # by inode: several layers may be of one file
    for blob in store.of_size(size):
        with contextlib.suppress(FileNotFoundError):
            seen = blob.path.stat()
            if stat.S_IMODE(seen.st_mode) & 0o100:
                continue
            found = hashed.get(seen.st_ino) or _hash(blob)
            hashed[seen.st_ino] = found
            remember(store, found, blob.digest)
            if found == sha256:
                return blob
    return None


def _hash(blob: Blob) -> str:
    hasher = hashlib.sha256()
    with blob.path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()
