"""Which serving runtimes are offered to people, and in what order: what an administrator has set, kept as data.

Open Data Hub's dashboard keeps both in its configuration, an `OdhDashboardConfig` (opendatahub.io/v1alpha), as
``spec.templateOrder`` and ``spec.templateDisablement``: lists of the names of templates. So does Forecourt, in the
object `NAME` of the namespace ``opendatahub``, with the names of runtimes, since here a runtime is its own template.
The files of runtimes that ship stay as they are. What else the object says is kept, and means nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from forecourt.errors import AlreadyExists, NotFound
from forecourt.objects import KubernetesObject, ObjectMeta, ObjectStore, Part, Resource
from forecourt.projects import APPS_NAMESPACE
from forecourt.serving.model import ServingRuntime

NAME = "odh-dashboard-config"


class DashboardConfigSpec(Part):
    """The two lists."""

    template_order: list[str] | None = None
    template_disablement: list[str] | None = None


class OdhDashboardConfig(KubernetesObject):
    """Open Data Hub's configuration of its dashboard, as far as it is about serving runtimes."""

    api_version: Literal["opendatahub.io/v1alpha"] = "opendatahub.io/v1alpha"
    kind: Literal["OdhDashboardConfig"] = "OdhDashboardConfig"
    spec: DashboardConfigSpec = Field(default_factory=DashboardConfigSpec)


DASHBOARD_CONFIGS = Resource(OdhDashboardConfig, "opendatahub.io", "v1alpha", "odhdashboardconfigs")


@dataclass(frozen=True, slots=True)
class Offering:
    """`order` are names, the first first; runtimes that are not among them follow. `disabled` are not offered."""

    order: tuple[str, ...] = ()
    disabled: frozenset[str] = frozenset()

    @classmethod
    def of(cls, objects: ObjectStore) -> Offering:
        """Read what is set."""
        try:
            return cls._of(objects.get(OdhDashboardConfig, APPS_NAMESPACE, NAME))
        except NotFound:
            return cls()

    @classmethod
    def _of(cls, config: OdhDashboardConfig) -> Offering:
        return cls(tuple(config.spec.template_order or ()), frozenset(config.spec.template_disablement or ()))

    def enables(self, runtime: ServingRuntime) -> bool:
        """Say whether a runtime is offered; one whose own YAML says ``disabled`` is not."""
        return runtime.name not in self.disabled and not runtime.spec.disabled

    def rank(self, runtime: ServingRuntime) -> int:
        """Return its place in the order; the same for all that were not put in order."""
        return self.order.index(runtime.name) if runtime.name in self.order else len(self.order)

    def applied(self, runtimes: Iterable[ServingRuntime], *, serving: str = "") -> list[ServingRuntime]:
        """Return runtimes in the order set, those that are not offered as disabled.

        The one that is `serving` a deployment goes on: what is no longer offered is not taken away.
        """
        return [
            runtime if runtime.name not in self.disabled or runtime.name == serving else _disabled(runtime)
            for runtime in sorted(runtimes, key=self.rank)
        ]

    def with_enabled(self, name: str, enabled: bool) -> Offering:
        """Return the same with a runtime offered, or not."""
        return Offering(self.order, self.disabled - {name} if enabled else self.disabled | {name})

    def with_order(self, names: Sequence[str]) -> Offering:
        """Return the same with these names first; others that were in order follow as they were."""
        return Offering((*names, *(name for name in self.order if name not in names)), self.disabled)

    def without(self, name: str) -> Offering:
        """Return the same with nothing said of a runtime."""
        return Offering(tuple(one for one in self.order if one != name), self.disabled - {name})


def change_offering(objects: ObjectStore, change: Callable[[Offering], Offering]) -> Offering:
    """Set what `change` makes of what is set, and return it."""

    def changed(config: OdhDashboardConfig) -> OdhDashboardConfig:
        wanted = change(Offering._of(config))
        lists = {
            "template_order": list(wanted.order) or None,
            "template_disablement": sorted(wanted.disabled) or None,
        }
        return config.model_copy(update={"spec": config.spec.model_copy(update=lists)})

    try:
        return Offering._of(objects.update(OdhDashboardConfig, APPS_NAMESPACE, NAME, changed))
    except NotFound:
        empty = OdhDashboardConfig(metadata=ObjectMeta(name=NAME, namespace=APPS_NAMESPACE))
        try:
            return Offering._of(objects.create(changed(empty)))
        except AlreadyExists:  # somebody else was first
            return change_offering(objects, change)


def _disabled(runtime: ServingRuntime) -> ServingRuntime:
    return runtime.model_copy(update={"spec": runtime.spec.model_copy(update={"disabled": True})})
