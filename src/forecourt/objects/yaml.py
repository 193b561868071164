"""YAML as Kubernetes reads it: several documents in a text, times are text, and aliases cannot explode.

Written so that people like to read it: keys in Kubernetes' order, long text as blocks, no anchors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import yaml

from forecourt.errors import InvalidObject

T = TypeVar("T")

_MOST_NODES = 200_000
"""More than any real object has (an API server takes 1.5 MB); aliases of aliases would pass it a million times over."""

_FIRST_KEYS = ("apiVersion", "kind", "metadata", "spec", "status")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _WithoutAliases:
    def ignore_aliases(self, data: object) -> bool:
        return True


class _Dumper(_WithoutAliases, yaml.SafeDumper):
    pass


class _QuickDumper(_WithoutAliases, getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """By libyaml, where PyYAML was built with it."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # YAML takes these for line ends, which only double quotes keep apart from the usual one.
    style = '"' if set(text) & set("\r\x85\u2028\u2029") else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_QuickDumper.add_representer(str, _text)


def load_documents(text: str | bytes) -> list[Any]:
    """Return the documents of a text (JSON is YAML too), without empty ones; raises `InvalidObject` with the line."""
    return [document for _, document, _ in parsed(text, lambda _: None) if document is not None]


def parsed(text: str | bytes, look: Callable[[yaml.Node], T]) -> list[tuple[yaml.Node, Any, T]]:
    """Return each document of a text as a node, as data, and what `look` sees in the node.

    It looks before merge keys (``<<``) are filled in. Raises `InvalidObject` with the line.
    """
    loader = None
    try:
        loader = _Loader(text)
        documents = []
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            _weigh(node)
            seen = look(node)
            documents.append((node, loader.construct_document(node), seen))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError, TypeError) as error:
        raise InvalidObject(f"This is not YAML: {_short(error)}") from None
    finally:
        if loader is not None:
            loader.dispose()
    return documents


def dump(document: Mapping[str, Any]) -> str:
    """Return a document as YAML."""
    ordered = {key: document[key] for key in _FIRST_KEYS if key in document} | dict(document)
    said: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 1000}
    text: str = yaml.dump(ordered, Dumper=_QuickDumper, **said)
    if "\\U" in text:  # libyaml, which is several times as quick, escapes what is beyond Unicode's first plane
        text = yaml.dump(ordered, Dumper=_Dumper, **said)
    return text


def _weigh(root: yaml.Node) -> None:
    """Refuse a document that aliases make endless or huge: count each node as often as it would be written out."""
    weights: dict[int, int | None] = {}

    def weigh(node: yaml.Node) -> int:
        known = weights.get(id(node), -1)
        if known is None:
            raise InvalidObject("This YAML contains itself: an anchor holds its own alias.")
        if known >= 0:
            return known
        weights[id(node)] = None
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        weight = 1 + sum(map(weigh, children))
        if weight > _MOST_NODES:
            raise InvalidObject(f"This YAML is too large: it has more than {_MOST_NODES} values.")
        weights[id(node)] = weight
        return weight

    weigh(root)


def _short(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())
