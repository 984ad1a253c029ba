"""N1 and N2 under `kill -9`, in short (art. 6-3, 7-2): `make torture` is the long run."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.stack import Stack
from tests.torture.breaking import is_as_it_should_be, torture_mutant
from tests.torture.harness import Plan, torture
from tests.torture.history import AVAILABLE, OPPOSED, Answer, Kind
from tests.torture.parts import KILLED
from tests.torture.telling import told
from tests.torture.verdict import check, counted, decided
from tests.torture.world import torture_stack

# Two kills of each part, and a third of one.
PLAN = Plan(operations=2400, kills=7, clients=24, dossiers=60, limit_seconds=80)
MUTANT = Plan(operations=900, kills=0, clients=24, dossiers=40, limit_seconds=60)


@pytest.fixture(scope="module")
def breakable() -> Iterator[Stack]:
    """A stack apart from that of the other tests, as parts of it are killed, and broken on purpose."""
    with torture_stack(breakable=True) as stack:
        yield stack


async def test_nothing_is_shown_or_lost_that_must_not_be_while_parts_are_killed(breakable: Stack) -> None:
    run = await torture(breakable, PLAN)
    history = run.history
    assert not run.is_late
    assert set(run.kills) == set(KILLED)
    assert run.kills.total() == PLAN.kills
    ended = Counter((operation.kind, operation.answer, operation.outcome) for operation in history.operations)
    assert (
        sum(number for (_, answer, _), number in ended.items() if answer is not Answer.CUT) >= PLAN.operations
    )
    assert ended[Kind.CONSULT, Answer.OK, AVAILABLE] > 200
    assert ended[Kind.CONSULT, Answer.OK, OPPOSED] > 200
    assert ended[Kind.WITHDRAW, Answer.OK, ""] > 100
    assert ended[Kind.CONSULT, Answer.CUT, ""] > 0
    # With all that overlapped and was cut, most answers could have been one thing only.
    assert decided(history) > 400
    violations = check(history)
    assert not violations, "\n".join(told(history, violation) for violation in violations[:5])


@pytest.mark.parametrize("name", ["cached-oppositions", "late-line", "asynchronous-commit"])
async def test_a_broken_suite_is_found_out(breakable: Stack, name: str) -> None:
    _, violations = await torture_mutant(breakable, name, MUTANT)
    assert is_as_it_should_be(name, violations), counted(violations)
