"""What a project's connection says, for a command that fetches by itself: read from this home, not from its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecourt.storage import Credentials


def credentials_of(namespace: str, name: str) -> Credentials | None:
    """Return the credentials of a connection; None where none is named. Raises `NotFound`.

    The API shows no secret to anybody. Whoever can read the home's key and database can read them as the server does.
    """
    if not name:
        return None
    from forecourt.cli.invocation import settings
    from forecourt.db import Database
    from forecourt.objects import ObjectStore
    from forecourt.projects import Projects, Vault
    from forecourt.storage import Credentials

    mine = settings()
    database = Database(mine.database)
    try:
        database.upgrade()
        projects = Projects(ObjectStore(database), Vault(mine.secret_key_file, mine.secret_key))
        said = projects.connections.values(namespace, name)
        return Credentials.from_secret(said.data, said.annotations)
    finally:
        database.close()
