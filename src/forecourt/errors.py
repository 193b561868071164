"""Everything that can go wrong and is somebody's to know of.

::

    ForecourtError                  something went wrong, said in a sentence, with what to do next
    ├── InvalidInput                what was given cannot be right, and nothing was changed
    │   ├── InvalidReference        text that names no image
    │   ├── InvalidDigest           text that is no digest, or of an algorithm we do not speak
    │   ├── InvalidManifest         bytes that are no OCI manifest or index
    │   ├── InvalidModel            a model that is truncated, corrupted or of no known format
    │   ├── UnsafeContent           pickled code, a path or link that leaves its directory, a device
    │   └── InvalidObject           a Kubernetes object that its schema or KServe's rules refuse
    ├── NotFound                    the thing asked for is not there
    ├── Conflict                    it has changed meanwhile, or does not fit what is there
    │   └── AlreadyExists           an object of that name is there already
    ├── Expired                     it was known once and is no longer kept: ask for what is there now
    ├── Denied                      credentials are missing, wrong or not enough
    │   └── Forbidden               it is known who asks, and they may not
    ├── TooLarge                    more bytes than are taken at once
    ├── TooMany                     too many attempts; trying again later may help
    ├── ContentMismatch             bytes that do not have the digest or size they were promised with
    ├── Unavailable                 something that is needed does not answer; trying again may help
    │   ├── ServerNotRunning        no Forecourt server for this FORECOURT_HOME
    │   ├── AlreadyRunning          a server runs for this FORECOURT_HOME already
    │   ├── PortInUse               another program listens there
    │   ├── RegistryError           a registry answered with an error of its own
    │   └── StorageFull             no space is left where something had to be written
    └── ProgramFailed               a program that we ran ended badly; carries its exit code and last lines

Each class carries how it is told: to a shell (`exit_code`), over HTTP (`status`) and in a Kubernetes ``Status``
(`reason`, in the words of https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md).
A protocol with an error shape of its own (OCI distribution, OpenAI) makes that shape at its door from these.
"""

from __future__ import annotations

import errno
from pathlib import Path


class ForecourtError(Exception):
    """Something went wrong, said in a sentence for a person.

    `message` says what; `hint` says what to do next, and is empty where there is nothing sensible to say.
    """

    exit_code = 1
    status = 500
    reason = "InternalError"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class InvalidInput(ForecourtError):
    """What was given cannot be right; nothing was changed."""

    exit_code = 2
    status = 400
    reason = "BadRequest"


class InvalidReference(InvalidInput):
    """Text that names no image."""


class InvalidDigest(InvalidInput):
    """Text that is no digest, or one of an algorithm that is not supported."""


class InvalidManifest(InvalidInput):
    """Bytes that are no OCI image manifest or index."""


class InvalidModel(InvalidInput):
    """A model that is truncated, corrupted or of no known format."""


class UnsafeContent(InvalidInput):
    """Content that could run code or write outside its directory: pickles, ``..``, links, devices."""


class InvalidObject(InvalidInput):
    """A Kubernetes object that its schema or KServe's rules refuse."""

    status = 422
    reason = "Invalid"


class NotFound(ForecourtError):
    """The thing asked for is not there."""

    exit_code = 3
    status = 404
    reason = "NotFound"


class Conflict(ForecourtError):
    """It is there already, or has changed meanwhile."""

    status = 409
    reason = "Conflict"


class AlreadyExists(Conflict):
    """An object of that name is there already."""

    reason = "AlreadyExists"


class Expired(ForecourtError):
    """What was asked for is no longer kept; ask for what is there now."""

    status = 410
    reason = "Expired"


class Denied(ForecourtError):
    """Credentials are missing, wrong, or not enough."""

    status = 401
    reason = "Unauthorized"


class Forbidden(Denied):
    """Who asks may not, whoever they are."""

    status = 403
    reason = "Forbidden"


class TooLarge(ForecourtError):
    """More bytes than are taken at once."""

    exit_code = 2
    status = 413
    reason = "RequestEntityTooLarge"


class TooMany(ForecourtError):
    """Too many attempts; `seconds` says when the next one may succeed."""

    exit_code = 4
    status = 429
    reason = "TooManyRequests"

    def __init__(self, message: str, *, seconds: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


class ContentMismatch(ForecourtError):
    """Bytes that do not have the digest or the size they were promised with."""

    status = 400
    reason = "BadRequest"


class Unavailable(ForecourtError):
    """Something that is needed does not answer; trying again may help."""

    exit_code = 4
    status = 503
    reason = "ServiceUnavailable"


class ServerNotRunning(Unavailable):
    """No Forecourt server runs for this ``FORECOURT_HOME``."""


class AlreadyRunning(Unavailable):
    """A Forecourt server runs for this ``FORECOURT_HOME`` already."""

    status = 409
    reason = "Conflict"


class PortInUse(Unavailable):
    """Another program listens on the address."""

    def __init__(self, host: str, port: int, *, hint: str) -> None:
        super().__init__(f"Another program already listens on {host}:{port}.", hint=hint)
        self.port = port


class RegistryError(Unavailable):
    """A registry answered with an error of its own."""

    status = 502


class StorageFull(Unavailable):
    """No space is left where something had to be written."""

    exit_code = 1
    status = 507
    reason = "InsufficientStorage"


class ProgramFailed(ForecourtError):
    """A program that was run for someone ended badly.

    `exit_code_of_program` is None where it is not known (the program was started by an earlier server);
    `last_lines` is the end of what it printed.
    """

    def __init__(
        self, message: str, *, exit_code_of_program: int | None = None, last_lines: tuple[str, ...] = (), hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.exit_code_of_program = exit_code_of_program
        self.last_lines = last_lines


def from_os_error(error: OSError, path: Path | str) -> ForecourtError | None:
    """Return what an operating system's error at `path` means to a person, or None where it is a defect of ours."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return StorageFull(
                f"No space is left to write {path}.", hint="Free some space, or set FORECOURT_HOME to a larger disk."
            )
        case errno.ENOENT:
            return NotFound(f"{path} does not exist.")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return InvalidInput(f"{path} cannot be accessed: {error.strerror}.", hint="Check its owner and mode.")
        case _:
            return None
