"""The mutants still fit the code that they break; whether a run finds them is shown by `make torture`."""

import pytest

from tests.torture.mutants import MUTANTS, Replaced, Rewritten
from tests.torture.verdict import Fault


@pytest.mark.parametrize("name", MUTANTS)
def test_what_a_mutant_breaks_is_still_there(name: str) -> None:
    changes = [change for changes in MUTANTS[name].breaks.values() for change in changes]
    assert changes
    assert all(change.fits() for change in changes if isinstance(change, Rewritten | Replaced))


def test_a_statement_that_reads_otherwise_is_not_broken_unnoticed() -> None:
    with pytest.raises(ValueError, match="no longer holds once"):
        Rewritten("services.quotient.disclosures.store", "_DISCLOSE", "SELECT cake", "")()
    with pytest.raises(ValueError, match="no longer has cake"):
        Replaced("gateway.service", "cake", lambda: None)()


def test_each_promise_has_mutants_and_each_lock_a_control() -> None:
    assert [name for name, mutant in MUTANTS.items() if not mutant.faults] == [
        "gateway-lock-open",
        "statement-lock-open",
    ]
    for fault in (Fault.SHOWN, Fault.NO_LINE):
        assert sum(fault in mutant.faults for mutant in MUTANTS.values()) >= 3
