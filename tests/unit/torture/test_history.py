"""The judge of the torture runs: it finds each kind of violation, and accuses nothing that may have been right."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count, permutations
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.torture.history import AVAILABLE, OPPOSED, Answer, History, Kind, Line, Operation, Shown
from tests.torture.orderings import Deed, Effect, Timeline
from tests.torture.telling import told
from tests.torture.verdict import Fault, check, counted

ANNA, BRUNO, CARLA = 0, 1, 2
# Anna and Bruno share a dossier.
FAMILIES = ((ANNA, BRUNO), (CARLA,))
TOWN, CLUB = 0, 1
SETTLE_SECONDS = 10.0

_numbers = count()


def record(
    start: float, end: float, *, person: int = ANNA, to: int | None = None, answer: Answer = Answer.OK
) -> Operation:
    return Operation(next(_numbers), 0, Kind.RECORD, person, to, start, end, answer)


def withdraw(
    start: float, end: float, *, person: int = ANNA, to: int | None = None, answer: Answer = Answer.OK
) -> Operation:
    return Operation(next(_numbers), 0, Kind.WITHDRAW, person, to, start, end, answer)


def consult(
    start: float, end: float, outcome: str = AVAILABLE, *, person: int = ANNA, by: int = TOWN
) -> Operation:
    number = next(_numbers)
    shown = Shown.OWN if outcome == AVAILABLE else Shown.NOTHING
    return Operation(
        number, 0, Kind.CONSULT, person, by, start, end, Answer.OK, "", outcome, shown, f"line {number}"
    )


def cut(operation: Operation) -> Operation:
    return replace(operation, answer=Answer.CUT, outcome="", shown=Shown.NOTHING, consultation_id="")


def line(operation: Operation, readings: Sequence[int] = (0,)) -> Line:
    return Line(
        operation.consultation_id,
        operation.number,
        operation.person,
        operation.partner,
        operation.outcome,
        readings,
    )


def history(*operations: Operation, lines: Iterable[Line] = (), readings: Sequence[float] = ()) -> History:
    return History(FAMILIES, SETTLE_SECONDS, operations, list(lines), readings)


def faults(*operations: Operation) -> dict[Fault, int]:
    return dict(counted(check(history(*operations))))


SHOWN, WITHHELD, LOST = {Fault.SHOWN: 1}, {Fault.WITHHELD: 1}, {Fault.LOST: 1}


def test_what_is_shown_after_the_acknowledgement_is_a_violation() -> None:
    assert faults(record(1, 2), consult(3, 4)) == SHOWN


def test_a_consultation_that_began_before_the_acknowledgement_may_show() -> None:
    assert faults(record(1, 3), consult(2, 9)) == {}


def test_calls_that_touch_overlap() -> None:
    assert faults(record(1, 2), consult(2, 4)) == {}
    assert faults(record(1, 2), withdraw(4, 5), consult(3, 4)) == {}


def test_what_is_shown_while_a_withdrawal_is_under_way_is_none() -> None:
    assert faults(record(1, 2), withdraw(3, 8), consult(4, 5)) == {}
    assert faults(record(1, 2), consult(3, 5), withdraw(4, 8)) == {}


def test_a_withdrawal_that_begins_after_the_consultation_is_no_excuse() -> None:
    assert faults(record(1, 2), consult(3, 4), withdraw(5, 6)) == SHOWN


def test_a_withdrawal_before_the_opposition_was_recorded_again_is_no_excuse() -> None:
    assert faults(record(1, 2), withdraw(3, 4), record(5, 6), consult(7, 8)) == SHOWN


def test_recording_and_withdrawing_at_once_may_end_either_way() -> None:
    at_once = (record(1, 2), withdraw(3, 6), record(4, 7))
    assert faults(*at_once, consult(8, 9)) == {}
    assert faults(*at_once, consult(8, 9, OPPOSED)) == {}


def test_a_later_answer_settles_which_way_it_went() -> None:
    at_once = (record(1, 2), withdraw(3, 6), record(4, 7))
    assert faults(*at_once, consult(8, 9), withdraw(10, 11)) == SHOWN
    assert faults(*at_once, consult(8, 9, OPPOSED), withdraw(10, 11, answer=Answer.REFUSED)) == WITHHELD


def test_a_withdrawal_that_was_cut_excuses_until_it_is_settled() -> None:
    stands, lost = record(1, 2), cut(withdraw(3, 4))
    assert faults(stands, lost, consult(5, 6)) == {}
    # It may have been, for all that was asked since.
    assert faults(stands, lost, consult(100, 101)) == {}
    assert faults(stands, lost, consult(100, 101, OPPOSED)) == {}
    # Recorded again while it might still come, it may have come after that; recorded later, it has not.
    assert faults(stands, lost, record(6, 7), consult(20, 21)) == {}
    assert faults(stands, lost, record(4 + SETTLE_SECONDS, 15), consult(20, 21)) == {}
    assert faults(stands, lost, record(4.1 + SETTLE_SECONDS, 15), consult(20, 21)) == SHOWN


def test_a_withdrawal_that_was_cut_before_the_opposition_was_recorded_is_an_excuse_while_it_may_come() -> (
    None
):
    assert faults(cut(withdraw(1, 2)), record(3, 4), consult(5, 6)) == {}
    assert faults(cut(withdraw(1, 2)), record(13, 14), consult(15, 16)) == SHOWN


def test_an_opposition_that_was_cut_binds_nobody_and_may_withhold() -> None:
    lost = cut(record(1, 2))
    assert faults(lost, consult(20, 21)) == {}
    assert faults(lost, consult(20, 21, OPPOSED)) == {}
    assert faults(lost, withdraw(13, 14), consult(15, 16, OPPOSED)) == WITHHELD
    assert faults(consult(0, 0.5, OPPOSED), lost) == WITHHELD


def test_an_answer_to_a_withdrawal_that_was_cut_short_tells_what_the_cut_one_did() -> None:
    stands, lost = record(1, 2), cut(withdraw(3, 4))
    # Refused: then the cut one had been, and before that answer.
    assert faults(stands, lost, consult(5, 6), withdraw(7, 8, answer=Answer.REFUSED)) == {}
    assert faults(stands, lost, withdraw(7, 8, answer=Answer.REFUSED), consult(9, 10, OPPOSED)) == WITHHELD
    # Accepted: then the cut one had not been until then.
    assert faults(stands, lost, consult(5, 6), withdraw(7, 8)) == SHOWN


@pytest.mark.parametrize("scope", [None, TOWN])
def test_scopes_reach_their_partners(scope: int | None) -> None:
    stands = record(1, 2, to=scope)
    assert faults(stands, consult(3, 4, by=TOWN)) == SHOWN
    assert faults(stands, consult(3, 4, by=CLUB)) == (SHOWN if scope is None else {})
    assert faults(stands, consult(3, 4, OPPOSED, by=CLUB)) == ({} if scope is None else WITHHELD)


def test_withdrawing_one_scope_is_no_excuse_for_the_other() -> None:
    both = (record(1, 2), record(3, 4, to=TOWN))
    assert faults(*both, withdraw(5, 6), consult(7, 8)) == SHOWN
    assert faults(*both, withdraw(5, 6, to=TOWN), consult(7, 8)) == SHOWN
    assert faults(*both, withdraw(5, 6), withdraw(5, 6, to=TOWN), consult(7, 8)) == {}


def test_both_scopes_must_have_been_open_at_one_instant() -> None:
    one_after_the_other = (
        record(1, 2),
        withdraw(3.5, 4),
        record(5, 6),
        record(2, 3, to=TOWN),
        withdraw(7, 8, to=TOWN),
    )
    assert faults(*one_after_the_other, consult(2.5, 9)) == SHOWN
    assert faults(*one_after_the_other, consult(0.5, 9)) == {}


def test_the_opposition_of_one_holds_for_whoever_shares_the_dossier() -> None:
    assert faults(record(1, 2, person=BRUNO), consult(3, 4, person=ANNA)) == SHOWN
    assert faults(record(1, 2, person=CARLA), consult(3, 4, person=ANNA)) == {}
    assert faults(record(1, 2, person=CARLA), consult(3, 4, OPPOSED, person=ANNA)) == WITHHELD


def test_withheld_without_an_opposition_is_a_violation() -> None:
    assert faults(consult(1, 2, OPPOSED)) == WITHHELD
    assert faults(consult(1, 2, OPPOSED), record(3, 4)) == WITHHELD
    assert faults(record(1, 2), withdraw(3, 4), consult(5, 6, OPPOSED)) == WITHHELD
    assert faults(consult(1, 3, OPPOSED), record(2, 4)) == {}


def test_an_acknowledged_opposition_that_is_gone_is_lost() -> None:
    assert faults(record(1, 2), withdraw(3, 4, answer=Answer.REFUSED)) == LOST
    assert faults(withdraw(1, 2)) == LOST
    assert faults(record(1, 2), withdraw(3, 4), withdraw(5, 6)) == LOST
    assert faults(record(1, 2), withdraw(3, 6), withdraw(4, 5, answer=Answer.REFUSED)) == {}
    assert faults(record(1, 2), cut(withdraw(3, 4)), withdraw(5, 6, answer=Answer.REFUSED)) == {}


def test_what_nobody_should_see_is_a_violation() -> None:
    assert faults(replace(consult(1, 2), shown=Shown.FOREIGN)) == {Fault.FOREIGN: 1}
    assert faults(consult(1, 2, "NO_QUOTIENT")) == {Fault.OUTCOME: 1}
    assert faults(replace(cut(consult(1, 2)), answer=Answer.REFUSED)) == {Fault.REFUSED: 1}
    assert faults(record(1, 2, answer=Answer.REFUSED)) == {Fault.REFUSED: 1}
    assert faults(record(0, 0.5), replace(consult(1, 2, OPPOSED), shown=Shown.OWN)) == {
        Fault.SHOWN: 1,
        Fault.OUTCOME: 1,
    }


def journalled(operation: Operation, *lines: Line, readings: Sequence[float] = (3,)) -> dict[Fault, int]:
    return dict(counted(check(history(operation, lines=lines, readings=readings))))


def test_an_answer_has_its_line() -> None:
    one = consult(1, 2)
    assert journalled(one, line(one)) == {}
    assert journalled(one) == {Fault.NO_LINE: 1}
    assert journalled(replace(one, line_seen=True), line(one)) == {}


def test_a_line_that_comes_after_the_answer_is_a_violation() -> None:
    one = consult(1, 2)
    assert journalled(replace(one, line_seen=False), line(one)) == {Fault.NO_LINE: 1}
    assert journalled(one, line(one, readings=[1]), readings=(3, 4)) == {Fault.NO_LINE: 1}
    # A reading that began before the answer may have missed it.
    assert journalled(one, line(one, readings=[1]), readings=(2, 4)) == {}


def test_a_line_that_is_gone_is_a_violation() -> None:
    one = consult(1, 2)
    assert journalled(one, line(one, readings=[0]), readings=(3, 4)) == {
        Fault.NO_LINE: 1,
        Fault.GONE_LINE: 1,
    }
    unanswered = line(replace(one, number=one.number))
    assert journalled(cut(one), replace(unanswered, readings=[0]), readings=(3, 4)) == {Fault.GONE_LINE: 1}


@pytest.mark.parametrize("changed", [{"outcome": OPPOSED}, {"operation": -1}, {"partner": CLUB}])
def test_a_line_that_tells_something_else_is_a_violation(changed: dict[str, int | str]) -> None:
    one = consult(1, 2)
    assert Fault.OTHER_LINE in journalled(one, replace(line(one), **changed))  # type: ignore[arg-type]  # any field


def test_a_line_of_no_call_is_a_violation() -> None:
    one, other = consult(1, 2), consult(1, 2, person=CARLA)
    assert journalled(one, line(one), line(other)) == {Fault.STRAY_LINE: 1}
    assert journalled(cut(one), replace(line(one), partner=CLUB)) == {Fault.STRAY_LINE: 1}
    assert journalled(one, line(one), replace(line(other), operation=None)) == {Fault.STRAY_LINE: 1}


def test_a_call_that_was_cut_may_have_a_line_or_none() -> None:
    one = consult(1, 2)
    assert journalled(cut(one)) == {}
    assert journalled(cut(one), line(one)) == {}


def test_the_line_of_a_call_that_was_cut_tells_of_nothing_shown_while_an_opposition_stood() -> None:
    one, stands = consult(3, 4), record(1, 2)
    for calls, expected in (
        ((stands, cut(one)), {Fault.JOURNALLED: 1}),
        # It may still have been under way when the withdrawal came.
        ((stands, cut(one), withdraw(5, 6)), {}),
        ((stands, cut(one), withdraw(4.1 + SETTLE_SECONDS, 20)), {Fault.JOURNALLED: 1}),
    ):
        found = check(history(*calls, lines=[line(one)], readings=[30]))
        assert counted(found) == expected
    withheld = replace(line(one), outcome=OPPOSED)
    assert journalled(cut(one), withheld, readings=[30]) == WITHHELD


def test_a_history_is_written_and_read(tmp_path: Path) -> None:
    one = replace(consult(3, 4), line_seen=True)
    written = history(record(1, 2), cut(withdraw(5, 6)), one, lines=[line(one)], readings=[5.5])
    path = tmp_path / "history"
    written.write(path)
    found = History.read(path)
    assert list(found.operations) == list(written.operations)
    assert check(found) == check(written)
    path.write_text('["cake", 1]\n')
    with pytest.raises(ValueError, match="no history"):
        History.read(path)


def test_a_violation_is_told_with_the_calls_that_bear_on_it() -> None:
    calls = (record(0.5, 1), withdraw(1.2, 1.5), record(1.6, 2, to=TOWN), record(1, 2, person=CARLA))
    run = history(*calls, consult(3, 3.25), withdraw(4, 5, to=TOWN))
    (violation,) = check(run)
    first, *rows = told(run, violation).splitlines()
    assert first == Fault.SHOWN
    assert [row.split()[0] for row in rows] == ["-2500.0", "-1800.0", "-1400.0", ">"]
    assert "+0.0 to     +250.0 ms" in rows[-1]


# --- exactly so: against all orderings there are, one by one


class Call(NamedTuple):
    """A call on one opposition, or a look at it that found it so."""

    start: int
    end: int
    effect: Effect | bool


def legal(calls: Sequence[Call]) -> bool:
    """Whether some ordering of all calls, or of all but some that were cut, keeps to their times and answers."""
    optional = [call for call in calls if call.effect in (Effect.MAYBE_RECORDED, Effect.MAYBE_WITHDRAWN)]
    required = [call for call in calls if call not in optional]
    return any(
        in_time(ordering) and explained(ordering)
        for chosen in range(2 ** len(optional))
        for ordering in permutations(
            [*required, *(call for bit, call in enumerate(optional) if chosen >> bit & 1)]
        )
    )


def in_time(ordering: Sequence[Call]) -> bool:
    latest_start = 0
    for call in ordering:
        if call.end < latest_start:
            return False
        latest_start = max(latest_start, call.start)
    return True


def explained(ordering: Sequence[Call]) -> bool:
    stands = False
    for call in ordering:
        match call.effect:
            case Effect.RECORDED | Effect.MAYBE_RECORDED:
                stands = True
            case Effect.WITHDRAWN if not stands:
                return False
            case Effect.WITHDRAWN | Effect.MAYBE_WITHDRAWN:
                stands = False
            case Effect.FOUND_NONE if stands:
                return False
            case bool() if call.effect is not stands:
                return False
    return True


instants = st.integers(1, 12)
spans = st.tuples(instants, instants).map(sorted)
deeds = st.builds(lambda span, effect: Call(span[0], span[1], effect), spans, st.sampled_from(list(Effect)))


@given(st.lists(deeds, max_size=5), spans)
def test_the_possible_states_are_those_of_the_legal_orderings(calls: list[Call], look: list[int]) -> None:
    timeline = Timeline([Deed(*call) for call in calls])  # type: ignore[arg-type]  # no look is among them
    if not legal(calls):
        assert timeline.unexplained
        return
    assert not timeline.unexplained
    for stands in (True, False):
        found = bool(timeline.ranges(look[0], look[1], stands=stands))
        assert found is legal([*calls, Call(look[0], look[1], stands)])


# --- never an innocent: runs of a correct register, of which each call is stretched, and some are cut

Step = tuple[str, int, int | None, float, float, bool]
steps = st.lists(
    st.tuples(
        st.sampled_from(["record", "withdraw", "consult"]),
        st.sampled_from([ANNA, BRUNO, CARLA]),
        st.sampled_from([None, TOWN, CLUB]),
        st.floats(0, 6),
        st.floats(0, 6),
        st.booleans(),
    ),
    max_size=40,
)


class Register:
    """Oppositions as they should be."""

    def __init__(self) -> None:
        self.standing: set[tuple[int, int | None]] = set()

    def do(self, kind: str, person: int, partner: int | None) -> tuple[Answer, str]:
        """The answer, and the outcome of a consultation."""
        match kind:
            case "record":
                self.standing.add((person, partner))
            case "withdraw":
                if (person, partner) not in self.standing:
                    return Answer.REFUSED, ""
                self.standing.remove((person, partner))
            case _:
                return Answer.OK, OPPOSED if self.stands(person, partner or TOWN) else AVAILABLE
        return Answer.OK, ""

    def stands(self, person: int, partner: int) -> bool:
        """Whether anything withholds the dossier from the partner."""
        family = next(family for family in FAMILIES if person in family)
        return bool(self.standing & {(one, to) for one in family for to in (None, partner)})


def run_of(plan: Sequence[Step]) -> tuple[list[Operation], list[Line], Register]:
    """Each step takes effect one second after the other, within a call that is open for longer."""
    register = Register()
    operations, lines = [], []
    for instant, (kind, person, partner, before, after, is_cut) in enumerate(plan, 10):
        answer, outcome = register.do(kind, person, partner)
        call = {"record": record, "withdraw": withdraw}.get(kind)
        if call is None:
            operation = consult(instant - before, instant + after, outcome, person=person, by=partner or TOWN)
            lines.append(line(operation))
        else:
            operation = call(instant - before, instant + after, person=person, to=partner, answer=answer)
        # A call that is cut may end long before it takes effect.
        early = replace(operation, end=max(operation.start, instant - SETTLE_SECONDS / 2))
        operations.append(cut(early) if is_cut else operation)
    return operations, lines, register


@given(steps, st.randoms(use_true_random=False))
def test_a_correct_register_is_never_accused(plan: list[Step], draw: random.Random) -> None:
    operations, lines, _ = run_of(plan)
    draw.shuffle(operations)
    readings = [1000.0] if lines else []
    assert check(history(*operations, lines=lines, readings=readings)) == []


@given(steps, st.sampled_from([None, TOWN]), st.sampled_from([ANNA, BRUNO]), st.floats(0, 1))
def test_what_is_shown_too_late_is_always_found(
    plan: list[Step], scope: int | None, who: int, length: float
) -> None:
    operations, _, _ = run_of(plan)
    settled = 10 + len(plan) + 2 * SETTLE_SECONDS
    planted = consult(settled + 2, settled + 2 + length)
    found = check(history(*operations, record(settled, settled + 1, person=who, to=scope), planted))
    assert [(violation.fault, violation.operation) for violation in found] == [(Fault.SHOWN, planted)]


@given(steps, st.floats(0, 1))
def test_what_is_withheld_for_nothing_is_always_found(plan: list[Step], length: float) -> None:
    operations, _, register = run_of(plan)
    settled = 10 + len(plan) + 2 * SETTLE_SECONDS
    ended = [
        withdraw(
            settled,
            settled + 1,
            person=person,
            to=to,
            answer=Answer.OK if (person, to) in register.standing else Answer.REFUSED,
        )
        for person in (ANNA, BRUNO)
        for to in (None, TOWN)
    ]
    planted = consult(settled + 2, settled + 2 + length, OPPOSED)
    found = check(history(*operations, *ended, planted))
    assert [(violation.fault, violation.operation) for violation in found] == [(Fault.WITHHELD, planted)]


@given(steps.filter(lambda plan: any(step[0] == "consult" and not step[5] for step in plan)), st.data())
def test_a_line_that_is_missing_is_always_found(plan: list[Step], data: st.DataObject) -> None:
    operations, lines, _ = run_of(plan)
    answered = {operation.consultation_id: operation for operation in operations if operation.consultation_id}
    missing = data.draw(st.sampled_from(sorted(answered)))
    kept = [each for each in lines if each.consultation_id != missing]
    found = check(history(*operations, lines=kept, readings=[1000.0]))
    assert [(violation.fault, violation.operation) for violation in found] == [
        (Fault.NO_LINE, answered[missing])
    ]


def test_a_hundred_thousand_calls_are_judged_in_seconds() -> None:
    draw = random.Random(3)  # noqa: S311  # repeatable on purpose
    register = Register()
    operations, lines = [], []
    for number in range(100_000):
        instant = number / 100
        kind = draw.choice(["record", "withdraw", "consult", "consult", "consult"])
        person, partner = draw.randrange(3), draw.choice([None, TOWN, CLUB])
        answer, outcome = register.do(kind, person, partner)
        call = {"record": record, "withdraw": withdraw}.get(kind)
        span = (instant - draw.random() / 10, instant + draw.random() / 10)
        if call is None:
            operation = consult(*span, outcome, person=person, by=partner or TOWN)
            lines.append(line(operation))
        else:
            operation = call(*span, person=person, to=partner, answer=answer)
        operations.append(operation)
    started = perf_counter()
    assert check(history(*operations, lines=lines, readings=[2000.0])) == []
    assert perf_counter() - started < 30
