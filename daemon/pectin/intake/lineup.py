"""Whose turn it is: settled files wait here to be claimed, each route in its turn, in the configured order within it. Pure."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import PurePath

from pectin.model.order import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """`last_change` in Unix seconds, `size` in bytes, `relative` to the inbox folder of the route."""

    route: str
    relative: PurePath
    last_change: float
    size: int


class Lineup:
    """A library dropped at once on one route does not keep another route's film waiting."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._heaps: dict[str, list[tuple[float, str, int, Settled]]] = {}
        self._valid: dict[tuple[str, PurePath], Settled] = {}
        self._number = 0  # of equals the first added; and never a comparison of two entries

    def __len__(self) -> int:
        return len(self._valid)

    def add(self, one: Settled) -> None:
        """A file that was added before counts as it is now."""
        self._valid[one.route, one.relative] = one
        self._number += 1
        heapq.heappush(self._heaps.setdefault(one.route, []), (*self._key(one), self._number, one))

    def discard(self, route: str, relative: PurePath) -> None:
        self._valid.pop((route, relative), None)

    def take(self, most: int) -> list[Settled]:
        """The next ones, at most so many; they are not in line any more."""
        taken: list[Settled] = []
        routes = sorted(self._heaps)
        while routes and len(taken) < most:
            for route in list(routes):
                if len(taken) == most:
                    break
                if one := self._pop(route):
                    taken.append(one)
                else:
                    routes.remove(route)
                    del self._heaps[route]
        return taken

    def _pop(self, route: str) -> Settled | None:
        heap = self._heaps[route]
        while heap:
            *_, one = heapq.heappop(heap)
            if self._valid.get((route, one.relative)) is one:
                del self._valid[route, one.relative]
                return one
        return None

    def _key(self, one: Settled) -> tuple[float, str]:
        path = str(one.relative)
        if self._order is Order.NAME:
            return 0.0, path.casefold()
        return (float(one.size) if self._order is Order.SMALLEST else one.last_change), path
