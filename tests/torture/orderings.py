"""When one opposition may have stood: every legal ordering of the calls on it, of which some overlap.

A call takes effect at one instant between its start and its end. An ordering is legal that keeps to these times and
explains every answer. This is exact, and cheap as long as few calls on one opposition are open at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

# Starts sort before ends: calls that touch overlap, and may be in either order.
START, END = 0, 1
Edge = tuple[float, int]
Range = tuple[Edge, Edge]


class Effect(Enum):
    """What a call does to an opposition, and whether it surely does."""

    RECORDED = "recorded"
    MAYBE_RECORDED = "maybe recorded"
    WITHDRAWN = "withdrawn"
    MAYBE_WITHDRAWN = "maybe withdrawn"
    # A withdrawal that was refused.
    FOUND_NONE = "found none"


_CERTAIN = frozenset({Effect.RECORDED, Effect.WITHDRAWN, Effect.FOUND_NONE})
# From which states each can happen. What may have had no effect is of interest only where it changes something.
_FROM = {
    Effect.RECORDED: (False, True),
    Effect.MAYBE_RECORDED: (False,),
    Effect.WITHDRAWN: (True,),
    Effect.MAYBE_WITHDRAWN: (True,),
    Effect.FOUND_NONE: (False,),
}
_STANDS_THEN = frozenset({Effect.RECORDED, Effect.MAYBE_RECORDED})


class Deed(NamedTuple):
    """A call on one opposition."""

    start: float
    end: float
    effect: Effect


# A point in an ordering: whether the opposition stands, and which of the open deeds took effect (a bit each).
Moment = tuple[bool, int]
# The open deeds, the first to end first: end, bit, effect.
Open = tuple[tuple[float, int, Effect], ...]


class _Slot(NamedTuple):
    """Between two neighbouring edges: what can be reached there, and the edge after it."""

    moments: frozenset[Moment]
    open_: Open
    # The bit of the deed that ends, and whether it must have taken effect by then; no bit where one starts.
    ends: int
    must: bool


class Timeline:
    """The possible states of one opposition between any two edges of the deeds on it.

    `unexplained` holds the positions of deeds whose answer no ordering explains: each is then taken as uncertain.
    """

    def __init__(self, deeds: Sequence[Deed]) -> None:
        self.unexplained: list[int] = []
        events = sorted(
            (edge, position)
            for position, deed in enumerate(deeds)
            for edge in ((deed.start, START), (deed.end, END))
        )
        self._edges: list[Edge] = [edge for edge, _ in events]
        self._possible = _possible(list(self._forwards(deeds, events)))

    def may_stand(self, start: float, end: float) -> bool:
        """Whether it stood at some time from `start` to `end`, in some ordering."""
        return bool(self.ranges(start, end, stands=True))

    def ranges(self, start: float, end: float, *, stands: bool) -> list[Range]:
        """When, from `start` to `end`, it stands in some ordering; or, when in some ordering it does not."""
        low, high = (start, START), (end, END)
        first, last = bisect_left(self._edges, low), bisect_right(self._edges, high)
        bounds: list[Edge] = [low, *self._edges[first:last], high]
        return [
            (bounds[number], bounds[number + 1])
            for number, possible in enumerate(self._possible[first : last + 1])
            if stands in possible
        ]

    def _forwards(self, deeds: Sequence[Deed], events: Sequence[tuple[Edge, int]]) -> Iterator[_Slot]:
        moments: frozenset[Moment] = frozenset({(False, 0)})
        open_: Open = ()
        bits: dict[int, int] = {}
        for (_, bound), position in events:
            deed = deeds[position]
            moments = _reached(moments, open_)
            if bound == START:
                bits[position] = _free_bit(open_)
                yield _Slot(moments, open_, 0, must=False)
                open_ = tuple(sorted((*open_, (deed.end, bits[position], deed.effect)), key=_end))
                continue
            bit = bits[position]
            must = deed.effect in _CERTAIN
            if must and not any(done & bit for _, done in moments):
                self.unexplained.append(position)
                must = False
            yield _Slot(moments, open_, bit, must)
            moments = frozenset((stands, done & ~bit) for stands, done in moments if done & bit or not must)
            open_ = tuple(one for one in open_ if one[1] != bit)
        yield _Slot(_reached(moments, open_), open_, 0, must=False)


def _end(one: tuple[float, int, Effect]) -> float:
    return one[0]


def _free_bit(open_: Open) -> int:
    taken = 0
    for _, bit, _ in open_:
        taken |= bit
    return ~taken & (taken + 1)


def _steps(moment: Moment, open_: Open) -> Iterator[Moment]:
    """What may happen next. Of two deeds with one effect the first to end goes first: any ordering can be told so."""
    stands, done = moment
    tried = set()
    for _, bit, effect in open_:
        if not done & bit and effect not in tried:
            tried.add(effect)
            if stands in _FROM[effect]:
                yield effect in _STANDS_THEN, done | bit


def _reached(moments: frozenset[Moment], open_: Open) -> frozenset[Moment]:
    found, waiting = set(moments), list(moments)
    while waiting:
        for moment in _steps(waiting.pop(), open_):
            if moment not in found:
                found.add(moment)
                waiting.append(moment)
    return frozenset(found)


def _possible(slots: Sequence[_Slot]) -> list[frozenset[bool]]:
    """The states of each slot in the orderings that go on to the end."""
    possible = []
    alive: set[Moment] | None = None
    for slot in reversed(slots):
        alive = _alive(slot, alive)
        possible.append(frozenset(stands for stands, _ in alive))
    return possible[::-1]


def _alive(slot: _Slot, then: set[Moment] | None) -> set[Moment]:
    alive: set[Moment] = set()
    # Each step adds a bit: whoever has more of them comes first.
    for moment in sorted(slot.moments, key=lambda each: -each[1].bit_count()):
        stands, done = moment
        crosses = (bool(done & slot.ends) or not slot.must) and (
            then is None or (stands, done & ~slot.ends) in then
        )
        if crosses or any(step in alive for step in _steps(moment, slot.open_)):
            alive.add(moment)
    return alive
