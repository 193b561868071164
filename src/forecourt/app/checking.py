"""How a connection is tried: storage asks what it names, with what it says and nothing else."""

from __future__ import annotations

from forecourt import storage
from forecourt.oci import Clients
from forecourt.projects import Check, Values


def checking(client_for: Clients) -> Check:
    """Return what tries a connection; it raises what `storage.check` does."""

    def check(said: Values) -> str:
        return storage.check(storage.Credentials.from_secret(said.data, said.annotations), client_for)

    return check
