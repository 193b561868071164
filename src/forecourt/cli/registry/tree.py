"""``forecourt registry lineage``: what a version comes from and leads to, as a tree; from a URI back to versions."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forecourt.cli.output import JsonOption, Output, OutputOption, console, print_document
from forecourt.cli.registry.completing import complete_version
from forecourt.cli.registry.names import OURS, SCHEME, VERSIONS

if TYPE_CHECKING:
    from forecourt.cli.client import Client

app = typer.Typer()

Document = dict[str, Any]

_DIGEST_SHOWN = 19  # characters: sha256: and twelve more, as docker shows


@dataclass(slots=True)
class Node:
    """A line of a tree, with what is below it."""

    text: str
    below: list[Node] = field(default_factory=list)


@app.command()
def lineage(
    target: Annotated[
        str,
        typer.Argument(
            metavar="MODEL/VERSION|URI|DIGEST",
            help="A version, or what leads to versions: oci://…, hf://…, sha256:….",
            autocompletion=complete_version,
        ),
    ],
    depth: Annotated[
        int, typer.Option(metavar="NUMBER", min=0, help="How many generations of parents to follow.")
    ] = 10,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Draw where a version comes from and what it leads to: image, sources, parents, evidence, deployments.

    A URI or a digest is followed back to the versions that it leads to. In JSON, a parent has its own lineage in it.
    """
    from forecourt.cli.connection import connect
    from forecourt.cli.registry.names import version_target

    output = Output.JSON if json else output
    client = connect()
    back = target.startswith("sha256:") or ("://" in target and not target.startswith(SCHEME))
    if back:
        ids = _leading_to(client, target)
    else:
        named = version_target(client, target, newest=True)
        if output is Output.TABLE and named.shown != target.removeprefix(SCHEME):
            console.note(f"{target} is {named.shown}.")
        ids = [named.id]
    found = [_with_parents(client, identity, depth, {}) for identity in ids]
    if output is Output.NAME:
        for one in found:
            console.print(_name(one))
    elif output in {Output.JSON, Output.YAML}:
        print_document({"items": found} if back else found[0], output)
    else:
        style = _style()
        for one in found:
            for line in draw(_tree(one, set(), wide=output is Output.WIDE), style):
                console.print(line)


def draw(node: Node, style: tuple[str, str, str]) -> Iterator[str]:
    """Yield the lines of a tree; `style` is what stands before a branch, before the last one, and before those below.

    The last one has spaces before those below it.
    """
    yield node.text
    branch, last, trunk = style
    for number, child in enumerate(node.below, 1):
        ends = number == len(node.below)
        first, *rest = draw(child, style)
        yield (last if ends else branch) + first
        yield from ((" " * len(trunk) if ends else trunk) + line for line in rest)


def deployment(one: Document) -> str:
    """Return a line that says what serves a version, where, and whether it answers."""
    state = one.get("lastKnownState") or one.get("desiredState") or ""
    words = [f"{one['name']} ({one['servingEnvironment']})", state, one.get("runtime"), one.get("url")]
    return "  ".join(str(word) for word in words if word)


def _style() -> tuple[str, str, str]:
    """Return box characters where the terminal's encoding has them, else ASCII."""
    try:
        "├─└│".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "|-- ", "`-- ", "|   "
    return "├── ", "└── ", "│   "


def _leading_to(client: Client, word: str) -> list[str]:
    """Return the ids of the versions that a URI or a digest leads to; an image by its digest too.

    Raises `NotFound` where there is none.
    """
    for each in _words(word):
        if items := client.get(f"{OURS}/lineage", uri=each)["items"]:
            return [str(one["modelVersionId"]) for one in items]
    from forecourt.errors import NotFound

    raise NotFound(f"No version leads to {word}.", hint="See: forecourt registry search --kind artifacts")


