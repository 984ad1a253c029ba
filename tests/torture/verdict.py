"""Whether a run kept N1 and N2: every answer is held against all that may have been true while its call was open."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.torture.history import AVAILABLE, OPPOSED, Answer, History, Kind, Line, Operation, Shown
from tests.torture.orderings import Deed, Effect, Range, Timeline

# An opposition: whose, and to whom (None: the whole caisse).
Scope = tuple[int, int | None]


class Fault(StrEnum):
    """What is wrong."""

    SHOWN = "N1: shown, though an opposition stood all the while"
    JOURNALLED = "N1: journalled as shown, though an opposition stood all the while"
    NO_LINE = "N2: answered, without its line of the journal"
    OTHER_LINE = "N2: answered, and its line tells something else"
    STRAY_LINE = "N2: a line of the journal that belongs to no call"
    GONE_LINE = "N2: a line of the journal that was there once"
    LOST = "an answer to a withdrawal that no ordering of the calls explains"
    WITHHELD = "withheld, though no opposition can have stood"
    FOREIGN = "shown the dossier of another family"
    OUTCOME = "neither shown nor withheld"
    REFUSED = "refused, though nothing was wrong with it"


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong, and the call or line that shows it."""

    fault: Fault
    operation: Operation | None
    line: Line | None = None


class Oppositions:
    """What may have stood, for everybody in a run."""

    def __init__(self, history: History) -> None:
        self._families = {person: family for family in history.families for person in family}
        calls: dict[Scope, list[tuple[Operation, Effect]]] = defaultdict(list)
        for operation in history.operations:
            if effect := _effect(operation):
                calls[operation.person, operation.partner].append((operation, effect))
        self.calls = {scope: [operation for operation, _ in made] for scope, made in calls.items()}
        self._timelines = {
            scope: Timeline([_deed(operation, effect, history.settle_seconds) for operation, effect in made])
            for scope, made in calls.items()
        }

    def scopes(self, person: int, partner: int | None) -> list[Scope]:
        """The oppositions that would stand in a partner's way, of those that anybody made."""
        wide: list[Scope] = [(one, to) for one in self._families[person] for to in (None, partner)]
        return [scope for scope in dict.fromkeys(wide) if scope in self._timelines]

    def unexplained(self) -> Iterator[Operation]:
        """The calls on oppositions whose answers no ordering explains."""
        for scope, timeline in self._timelines.items():
            for position in timeline.unexplained:
                yield self.calls[scope][position]

    def may_withhold(self, scopes: Sequence[Scope], start: float, end: float) -> bool:
        """Whether in some ordering one of them stood at some time from `start` to `end`."""
        return any(self._timelines[scope].may_stand(start, end) for scope in scopes)

    def may_let_pass(self, scopes: Sequence[Scope], start: float, end: float) -> bool:
        """Whether in some ordering there was a time from `start` to `end` at which none of them stood."""
        free: list[Range] = [((start, 0), (end, 1))]
        for scope in scopes:
            free = _common(free, self._timelines[scope].ranges(start, end, stands=False))
        return bool(free)


def check(history: History) -> list[Violation]:
    """Everything that is wrong, in the order of time."""
    oppositions = Oppositions(history)
    found = [
        *(Violation(Fault.LOST, operation) for operation in oppositions.unexplained()),
        *(
            Violation(Fault.REFUSED, operation)
            for operation in history.operations
            if _was_turned_away(operation)
        ),
        *_of_consultations(history, oppositions),
        *_of_answers_and_lines(history),
        *_of_lines(history, oppositions),
    ]
    return sorted(found, key=lambda each: each.operation.start if each.operation else 0.0)


def counted(violations: Sequence[Violation]) -> Counter[Fault]:
    """How often each fault was found."""
    return Counter(violation.fault for violation in violations)


def decided(history: History) -> int:
    """How many answered consultations had one legal outcome: those on which a run puts the locks to the test."""
    oppositions = Oppositions(history)
    return sum(
        oppositions.may_withhold(scopes, operation.start, operation.end)
        is not oppositions.may_let_pass(scopes, operation.start, operation.end)
        for operation in _answered_consultations(history)
        for scopes in [oppositions.scopes(operation.person, operation.partner)]
    )


