"""Where the nodes of a graph are drawn: in layers from left to right, so that arrows are short and seldom cross.

Sugiyama's method in its plain form (K. Sugiyama et al., "Methods for Visual Understanding of Hierarchical System
Structures", 1981): circles are opened, each node goes into the layer after the last of those before it (longest path),
an arrow over several layers gets a bend in each, the layers are ordered by the barycentre of their neighbours, and
within them all move as near to their neighbours as the order and the distances allow.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]
Point = tuple[int, float]
"""A layer, from the left, and a place in it, from above; places of neighbours are 1 apart."""

_SWEEPS = 8
_BEND = 0.35  # of a node's height: what a bend of an arrow takes
_Node = tuple[str, str, int]
"""A node of the graph as (its name, "", 0); a bend of an arrow as (from, to, its number)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each node is, and by which points each arrow goes from its begin to its end, with both."""

    places: Mapping[str, Point]
    ways: Mapping[Edge, Sequence[Point]]

    @property
    def layers(self) -> int:
        """How many there are."""
        return max((layer for layer, _ in self.places.values()), default=-1) + 1

    @property
    def height(self) -> float:
        """The lowest place."""
        return max((place for _, place in self.places.values()), default=0.0)


def layered(nodes: Sequence[str], edges: Iterable[Edge]) -> Layout:
    """Return where nodes go; an arrow to itself, or between what is no node, is left out."""
    known = set(nodes)
    ends = list(dict.fromkeys((a, b) for a, b in edges if a != b and a in known and b in known))
    forward = _without_circles(nodes, ends)
    layer = _layers(nodes, set(forward.values()))
    columns, neighbours, bends = _columns(nodes, set(forward.values()), layer)
    _order(columns, neighbours)
    place = _places(columns, neighbours)
    lowest = min(place.values(), default=0.0)
    at = {node: (number, round(place[node] - lowest, 3)) for number, column in enumerate(columns) for node in column}
    ways = {}
    for edge in ends:
        drawn = forward[edge]
        way = [at[(drawn[0], "", 0)], *(at[bend] for bend in bends[drawn]), at[(drawn[1], "", 0)]]
        ways[edge] = way if drawn == edge else way[::-1]
    return Layout({node: at[(node, "", 0)] for node in nodes}, ways)


def _without_circles(nodes: Sequence[str], edges: Sequence[Edge]) -> dict[Edge, Edge]:
    """Return each arrow as it counts for the layers: one that leads back into a path that it came from, turned."""
    following = defaultdict(list)
    for begin, end in edges:
        following[begin].append(end)
    state: dict[str, int] = {}  # 1 while what follows is being looked at, 2 after that
    back: set[Edge] = set()
    for start in nodes:
        if start in state:
            continue
        state[start] = 1
        path = [(start, iter(following[start]))]
        while path:
            node, rest = path[-1]
            nearest = next(rest, None)
            if nearest is None:
                state[node] = 2
                path.pop()
            elif nearest not in state:
                state[nearest] = 1
                path.append((nearest, iter(following[nearest])))
            elif state[nearest] == 1:
                back.add((node, nearest))
    return {edge: edge[::-1] if edge in back else edge for edge in edges}


def _layers(nodes: Sequence[str], edges: set[Edge]) -> dict[str, int]:
    """Return the layer of each node: after all before it, and what begins a path right before what follows it."""
    before, after = defaultdict(list), defaultdict(list)
    for begin, end in edges:
        before[end].append(begin)
        after[begin].append(end)
    layer: dict[str, int] = {}
    waiting = {node: len(before[node]) for node in nodes}
    ready = [node for node in nodes if not waiting[node]]
    for node in ready:  # which grows
        layer[node] = max((layer[one] + 1 for one in before[node]), default=0)
        for one in after[node]:
            waiting[one] -= 1
            if not waiting[one]:
                ready.append(one)
    for node in nodes:
        if not before[node] and after[node]:
            layer[node] = min(layer[one] for one in after[node]) - 1
    return layer


def _columns(
    nodes: Sequence[str], edges: set[Edge], layer: Mapping[str, int]
) -> tuple[list[list[_Node]], dict[_Node, list[_Node]], dict[Edge, list[_Node]]]:
    """Return the layers with bends in them, who is beside whom, and the bends of each arrow."""
    columns: list[list[_Node]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    neighbours: dict[_Node, list[_Node]] = defaultdict(list)
    bends: dict[Edge, list[_Node]] = {}
    for node in nodes:
        columns[layer[node]].append((node, "", 0))
    for begin, end in sorted(edges):
        bends[(begin, end)] = [(begin, end, number) for number in range(layer[begin] + 1, layer[end])]
        for bend in bends[(begin, end)]:
            columns[bend[2]].append(bend)
        way = [(begin, "", 0), *bends[(begin, end)], (end, "", 0)]
        for left, right in itertools.pairwise(way):
            neighbours[left].append(right)
            neighbours[right].append(left)
    return columns, neighbours, bends


def _order(columns: list[list[_Node]], neighbours: Mapping[_Node, Sequence[_Node]]) -> None:
    """Order each layer by the barycentre of the neighbours in the layer before it, and after it, in turns."""
    for sweep in range(_SWEEPS):
        forth = sweep % 2 == 0
        numbers = range(1, len(columns)) if forth else range(len(columns) - 2, -1, -1)
        for number in numbers:
            beside = {node: place for place, node in enumerate(columns[number - 1 if forth else number + 1])}
            column = columns[number]
            own = {node: place for place, node in enumerate(column)}
            weight = {}
            for node in column:
                there = [beside[one] for one in neighbours.get(node, ()) if one in beside]
                weight[node] = sum(there) / len(there) if there else own[node]
            column.sort(key=lambda node: (weight[node], own[node]))


def _places(columns: list[list[_Node]], neighbours: Mapping[_Node, Sequence[_Node]]) -> dict[_Node, float]:
    """Return how far down each is: near the middle of its neighbours, in the order of its layer."""
    place: dict[_Node, float] = {}
    tallest = max((len(column) for column in columns), default=0)
    for column in columns:
        for number, node in enumerate(column):
            place[node] = number + (tallest - len(column)) / 2
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            wanted = []
            for node in column:
                there = [place[one] for one in neighbours.get(node, ())]
                wanted.append(sum(there) / len(there) if there else place[node])
            place.update(zip(column, _apart(wanted, [_gap(a, b) for a, b in itertools.pairwise(column)]), strict=True))
    return place


def _gap(above: _Node, below: _Node) -> float:
    """Return how far two neighbours in a layer must be apart."""
    return (_tall(above) + _tall(below)) / 2


def _tall(node: _Node) -> float:
    return _BEND if node[1] else 1.0


def _apart(wanted: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Return the places nearest to those wanted (least squares) that are in order and so far apart.

    Without the gaps that is an isotonic regression, which pools neighbours that are out of order.
    """
    shifts = [0.0]
    for gap in gaps:
        shifts.append(shifts[-1] + gap)
    pools: list[tuple[float, int]] = []  # mean and count
    for want, shift in zip(wanted, shifts, strict=False):
        mean, count = want - shift, 1
        while pools and pools[-1][0] > mean:
            other, others = pools.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return [mean + shift for mean, shift in zip(flat, shifts, strict=False)]
