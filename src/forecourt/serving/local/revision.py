"""One revision of a deployment: what it asks for, what was prepared of it, and how its attempts went."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from forecourt.errors import ForecourtError
from forecourt.serving.local.backoff import Backoff
from forecourt.serving.local.failure import not_prepared
from forecourt.serving.local.plan import Plan, Recipe
from forecourt.serving.local.site import Site
from forecourt.serving.local.starting import Hindrance
from forecourt.serving.local.waiting import Waiting
from forecourt.serving.status import Failure

log = logging.getLogger(__name__)


class Revision:
    """A recipe on its way to running; `changed` is called whenever something comes of it, `label` is for the log."""

    def __init__(self, recipe: Recipe, site: Site, changed: Callable[[], None], label: str) -> None:
        self.recipe = recipe
        self.label = label
        self.plan: Plan | None = None
        self.backoff = Backoff()
        self.failure: Failure | None = None
        self.hindrance: Hindrance | None = None
        """Why its replicas are not started, where something hinders that."""
        self.warning = ("", "")
        self.waiting = ("Pending", "")
        self._site = site
        self._changed = changed
        self._task: asyncio.Task[Plan] | None = None
        self._progress: Waiting | None = None

    @property
    def name(self) -> str:
        """What its replicas are known by."""
        return self.recipe.revision

    @property
    def preparing(self) -> bool:
        """Whether its model is being fetched, or its environment made."""
        return self._task is not None

    @property
    def fetched(self) -> bool:
        """Whether its model is there."""
        return self.plan is not None or bool(self._progress and self._progress.fetched)

    @property
    def made(self) -> bool:
        """Whether its environment is made."""
        return self.plan is not None or bool(self._progress and self._progress.made)

    def prepare(self) -> None:
        """Begin to fetch the model and make the environment, unless that is being done or not due yet."""
        if self._task or self.plan or self.backoff.remaining:
            return
        self.waiting = ("Pending", "looking for the model")
        self._progress = waiting = Waiting(asyncio.get_running_loop(), self._say)
        self._task = asyncio.create_task(self.recipe.prepare(self._site.fetch, self._site.environments, waiting))
        self._task.add_done_callback(self._prepared)

    def cancel(self) -> None:
        """Leave off preparing."""
        if self._task:
            self._task.cancel()
            self._task = None

    def failed(self, failure: Failure, *, steady: bool) -> None:
        """Count a failure; the next attempt waits longer, unless it had run well before."""
        self.failure = failure
        self.backoff.failed(steady=steady)
        log.warning("%s: %s", self.label, failure.message)

    def hindered(self, hindrance: Hindrance) -> None:
        """Take note of why a replica is not started; the first time that it is so is what people are told."""
        if not hindrance.like(self.hindrance):
            self.hindrance = hindrance
            log.warning("%s: %s", self.label, hindrance.message)

    def _say(self, reason: str, message: str) -> None:
        self.waiting = (reason, message)
        self._changed()

    def _prepared(self, task: asyncio.Task[Plan]) -> None:
        if task.cancelled() or task is not self._task:
            return
        self._task = None
        error = task.exception()
        if error is None:
            self.plan = task.result()
        else:
            if not isinstance(error, ForecourtError):
                log.error("The model could not be prepared.", exc_info=error)
            self.failed(not_prepared(error), steady=False)
        self._changed()
