"""A lineage as it is drawn: boxes in layers and arrows between them, in pixels, for SVG."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from forecourt.dashboard.calls import Document
from forecourt.dashboard.registry.layering import Point, layered
from forecourt.dashboard.registry.naming import Named, named

WIDTH, HEIGHT = 192, 56
_GAP, _ROW, _MARGIN = 96, 72, 8
_LONGEST = 21  # characters of a name in a box
_FITS = 1100
"""Pixels that may be made smaller where there is less room, and can still be read; more is scrolled."""
_MOST = 60
"""Boxes that can be looked at; the list beside has all."""
_FOLD = 7
"""Of those that are alike and have no arrows but one, so many are drawn."""

WORDS = {
    "source": "source",
    "trained-by": "trained",
    "evidence": "evidence",
    "quantized-from": "quantized",
    "finetuned-from": "fine-tuned",
    "adapter-of": "adapter",
    "merged-from": "merged",
    "derived-from": "derived",
    "files": "files",
    "serves": "serves",
}
"""What stands on an arrow, which leads from what was there first."""


def drawn(graph: Document, list_id: str) -> dict[str, Any]:
    """Return what the SVG has of a graph as ``…/lineage/graph`` tells it; what is folded links to the list."""
    known = {one["id"]: named(one) for one in graph["nodes"]}
    marks = {one["id"]: one for one in graph["nodes"]}
    ids, edges, folded = _chosen(graph)
    layout = layered(ids, [(one["from"], one["to"]) for one in edges])
    boxes = []
    for node in ids:
        x, y = _corner(layout.places[node])
        if node in folded:
            count, example = folded[node]
            one = Named(
                known[example].kind.partition(" ")[0], f"{count} more", "All are in the list", "ellipsis", f"#{list_id}"
            )
        else:
            one = known[node]
        mark = marks.get(node, {})
        boxes.append(
            {
                "x": x,
                "y": y,
                "kind": _short(one.kind, _LONGEST + 4),
                "label": _short(one.label, _LONGEST),
                "title": f"{one.kind}: {one.title}",
                "icon": one.icon,
                "href": one.href,
                "root": node == graph["root"],
                "version": mark.get("kind") == "version",
                "more": bool(mark.get("more")),
            }
        )
    shown = len([node for node in ids if node not in folded])
    width = max(layout.layers, 1) * (WIDTH + _GAP) - _GAP + 2 * _MARGIN
    return {
        "width": width,
        "fits": width <= _FITS,
        "height": round(layout.height * _ROW) + HEIGHT + 2 * _MARGIN,
        "box_width": WIDTH,
        "box_height": HEIGHT,
        "boxes": boxes,
        "arrows": _arrows(edges, layout.ways, layout.places, graph["root"]),
        "shown": shown,
        "of": len(graph["nodes"]) + graph["omitted"],
    }


def _chosen(graph: Document) -> tuple[list[str], list[Document], dict[str, tuple[int, str]]]:
    """Return the nodes and arrows that are drawn, and for each that stands for several how many, and one of them."""
    edges: list[Document] = graph["edges"]
    kinds = {one["id"]: one["kind"] for one in graph["nodes"]}
    degree = Counter(end for one in edges for end in (one["from"], one["to"]))
    alike: dict[tuple[str, str, str, bool], list[Document]] = defaultdict(list)
    for one in edges:
        for leaf, other, leads in ((one["from"], one["to"], True), (one["to"], one["from"], False)):
            if degree[leaf] == 1 and leaf != graph["root"]:
                alike[(other, one["relation"], kinds[leaf], leads)].append(one)
    gone: set[str] = set()
    folded: dict[str, tuple[int, str]] = {}
    added: list[Document] = []
    for (other, relation, kind, leads), many in alike.items():
        if len(many) <= _FOLD + 1:
            continue
        rest = [one["from"] if leads else one["to"] for one in many[_FOLD:]]
        gone.update(rest)
        name = f"more:{kind}:{relation}:{other}"
        folded[name] = (len(rest), rest[0])
        added.append(
            {"from": name, "to": other, "relation": relation}
            if leads
            else {"from": other, "to": name, "relation": relation}
        )
    kept = [one for one in edges if one["from"] not in gone and one["to"] not in gone] + added
    near = _nearest(graph["root"], kept)
    chosen = set(near[:_MOST])
    return (
        [node for node in near if node in chosen],
        [one for one in kept if one["from"] in chosen and one["to"] in chosen],
        {name: said for name, said in folded.items() if name in chosen},
    )


def _nearest(root: str, edges: Sequence[Document]) -> list[str]:
    """Return the nodes by how near they are to the root, in either direction."""
    beside: dict[str, list[str]] = defaultdict(list)
    for one in edges:
        beside[one["from"]].append(one["to"])
        beside[one["to"]].append(one["from"])
    found: dict[str, None] = {root: None}
    waiting = deque([root])
    while waiting:
        for node in beside[waiting.popleft()]:
            if node not in found:
                found[node] = None
                waiting.append(node)
    return [*found]


def _corner(point: Point) -> tuple[int, int]:
    layer, place = point
    return _MARGIN + layer * (WIDTH + _GAP), _MARGIN + round(place * _ROW)


def _arrows(
    edges: Sequence[Document],
    ways: Mapping[tuple[str, str], Sequence[Point]],
    places: Mapping[str, Point],
    root: str,
) -> list[dict[str, Any]]:
    words: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in edges:
        words[(one["from"], one["to"])].append(WORDS.get(one["relation"], str(one["relation"])))
    leaving, coming = Counter(begin for begin, _ in ways), Counter(end for _, end in ways)
    found: list[dict[str, Any]] = []
    for (begin, end), way in ways.items():
        back = way[0][0] > way[-1][0]
        arrow: dict[str, Any] = {"path": _curve(way, back=back), "text": "", "x": 0, "y": 0, "anchor": "start"}
        text = ", ".join(words[(begin, end)])
        if not back:
            # At the end where no other arrow is, else the words of several would lie on each other; on the side of the
            # arrow to which it does not bend.
            at, to = (begin, way[1]) if leaving[begin] == 1 and begin != root else (end, way[-2])
            x, y = _corner(places[at])
            below = to[1] < places[at][1]
            y += HEIGHT // 2 + (14 if below else -6)
            if at == begin:
                arrow |= {"text": text, "x": x + WIDTH + 6, "y": y}
            elif coming[end] == 1:
                arrow |= {"text": text, "x": x - 12, "y": y, "anchor": "end"}
        found.append(arrow)
    return found


def _curve(way: Sequence[Point], *, back: bool) -> str:
    """Return the path from box to box; through the layers between it goes level."""
    x, y = _side(way[0], right=not back)
    text = f"M{x} {y}"
    for number, point in enumerate(way[1:], 1):
        to_x, to_y = _side(point, right=back)
        middle = (x + to_x) // 2
        text += f"C{middle} {y} {middle} {to_y} {to_x} {to_y}"
        x, y = to_x, to_y
        if number < len(way) - 1:
            x, _ = _side(point, right=not back)
            text += f"H{x}"
    return text


def _side(point: Point, *, right: bool) -> tuple[int, int]:
    x, y = _corner(point)
    return x + (WIDTH if right else 0), y + HEIGHT // 2


def _short(text: str, most: int) -> str:
    """Return a text that is cut in its middle where it is too long: names differ at both ends."""
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[: most - 1 - half]}…{text[-half:]}"
