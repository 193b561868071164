"""What went wrong with a replica, as KServe's `lastFailureInfo` tells it, with the last lines that it printed."""

from __future__ import annotations

import signal

from forecourt.errors import ForecourtError
from forecourt.objects import now
from forecourt.serving.fit import text
from forecourt.serving.local.plan import ALLOWED, LISTENS_EVERYWHERE
from forecourt.serving.local.replica import LocalReplica
from forecourt.serving.status import Failure

_LINES = 20


def ended(replica: LocalReplica) -> Failure:
    """Describe a replica that ended by itself."""
    code = replica.process.exit_code
    if code is None:
        how = "ended"
    elif code < 0:
        how = f"was killed by {_signal(-code)}"
    else:
        how = f"ended with exit code {code}"
    # Kubernetes reports a signal as 128 + its number.
    return _failure(replica, how, exit_code=128 - code if code is not None and code < 0 else code)


def never_ready(replica: LocalReplica, seconds: float) -> Failure:
    """Describe a replica that was given `seconds` and did not become ready."""
    return _failure(replica, f"did not become ready within {seconds:g} s")


def out_of_memory(replica: LocalReplica) -> Failure:
    """Describe a replica that used more memory than its limit, as Kubernetes tells it: killed, with exit code 137."""
    used, limit = text(replica.over_limit), text(replica.limit)
    message = (
        f"OOMKilled: the serving runtime used {used} of memory, and its limit is {limit}. Raise the limit "
        "(spec.predictor.model.resources.limits.memory), or have it use less: a shorter context, fewer requests."
    )
    reason = "RuntimeUnhealthy" if replica.ready_since else "ModelLoadFailed"
    return Failure(reason, message, now(), 128 + signal.SIGKILL, location=replica.process.id)


def exposed(replica: LocalReplica) -> Failure:
    """Describe a replica that other machines can reach, past the gateway and the tokens that it asks for."""
    where = ", ".join(replica.exposed)
    message = (
        f"The serving runtime listens on {where}, where other machines can reach it without a token, and was ended. "
        "Have it listen on $(HOST), which is 127.0.0.1 here; or allow it with the annotation "
        f"{LISTENS_EVERYWHERE}: {ALLOWED} on the InferenceService."
    )
    return Failure("RuntimeUnhealthy", message, now(), location=replica.process.id)


def not_prepared(error: BaseException) -> Failure:
    """Describe a model that could not be fetched, or an environment or process that could not be made."""
    message = f"{error} {error.hint}".strip() if isinstance(error, ForecourtError) else f"Unexpected error: {error!r}"
    return Failure("ModelLoadFailed", message, now())


def _failure(replica: LocalReplica, how: str, exit_code: int | None = None) -> Failure:
    lines = replica.process.tail(_LINES)
    message = f"The serving runtime {how}" + (", last printing:\n" + "\n".join(lines) if lines else " without a word.")
    reason = "RuntimeUnhealthy" if replica.ready_since else "ModelLoadFailed"
    return Failure(reason, message, now(), exit_code, location=replica.process.id)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
