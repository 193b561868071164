"""From what was typed to what is wanted, and the form's fields of a deployment that is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forecourt.dashboard.deploy.offers import Offers, Profile
from forecourt.dashboard.forms import Form
from forecourt.errors import InvalidInput
from forecourt.serving import ADVANCED, STANDARD, Wanted, checked_window

REQUEST, LIMIT = "request-", "limit-"
"""What the names of the fields begin with that customize a profile's amounts; its identifier follows."""
MOST_REPLICAS = 99
DEFAULTS = {
    "location": "new",
    "connection-type": "uri-v1",
    "model-type": "generative",
    "mode": STANDARD,
    "replicas": "1",
    "strategy": "RollingUpdate",
    "timeout": "30",
}
"""The fields of a form that nothing has been typed into yet."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(slots=True)
class Reading:
    """Reads fields, and remembers what is wrong with each."""

    form: Form
    errors: dict[str, str] = field(default_factory=dict)

    def number(self, name: str, least: int, most: int, otherwise: int | None = None) -> int | None:
        """Return a whole number; `otherwise` where none is typed, or what is typed is none."""
        text = self.form[name]
        if not text:
            return otherwise
        if re.fullmatch(r"-?\d{1,9}", text) and least <= int(text) <= most:
            return int(text)
        self.errors[name] = f"This must be a whole number from {least} to {most:,}."
        return otherwise

    def args(self) -> list[str]:
        """Return the additional arguments: one a line, without blank lines and comments."""
        lines = (line.strip() for line in self.form["args"].splitlines())
        return [line for line in lines if line and not line.startswith("#")]

    def env(self) -> list[tuple[str, str]]:
        """Return the additional variables; a row without a name is none."""
        pairs: dict[str, str] = {}
        for name, value in rows(self.form):
            if not name and not value:
                continue
            if not _VARIABLE.fullmatch(name):
                self.errors["env"] = f"{name or 'A name'} must be letters, digits and _, and not begin with a digit."
            elif name in pairs:
                self.errors["env"] = f"{name} is there twice."
            pairs[name] = value
        return [*pairs.items()]

    def tokens(self) -> list[str]:
        """Return the names of the tokens that are to be made."""
        if not self.form["protected"]:
            return []
        names = self.form.all("token")
        wrong = ""
        if not all(names) and len(names) > 1:
            wrong = "Each service account needs a name."
        elif len(set(names)) < len(names):
            wrong = "Each name must be there once."
        if wrong:
            self.errors["token"] = wrong
        return [name for name in names if name]

    def amounts(self, prefix: str, profile: Profile | None) -> dict[str, Any]:
        """Return the amounts that were typed for what a profile grants."""
        known = (one["identifier"] for one in profile.identifiers) if profile else ()
        return {key: value for key in known if (value := self.form[prefix + key])}

    def window(self) -> str:
        """Return the time over which the load is averaged."""
        try:
            return checked_window(self.form["window"]) if self.form["window"] else ""
        except InvalidInput as error:
            self.errors["window"] = f"{error.message} {error.hint}"
            return ""

    def bounds(self) -> tuple[int, int]:
        """Return the least and the most number of replicas."""
        if self.form["mode"] != ADVANCED:
            count = self.number("replicas", 1, MOST_REPLICAS, 1) or 1
            return count, count
        least = self.number("replicas", 0, MOST_REPLICAS, 1) or 0
        most = self.number("most", 1, MOST_REPLICAS, max(least, 1)) or 1
        if least > most:
            self.errors["most"] = f"The maximum must not be less than {least}, with which it begins."
        return least, most


def rows(form: Form) -> list[tuple[str, str]]:
    """Return the names and values of the additional variables, as typed."""
    return [*zip(form.all("env-name"), form.all("env-value"), strict=False)]


def typed_of(wanted: Wanted) -> list[tuple[str, str]]:
    """Return the form's fields for a deployment that is there, where its model is aside."""
    shown = {
        "title": wanted.title,
        "name": wanted.name,
        "description": wanted.description,
        "model-type": wanted.model_type or "generative",
        "model-format": ":".join(filter(None, (wanted.model_format, wanted.format_version))),
        "runtime": wanted.runtime,
        "mode": wanted.mode,
        "replicas": wanted.least,
        "most": wanted.most if wanted.mode == ADVANCED else None,
        "target": wanted.target,
        "window": wanted.window,
        "profile": wanted.profile,
        "exposed": "true" if wanted.exposed else "",
        "protected": "true" if wanted.protected else "",
        "args": "\n".join(wanted.args),
        "strategy": wanted.strategy,
        "timeout": wanted.timeout,
        "canary": wanted.canary,
    }
    pairs = [(key, str(value)) for key, value in shown.items() if value not in (None, "")]
    for prefix, amounts in ((REQUEST, wanted.requests), (LIMIT, wanted.limits)):
        pairs += [(prefix + key, str(value)) for key, value in amounts.items()]
    for name, value in wanted.env:
        pairs += [("env-name", name), ("env-value", value)]
    return pairs


def wanted_of(
    read: Reading,
    offers: Offers,
    *,
    runtime: str,
    model_format: str,
    location: Mapping[str, Any],
    before: Wanted | None,
) -> Wanted:
    """Return what the fields want; what is wrong with them is in `read` afterwards."""
    form = read.form
    profile = offers.profile(form["profile"])
    if form["profile"] and profile is None:
        read.errors["profile"] = f"There is no hardware profile {form['profile']}."
    least, most = read.bounds()
    scales = form["mode"] == ADVANCED
    if form["mode"] not in (STANDARD, ADVANCED):
        read.errors["mode"] = "Choose Standard or Advanced."
    name, _, version = model_format.partition(":")
    if not form["title"]:
        read.errors["title"] = "A deployment needs a name."
    return Wanted(
        name=form.name("name", "title") if before is None else before.name,
        title=form["title"],
        description=form["description"],
        model_format=name,
        format_version=version,
        model_type=form["model-type"] if form["model-type"] in ("generative", "predictive") else "",
        runtime=runtime,
        mode=form["mode"] if form["mode"] in (STANDARD, ADVANCED) else "",  # type: ignore[arg-type]
        least=least,
        most=most,
        target=read.number("target", 1, 1_000_000) if scales else None,
        window=read.window() if scales else "",
        profile=form["profile"],
        profile_namespace=profile.namespace if profile else "",
        requests=read.amounts(REQUEST, profile),
        limits=read.amounts(LIMIT, profile),
        exposed=bool(form["exposed"]),
        protected=bool(form["protected"]),
        args=_kept(read.args(), before.args if before else (), form["args"]),
        env=read.env(),
        strategy=form["strategy"] if form["strategy"] in ("RollingUpdate", "Recreate") else "RollingUpdate",
        timeout=read.number("timeout", 0, 1_000_000),
        canary=read.number("canary", 0, 100) if before else None,
        cause=form["cause"] if before else "",
        **location,
    )


def _kept(now: Sequence[str], before: Sequence[str], text: str) -> Sequence[str]:
    """Return the arguments as they were where nobody has touched them: a line cannot say every argument."""
    untouched = [line.strip() for line in text.splitlines()] == [
        line.strip() for line in "\n".join(before).splitlines()
    ]
    return before if before and untouched else now
