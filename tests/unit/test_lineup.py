"""Whose turn it is to be claimed."""

from __future__ import annotations

from pathlib import PurePath

from hypothesis import given
from hypothesis import strategies as st

from pectin.intake.lineup import Lineup, Settled
from pectin.model.order import Order

KEYS = {Order.OLDEST: lambda one: one.last_change, Order.NAME: lambda one: str(one.relative).casefold(),
        Order.SMALLEST: lambda one: one.size}


def settled(route: str, name: str, last_change: float = 0, size: int = 0) -> Settled:
    return Settled(route=route, relative=PurePath(name), last_change=last_change, size=size)


@st.composite
def files(draw: st.DrawFn) -> list[Settled]:
    names = draw(st.lists(st.tuples(st.sampled_from("abc"), st.text("aAbB/12", min_size=1).filter(lambda n: n.strip("/"))),
                          unique_by=lambda pair: (pair[0], PurePath(pair[1])), max_size=40))
    return [settled(route, name, draw(st.integers(0, 9)), draw(st.integers(0, 9))) for route, name in names]


@given(files(), st.sampled_from(Order), st.integers(1, 7))
def test_each_file_comes_once_in_order_within_its_route(waiting: list[Settled], order: Order, most: int) -> None:
    line = Lineup(order)
    for one in waiting:
        line.add(one)
    taken: list[Settled] = []
    while batch := line.take(most):
        assert len(batch) <= most
        taken += batch
    assert len(line) == 0
    assert sorted(taken, key=repr) == sorted(waiting, key=repr)
    for route in "abc":
        keys = [KEYS[order](one) for one in taken if one.route == route]
        assert keys == sorted(keys)


@given(files(), st.integers(1, 9))
def test_no_route_waits_for_the_whole_of_another(waiting: list[Settled], most: int) -> None:
    line = Lineup(Order.OLDEST)
    for one in waiting:
        line.add(one)
    batch = line.take(most)
    counts = {route: sum(one.route == route for one in batch) for route in {one.route for one in waiting}}
    left = {route: sum(one.route == route for one in waiting) - counts[route] for route in counts}
    for route, count in counts.items():
        assert left[route] == 0 or all(count >= other - 1 for other in counts.values())


def test_a_route_that_has_become_empty_gives_its_turn_to_the_others_and_not_to_the_first() -> None:
    line = Lineup(Order.OLDEST)
    for route in "abc":
        for number in range(3):
            line.add(settled(route, f"{number}"))
    for number in range(3):
        line.discard("a", PurePath(f"{number}"))
    assert sorted(one.route for one in line.take(2)) == ["b", "c"]


def test_a_file_that_changed_counts_as_it_is_now_and_one_that_went_does_not_count() -> None:
    line = Lineup(Order.SMALLEST)
    for name, size in (("a", 1), ("b", 2), ("c", 3), ("a", 9)):
        line.add(settled("films", name, size=size))
    line.discard("films", PurePath("b"))
    line.discard("films", PurePath("never there"))
    assert [(str(one.relative), one.size) for one in line.take(9)] == [("c", 3), ("a", 9)]
    assert line.take(9) == []
