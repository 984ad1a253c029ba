"""A violation in words: what shows it, and the calls that bear on it."""

from collections.abc import Iterator

from tests.torture.history import History, Kind, Operation
from tests.torture.verdict import Violation

# So many calls that ended before are told of each opposition.
TOLD_BEFORE = 3


def told(history: History, violation: Violation) -> str:
    """What is wrong, and when each call was open: in milliseconds from the start of the one that shows it."""
    operation, line = violation.operation, violation.line
    rows = [str(violation.fault), *([f"  {line}"] if line else [])]
    if operation:
        calls = sorted(_bearing_on(history, operation), key=lambda each: each.start)
        rows += [_row(each, operation) for each in calls]
    return "\n".join(rows)


def _bearing_on(history: History, operation: Operation) -> Iterator[Operation]:
    """The call, and those on each opposition in its way: the last before it, and all that overlap it."""
    yield operation
    family = next(family for family in history.families if operation.person in family)
    for scope in dict.fromkeys((person, to) for person in family for to in (None, operation.partner)):
        calls = [
            each
            for each in history.operations
            if each.kind is not Kind.CONSULT
            and (each.person, each.partner) == scope
            and each.start <= operation.end
            and each != operation
        ]
        calls.sort(key=lambda each: each.start)
        yield from [each for each in calls if each.end < operation.start][-TOLD_BEFORE:]
        yield from [each for each in calls if each.end >= operation.start]


def _row(each: Operation, against: Operation) -> str:
    start, end = (1000 * (instant - against.start) for instant in (each.start, each.end))
    whom = "whole caisse" if each.partner is None else f"partner {each.partner}"
    answer = " ".join(filter(None, (each.answer, each.reason, each.outcome, each.consultation_id)))
    return (
        f"{'>' if each == against else ' '} {start:+10.1f} to {end:+10.1f} ms  client {each.client:<3}"
        f" {each.kind:<8} person {each.person:<4} {whom:<12} #{each.number:<7} {answer}"
    )
