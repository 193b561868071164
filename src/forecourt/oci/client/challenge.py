"""``WWW-Authenticate``: how a registry wants to be told who asks.

https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1, https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_ITEM = re.compile(
    rf'(?P<name>{_WORD})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))|(?P<scheme>{_WORD})'
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way that is offered: its scheme, in lower case, and its parameters."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes of a Bearer challenge, one action each."""
        return split_scopes(self.parameters.get("scope", ""))


def parse(header: str) -> list[Challenge]:
    """Read the header, which may hold several challenges; text that is none yields none."""
    found: list[Challenge] = []
    for item in _ITEM.finditer(header):
        if item["scheme"]:
            found.append(Challenge(item["scheme"].lower()))
        elif found:
            value = re.sub(r"\\(.)", r"\1", item["quoted"]) if item["quoted"] is not None else item["plain"]
            found[-1].parameters.setdefault(item["name"].lower(), value)
    return found


def choose(header: str) -> Challenge | None:
    """Return the challenge that we can answer: Bearer before Basic."""
    offered = {challenge.scheme: challenge for challenge in reversed(parse(header))}
    bearer = offered.get("bearer")
    return bearer if bearer and bearer.parameters.get("realm") else offered.get("basic")


def split_scopes(text: str) -> frozenset[str]:
    """Split ``repository:a/b:pull,push registry:catalog:*`` into one scope for each action."""
    found: set[str] = set()
    for scope in text.split():
        resource, _, actions = scope.rpartition(":")
        found.update(f"{resource}:{action}" for action in actions.split(",") if resource)
    return frozenset(found)


def join_scopes(scopes: Iterable[str]) -> list[str]:
    """Join the actions on one resource again, in a settled order: what a token server is asked for."""
    resources: dict[str, list[str]] = {}
    for scope in sorted(scopes):
        resource, _, action = scope.rpartition(":")
        resources.setdefault(resource, []).append(action)
    return [f"{resource}:{','.join(actions)}" for resource, actions in resources.items()]
