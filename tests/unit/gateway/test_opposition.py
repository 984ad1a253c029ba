"""The gateway's lock (art. 6-3, annexe 1): N1."""

from datetime import date

import pytest

from gateway.domain import (
    Coordonnees,
    Disclosure,
    Dossier,
    OppositionScope,
    Outcome,
    QuotientPeriod,
    Right,
)
from gateway.opposition import is_opposed, withheld

RIGHT = Right(partner_id="partner-1", convention_id="convention-1", caisse_code="21")


@pytest.mark.parametrize(
    ("scopes", "opposed"),
    [
        ([], False),
        ([OppositionScope("21", "")], True),
        ([OppositionScope("21", "partner-1")], True),
        ([OppositionScope("21", "partner-2")], False),
        ([OppositionScope("12", "")], False),
        ([OppositionScope("12", "partner-1")], False),
        ([OppositionScope("21", "partner-2"), OppositionScope("21", "")], True),
    ],
)
def test_an_opposition_reaches_the_partners_in_its_scope(
    scopes: list[OppositionScope], opposed: bool
) -> None:
    assert is_opposed(scopes, RIGHT) is opposed


def full_disclosure(outcome: Outcome) -> Disclosure:
    coordonnees = Coordonnees([], "x", "", "", "", "", "", "")
    period = QuotientPeriod(date(2026, 11, 1), None, 61234)
    return Disclosure(outcome, "line-1", Dossier("D1", coordonnees), [period])


SAID_OF_NOBODY = [Outcome.NOT_FOUND, Outcome.OUTSIDE_WINDOW]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome not in SAID_OF_NOBODY])
def test_an_opposed_consultation_shows_only_that_it_is_opposed(outcome: Outcome) -> None:
    assert withheld(full_disclosure(outcome)) == Disclosure(Outcome.OPPOSED, "line-1")


@pytest.mark.parametrize("outcome", SAID_OF_NOBODY)
def test_an_opposition_is_not_told_where_nobody_was_found_or_looked_up(outcome: Outcome) -> None:
    assert withheld(full_disclosure(outcome)) == Disclosure(outcome, "line-1")
