"""What of the API depends on who asks, which is for others to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from forecourt.objects.model import KubernetesObject
from forecourt.objects.resources import Resource


@dataclass(frozen=True, slots=True)
class Asker:
    """Functions that look at who asks.

    ``sees(resource)`` returns what says whether an object is among those that they may see; ``noted(wanted, before)``
    what is kept of an object that they create or change; ``made(object)`` does what follows from one that they created.
    """

    sees: Callable[[Resource], Callable[[KubernetesObject], bool]] = lambda _: lambda _: True
    noted: Callable[[KubernetesObject, KubernetesObject | None], KubernetesObject] = lambda wanted, _: wanted
    made: Callable[[KubernetesObject], None] = lambda _: None


ANYBODY = Asker()
"""Whoever asks: everything is to be seen, and nothing is noted."""