def _answered_consultations(history: History) -> Iterator[Operation]:
    for operation in history.operations:
        if operation.kind is Kind.CONSULT and operation.answer is Answer.OK:
            yield operation


def _was_turned_away(operation: Operation) -> bool:
    # A withdrawal is refused where none stands.
    return operation.answer is Answer.REFUSED and operation.kind is not Kind.WITHDRAW


def _effect(operation: Operation) -> Effect | None:
    match operation.kind, operation.answer:
        case Kind.RECORD, Answer.OK:
            return Effect.RECORDED
        case Kind.RECORD, Answer.CUT:
            return Effect.MAYBE_RECORDED
        case Kind.WITHDRAW, Answer.OK:
            return Effect.WITHDRAWN
        case Kind.WITHDRAW, Answer.CUT:
            return Effect.MAYBE_WITHDRAWN
        case Kind.WITHDRAW, Answer.REFUSED:
            return Effect.FOUND_NONE
    return None


def _deed(operation: Operation, effect: Effect, settle_seconds: float) -> Deed:
    cut = operation.answer is Answer.CUT
    return Deed(operation.start, operation.end + settle_seconds * cut, effect)


def _common(some: Sequence[Range], others: Sequence[Range]) -> list[Range]:
    both = ((max(a, c), min(b, d)) for a, b in some for c, d in others)
    return [(low, high) for low, high in both if low <= high]


def _of_consultations(history: History, oppositions: Oppositions) -> Iterator[Violation]:
    for operation in _answered_consultations(history):
        shows = operation.shown is not Shown.NOTHING
        fault = _misjudged(oppositions, operation, operation.end, operation.outcome, shows=shows)
        if fault:
            yield Violation(fault, operation)
        if operation.shown is Shown.FOREIGN:
            yield Violation(Fault.FOREIGN, operation)
        if operation.outcome not in (AVAILABLE, OPPOSED) or shows is not (operation.outcome == AVAILABLE):
            yield Violation(Fault.OUTCOME, operation)


def _misjudged(
    oppositions: Oppositions, operation: Operation, end: float, outcome: str, *, shows: bool
) -> Fault | None:
    scopes = oppositions.scopes(operation.person, operation.partner)
    if (shows or outcome == AVAILABLE) and not oppositions.may_let_pass(scopes, operation.start, end):
        return Fault.SHOWN
    if outcome == OPPOSED and not oppositions.may_withhold(scopes, operation.start, end):
        return Fault.WITHHELD
    return None


def _of_answers_and_lines(history: History) -> Iterator[Violation]:
    """N2, from the answers' side: the line was there for whoever looked later, and told the same."""
    lines = {line.consultation_id: line for line in history.lines}
    for operation in _answered_consultations(history):
        line = lines.get(operation.consultation_id)
        if operation.line_seen is False or not _was_there(history, operation, line):
            yield Violation(Fault.NO_LINE, operation, line)
        elif line and _told(line) != (operation.number, *_asked(operation), operation.outcome):
            yield Violation(Fault.OTHER_LINE, operation, line)


def _was_there(history: History, operation: Operation, line: Line | None) -> bool:
    found = line.readings if line else ()
    return all(reading in found for reading, start in enumerate(history.readings) if start > operation.end)


def _of_lines(history: History, oppositions: Oppositions) -> Iterator[Violation]:
    """N2 and N1, from the journal's side: each line has its call, stays, and tells what may have been."""
    operations = {one.number: one for one in history.operations if one.kind is Kind.CONSULT}
    for line in history.lines:
        operation = None if line.operation is None else operations.get(line.operation)
        if operation is None or (line.person, line.partner) != _asked(operation):
            yield Violation(Fault.STRAY_LINE, operation, line)
            continue
        if list(line.readings) != list(range(line.readings[0], len(history.readings))):
            yield Violation(Fault.GONE_LINE, operation, line)
        if operation.answer is Answer.CUT:
            end = operation.end + history.settle_seconds
            fault = _misjudged(oppositions, operation, end, line.outcome, shows=False)
            if fault:
                yield Violation(Fault.JOURNALLED if fault is Fault.SHOWN else fault, operation, line)


def _told(line: Line) -> tuple[int | None, int, int | None, str]:
    return line.operation, line.person, line.partner, line.outcome


def _asked(operation: Operation) -> tuple[int, int | None]:
    return operation.person, operation.partner
