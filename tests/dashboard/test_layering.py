"""How a graph is laid out in layers."""

from __future__ import annotations

import itertools
import random

import pytest

from forecourt.dashboard.registry.layering import Layout, layered


def well_laid_out(found: Layout, nodes: list[str]) -> None:
    """Every node has a place of its own, a node's height from all others of its layer."""
    assert set(found.places) == set(nodes)
    by_layer: dict[int, list[float]] = {}
    for layer, place in found.places.values():
        assert layer >= 0
        assert place >= 0
        by_layer.setdefault(layer, []).append(place)
    for places in by_layer.values():
        places.sort()
        assert all(below - above >= 0.999 for above, below in itertools.pairwise(places))


def test_what_comes_first_is_on_the_left() -> None:
    found = layered(["a", "b", "c"], [("a", "b"), ("b", "c")])
    assert [found.places[node][0] for node in "abc"] == [0, 1, 2]
    assert len({found.places[node][1] for node in "abc"}) == 1, "a path is straight"


def test_what_has_nothing_before_it_stands_right_before_what_follows() -> None:
    found = layered(["a", "b", "c", "source"], [("a", "b"), ("b", "c"), ("source", "c")])
    assert found.places["source"][0] == found.places["b"][0] == 1


def test_an_arrow_over_several_layers_has_a_bend_in_each() -> None:
    found = layered(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")])
    assert [layer for layer, _ in found.ways[("a", "c")]] == [0, 1, 2]
    assert found.ways[("a", "c")][1][1] != found.places["b"][1], "it goes beside the node"


def test_a_circle_is_drawn_with_one_arrow_back() -> None:
    edges = [("a", "b"), ("b", "c"), ("c", "a")]
    found = layered(["a", "b", "c"], edges)
    well_laid_out(found, ["a", "b", "c"])
    assert set(found.ways) == set(edges)
    assert [layer for layer, _ in found.ways[("c", "a")]] == [2, 1, 0]


def test_what_cannot_be_drawn_is_left_out() -> None:
    found = layered(["a", "b"], [("a", "a"), ("a", "nobody"), ("a", "b"), ("a", "b")])
    assert list(found.ways) == [("a", "b")]


def test_crossings_are_avoided() -> None:
    nodes = ["a1", "a2", "a3", "b1", "b2", "b3"]
    found = layered(nodes, [("a1", "b3"), ("a2", "b2"), ("a3", "b1")])
    order_a = sorted(("a1", "a2", "a3"), key=lambda node: found.places[node][1])
    order_b = sorted(("b1", "b2", "b3"), key=lambda node: found.places[node][1])
    assert dict(zip(order_a, order_b, strict=True)) == {"a1": "b3", "a2": "b2", "a3": "b1"}


def test_one_in_the_middle_of_many_is_in_the_middle() -> None:
    leaves = [f"leaf{number}" for number in range(7)]
    found = layered(["root", *leaves], [("root", leaf) for leaf in leaves])
    assert found.places["root"][1] == pytest.approx(3.0)


def test_nothing_and_one_alone_can_be_laid_out() -> None:
    assert layered([], []).layers == 0
    assert layered(["a"], []).places == {"a": (0, 0.0)}


@pytest.mark.parametrize("seed", range(5))
def test_any_graph_is_laid_out(seed: int) -> None:
    chance = random.Random(seed)
    nodes = [str(number) for number in range(500)]
    edges = [(chance.choice(nodes), chance.choice(nodes)) for _ in range(700)]
    well_laid_out(layered(nodes, edges), nodes)
