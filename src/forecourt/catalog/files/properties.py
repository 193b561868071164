"""What the ``properties`` of a source may be, for each type of source.

``yaml`` and ``hf`` are Kubeflow's (https://github.com/kubeflow/hub, ``docs/catalog-yaml-reference.md``); ``catalog``
and ``oci-modelcars``, and ``benchmarksPath`` of a ``yaml`` source, are Forecourt's. ``apiKey`` and ``modelLimit`` are
for previews alone: a key has no place in a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args
from urllib.parse import urlsplit

from forecourt.catalog.model import SourceType
from forecourt.errors import InvalidInput, InvalidReference
from forecourt.oci import Reference

SOURCE_TYPES: tuple[SourceType, ...] = get_args(SourceType)
OTHER_NAMES: Mapping[str, SourceType] = {"huggingface": "hf"}
"""What a type is called beside its name."""

_DURATION = re.compile(r"(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_STEP = re.compile(r"([0-9.]+)([a-zµμ]+)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST = 10 * 365 * 24 * 3600.0
Refuse = Callable[[str, str, str], InvalidInput]
"""Makes the error of what is wrong: the property's name (empty for all of them), the problem, the hint."""


@dataclass(frozen=True, slots=True)
class _Property:
    """One property. `check` says what is wrong with a value, or nothing."""

    name: str
    check: Callable[[Any], str]
    required: bool = False
    preview: bool = False


def check_properties(
    source: SourceType, given: Mapping[str, Any], refuse: Refuse, *, preview: bool = False, lacking: str = ""
) -> None:
    """Raise `InvalidInput` for a property that the type does not have, that it lacks, or whose value is wrong.

    `lacking` names one that is not needed this time.
    """
    known = {each.name: each for each in _PROPERTIES[source]}
    for name, value in given.items():
        if name not in known:
            raise refuse(name, f"{name!r} is no property of a source of type {source}", nearest(name, known))
        if known[name].preview and not preview:
            raise refuse(name, f"{name!r} is for previews only", "Put the key in the environment; see apiKeyEnvVar.")
        if problem := known[name].check(value):
            raise refuse(name, f"{name} {problem}", "")
    for each in known.values():
        if each.required and each.name not in given and each.name != lacking:
            raise refuse("", f"a source of type {source} needs the property {each.name}", f"Add {each.name}.")


def nearest(word: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Return a hint that names the word that was most likely meant, or all there are."""
    near = get_close_matches(word, list(known), 1) or [each for each in known if each.lower() == word.lower()]
    return f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."


def seconds(duration: str) -> float:
    """Return a duration as Go writes it (``24h``, ``1h30m``, https://pkg.go.dev/time#ParseDuration) in seconds.

    Raises `InvalidInput` for another text, for less than a second and for more than ten years.
    """
    if not _DURATION.fullmatch(duration):
        raise InvalidInput(f"{duration[:40]!r} is no duration.", hint='Write it as "24h", "90m" or "1h30m".')
    total = sum(float(number) * _UNITS[unit] for number, unit in _STEP.findall(duration))
    if not 1 <= total <= _LONGEST:
        raise InvalidInput(f"{duration[:40]!r} is not between a second and ten years.", hint='Write it as "24h".')
    return total


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() and value.isprintable() else "must be a text"


def _duration(value: Any) -> str:
    try:
        seconds(value if isinstance(value, str) else "")
    except InvalidInput:
        return 'must be a duration from a second to ten years, such as "24h", "90m" or "1h30m"'
    return ""


def _count(value: Any) -> str:
    digits = isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value)
    fine = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9
    return "" if digits or fine else "must be a number from 0, which means no limit"


def _url(value: Any) -> str:
    wrong = "must be a URL that begins with https:// or http://"
    if _text(value) or " " in value:
        return wrong
    try:
        parts = urlsplit(value)
        found = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return wrong
    if found and (parts.username is not None or parts.password is not None):
        return "must not have a user or a password in it; name an environment variable in apiKeyEnvVar"
    return "" if found else wrong


def _variable(prefix: str) -> Callable[[Any], str]:
    allowed = re.compile(rf"{prefix}(_[A-Za-z0-9_]+)?", re.ASCII)

    def check(value: Any) -> str:
        # Any other variable could be read out by who defines a source.
        return "" if isinstance(value, str) and allowed.fullmatch(value) else f"must be {prefix} or {prefix}_…"

    return check


def _organization(value: Any) -> str:
    fine = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value)
    return "" if fine else "must be the name of an organization on Hugging Face"


def _registry(value: Any) -> str:
    try:
        fine = isinstance(value, str) and Reference.parse(f"{value}/any").registry == value
    except InvalidReference:
        fine = False
    return "" if fine else "must be a registry's host, such as quay.io or localhost:5000"


def _globs(value: Any) -> str:
    fine = isinstance(value, list) and value and not any(map(_text, value)) and not any(" " in each for each in value)
    return "" if fine else "must be a list of repositories, with * for any text"


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


_SYNC = _Property("syncInterval", _duration)
_PROPERTIES: dict[SourceType, tuple[_Property, ...]] = {
    "yaml": (_Property("yamlCatalogPath", _text, required=True), _Property("benchmarksPath", _text)),
    "hf": (
        _Property("apiKeyEnvVar", _variable("HF_API_KEY")),
        _Property("allowedOrganization", _organization),
        _Property("maxModels", _count),
        _Property("url", _url),
        _SYNC,
        _Property("apiKey", _text, preview=True),
        _Property("modelLimit", _count, preview=True),
    ),
    "catalog": (
        _Property("url", _url, required=True),
        _Property("apiKeyEnvVar", _variable("CATALOG_API_KEY")),
        _Property("source", _text),
        _SYNC,
    ),
    "oci-modelcars": (
        _Property("registry", _registry, required=True),
        _Property("repositories", _globs, required=True),
        _SYNC,
        _Property("insecure", _flag),
    ),
}
