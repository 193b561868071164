"""What every object must be like to be kept, in the words of Kubernetes' API server.

https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
"""

from __future__ import annotations

import re
from typing import Any

from forecourt.errors import InvalidObject
from forecourt.objects.model import KubernetesObject, quoted
from forecourt.objects.quantities import quantity

MAX_LABEL = 63

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def validate_metadata(wanted: KubernetesObject, _before: Any = None) -> None:
    """Check name, namespace, labels and annotations; raises `InvalidObject` that names the field."""
    name = wanted.name
    if not name:
        raise InvalidObject("metadata.name: Required value")
    if len(name) > 253 or not _DNS_SUBDOMAIN.fullmatch(name):
        refuse("metadata.name", name, "must be lower-case letters, digits, '-' and '.', a letter or digit at each end")
    if wanted.namespace:
        validate_label_name("metadata.namespace", wanted.namespace)
    for key, value in (wanted.metadata.labels or {}).items():
        _validate_key("metadata.labels", key)
        if value and not _LABEL_NAME.fullmatch(value):
            refuse(f"metadata.labels[{key}]", value, "must be at most 63 letters, digits, '-', '_' and '.'")
    for key in wanted.metadata.annotations or {}:
        _validate_key("metadata.annotations", key)


def validate_label_name(field: str, name: str) -> None:
    """Check a name that is to be a DNS label (RFC 1123), as a namespace's is; raises `InvalidObject`."""
    if len(name) > MAX_LABEL or not _DNS_LABEL.fullmatch(name):
        refuse(field, name, "must be lower-case letters, digits and '-', at most 63 of them")


def validate_quantity(field: str, value: str | int | float) -> None:
    """Check that a text is a quantity; raises `InvalidObject`."""
    try:
        quantity(value)
    except ValueError:
        refuse(field, value, "must be a quantity such as 2, 500m or 4Gi")


def refuse(field: str, value: object, rule: str) -> None:
    """Raise the `InvalidObject` of a field whose value breaks a rule."""
    raise InvalidObject(f"{field}: Invalid value: {quoted(value)}: {rule}")


def _validate_key(field: str, key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    if not _LABEL_NAME.fullmatch(name) or (slash and (len(prefix) > 253 or not _DNS_SUBDOMAIN.fullmatch(prefix))):
        refuse(field, key, "must be a name of at most 63 characters, optionally after a DNS prefix and '/'")