def _words(word: str) -> Iterator[str]:
    """Yield what a URI may be known as: an image's digest, also where only its tag is said."""
    yield word
    scheme, _, rest = word.partition("://")
    if scheme.partition("+")[0] != "oci":
        return
    from forecourt.cli.machine import inspect
    from forecourt.errors import ForecourtError
    from forecourt.oci import Reference

    reference = Reference.parse(rest)
    if reference.digest:
        yield str(reference.digest)
        return
    try:
        yield str(inspect(reference).digest)
    except ForecourtError as error:
        console.note(f"{reference} was not asked for its digest: {error}")


def _with_parents(client: Client, identity: str, depth: int, known: dict[str, Document]) -> Document:
    """Return a version's lineage, in each parent that is one of ours its own, so many deep."""
    if identity not in known:
        known[identity] = client.get(f"{OURS}/{VERSIONS}/{identity}/lineage")
    found = dict(known[identity])
    if depth:
        found["parents"] = [
            one | {"lineage": _with_parents(client, one["modelVersionId"], depth - 1, known)}
            if one.get("modelVersionId")
            else one
            for one in found["parents"]
        ]
    return found


def _name(one: Document) -> str:
    return f"{one['registeredModel']}/{one['modelVersion']}"


def _tree(one: Document, drawn: set[str], *, wide: bool, relation: str = "") -> Node:
    """Return the tree of a version; one that was drawn before is only named."""
    marks = [*one["aliases"], one["stage"] or "", "archived" if one["state"] == "ARCHIVED" else ""]
    said = ", ".join(dict.fromkeys(mark for mark in marks if mark))
    title = f"{relation + ' ' if relation else ''}{_name(one)}{f' ({said})' if said else ''}"
    if one["modelVersionId"] in drawn:
        return Node(f"{title} (above)")
    drawn.add(one["modelVersionId"])
    images = [each for each in one["artifacts"] if each.get("digest")]
    others = [each for each in one["artifacts"] if not each.get("digest")]
    groups: list[tuple[str, Iterable[Node]]] = [
        ("ModelCar", (Node(_image(each, wide=wide)) for each in images)),
        ("Files", (Node(_file(each)) for each in others)),
        ("Source", (Node(_arrow(each)) for each in one["sources"])),
        ("Trained by", (Node(_arrow(each)) for each in one["trainedBy"])),
        ("Made from", [_parent(each, drawn, wide=wide) for each in one["parents"]]),
        ("Evidence", (Node(_arrow(each)) for each in one["evidence"])),
        ("Deployments", (Node(deployment(each)) for each in one["deployments"])),
        ("Made into", (Node(f"{each['relation']} {_name(each)}") for each in one["children"] if not relation)),
    ]
    below = [Node(group, list(nodes)) for group, nodes in groups]
    return Node(title, [each for each in below if each.below])


def _parent(arrow: Document, drawn: set[str], *, wide: bool) -> Node:
    if "lineage" in arrow:
        return _tree(arrow["lineage"], drawn, wide=wide, relation=arrow["relation"])
    end = f"{_name(arrow)} …" if arrow.get("modelVersionId") else arrow["uri"]
    return Node(f"{arrow['relation']} {end}")


def _image(artifact: Document, *, wide: bool) -> str:
    digest = artifact["digest"] if wide else artifact["digest"][:_DIGEST_SHOWN]
    uri = artifact["uri"] if wide else artifact["uri"].partition("@")[0]
    return f"{digest}  {uri}"


def _file(artifact: Document) -> str:
    value = artifact.get("uri") or artifact.get("value")
    name = artifact.get("name") or artifact["artifactType"]
    return f"{name}  {value}" if value not in (None, "") else str(name)


def _arrow(arrow: Document) -> str:
    said = f"{arrow['name']} ({arrow['uri']})" if arrow.get("name") else arrow["uri"]
    return f"{said}  {arrow['detail']}" if arrow.get("detail") else str(said)
