"""A convention's life as an agent sees it: what was, what is, what comes."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import pytest

from services.partners.conventions.facts import (
    AgreedEnd,
    Amendment,
    AnnexVersion,
    Attestation,
    AttestationKind,
    CnilDeclaration,
    Cure,
    Denunciation,
    ForceMajeureEnd,
    ForceMajeureNotification,
    ForceMajeureTermination,
    FormalNotice,
    Party,
    ProviderDeclaration,
    Signature,
)
from services.partners.conventions.timeline import Tense, TimelineEntry, TimelineEvent
from tests.unit.partners.convention_days import DAY
from tests.unit.partners.convention_history import CAISSE, PARTNER, SIGNED, TODAY, History, signed

Event = TimelineEvent


def days(entries: Sequence[TimelineEntry], event: TimelineEvent) -> list[date]:
    return [entry.day for entry in entries if entry.event is event]


def told(history: History, day: date = TODAY) -> list[tuple[date, TimelineEvent]]:
    return [(entry.day, entry.event) for entry in history.timeline_on(day)]


def test_a_draft_has_nothing_but_today() -> None:
    assert History().timeline_on(TODAY) == [TimelineEntry(TODAY, Event.TODAY, Tense.TODAY)]


def test_a_life_is_told_from_its_signature_to_the_next_renewal() -> None:
    """Art. 9-1, 9-2."""
    assert told(signed(cnil=date(2025, 4, 2))) == [
        (SIGNED, Event.SIGNATURE),
        (SIGNED, Event.SIGNATURE),
        (date(2025, 4, 2), Event.CNIL_DECLARATION),
        (date(2025, 4, 2), Event.EFFECT),
        (date(2026, 3, 10), Event.RENEWAL),
        (TODAY, Event.TODAY),
        (date(2026, 12, 10), Event.LAST_DAY_TO_DENOUNCE),
        (date(2027, 3, 10), Event.RENEWAL),
    ]


def test_the_end_takes_the_place_of_the_renewal_and_of_the_last_day_to_denounce() -> None:
    """Art. 9-2, 6-1."""
    history = signed()
    history.record(Denunciation(PARTNER, TODAY))
    assert told(history)[-4:] == [
        (TODAY, Event.DENUNCIATION),
        (TODAY, Event.TODAY),
        (date(2027, 3, 10), Event.END),
        (date(2032, 3, 10), Event.SECRECY_END),
    ]


def test_a_denunciation_that_came_too_late_shows_the_renewal_before_the_end() -> None:
    """Art. 9-2."""
    history, day = signed(), date(2026, 12, 11)
    history.record(Denunciation(PARTNER, day), day)
    entries = history.timeline_on(day)
    assert days(entries, Event.RENEWAL) == [date(2026, 3, 10), date(2027, 3, 10)]
    assert days(entries, Event.END) == [date(2028, 3, 10)]
    assert days(entries, Event.LAST_DAY_TO_DENOUNCE) == [date(2026, 12, 10)]


def test_once_the_last_day_to_denounce_has_passed_the_next_one_is_told_too() -> None:
    """Art. 9-2: as the deadlines do."""
    entries = signed().timeline_on(date(2026, 12, 11))
    assert days(entries, Event.LAST_DAY_TO_DENOUNCE) == [date(2026, 12, 10), date(2027, 12, 10)]


@pytest.mark.parametrize("day", [date(2025, 3, 9), SIGNED, TODAY, date(2030, 6, 1)])
def test_every_entry_knows_where_it_lies(day: date) -> None:
    history = signed()
    history.record(FormalNotice(CAISSE, TODAY))
    for entry in history.timeline_on(day):
        expected = Tense.TODAY if entry.day == day else Tense.PAST if entry.day < day else Tense.FUTURE
        assert entry.tense is expected


def test_today_stands_behind_what_happens_today() -> None:
    history = signed()
    history.record(FormalNotice(CAISSE, TODAY))
    assert [event for day, event in told(history) if day == TODAY] == [Event.FORMAL_NOTICE, Event.TODAY]


def test_who_did_it_is_told_where_a_party_did() -> None:
    history = signed()
    history.record(Denunciation(PARTNER, TODAY))
    history.record(FormalNotice(CAISSE, TODAY))
    history.record(ForceMajeureNotification(PARTNER, TODAY))
    by = {entry.event: entry.party for entry in history.timeline_on(TODAY)}
    assert by[Event.DENUNCIATION] is PARTNER
    assert by[Event.FORMAL_NOTICE] is CAISSE
    assert by[Event.FORCE_MAJEURE] is PARTNER
    assert by[Event.RENEWAL] is by[Event.END] is by[Event.TODAY] is None
    signatures = [
        entry.party for entry in history.timeline_on(TODAY) if entry.event is TimelineEvent.SIGNATURE
    ]
    assert set(signatures) == set(Party)


def test_what_was_annulled_is_not_told() -> None:
    history = signed()
    before = history.timeline_on(TODAY)
    history.annul(history.record(Denunciation(PARTNER, TODAY)))
    assert history.timeline_on(TODAY) == before


def test_letters_cures_avenants_annexes_and_attestations_are_told() -> None:
    """Art. 2, 6-1, 9-2."""
    history = signed()
    notice = history.record(FormalNotice(CAISSE, date(2026, 10, 1)))
    history.record(Cure(notice, date(2026, 10, 12)))
    history.record(Amendment(1, "Tests", date(2026, 5, 2), date(2026, 5, 9)))
    history.record(AnnexVersion(2, 2, date(2026, 6, 1)))
    history.record(AgreedEnd(date(2026, 11, 20)), date(2026, 11, 1))
    history.record(Attestation(AttestationKind.DESTRUCTION, date(2026, 11, 22)))
    assert told(history)[5:] == [
        (date(2026, 5, 9), Event.AMENDMENT),
        (date(2026, 6, 1), Event.ANNEX_VERSION),
        (date(2026, 10, 1), Event.FORMAL_NOTICE),
        (date(2026, 10, 12), Event.CURE),
        (date(2026, 11, 20), Event.END),
        (date(2026, 11, 22), Event.ATTESTATION),
        (TODAY, Event.TODAY),
        (date(2031, 11, 20), Event.SECRECY_END),
    ]


class TestRenewals:
    """Art. 9-1."""

    def test_all_that_were_and_the_next_one_are_told(self) -> None:
        assert days(signed(date(2022, 5, 31)).timeline_on(TODAY), Event.RENEWAL) == [
            date(year, 5, 31) for year in range(2023, 2028)
        ]

    def test_on_the_day_of_a_renewal_the_next_one_is_told_too(self) -> None:
        entries = signed().timeline_on(date(2026, 3, 10))
        assert days(entries, Event.RENEWAL) == [date(2026, 3, 10), date(2027, 3, 10)]

    def test_signed_on_29_february_each_is_told_on_its_own_day(self) -> None:
        entries = signed(date(2024, 2, 29)).timeline_on(date(2028, 6, 1))
        assert days(entries, Event.RENEWAL) == [
            date(2025, 2, 28),
            date(2026, 2, 28),
            date(2027, 2, 28),
            date(2028, 2, 29),
            date(2029, 2, 28),
        ]

    def test_before_its_signature_the_first_one_is_told(self) -> None:
        entries = signed(date(2027, 1, 1)).timeline_on(TODAY)
        assert days(entries, Event.RENEWAL) == [date(2028, 1, 1)]
        assert days(entries, Event.LAST_DAY_TO_DENOUNCE) == [date(2027, 10, 1)]

    def test_none_follows_the_end(self) -> None:
        history = signed()
        history.record(AgreedEnd(date(2026, 3, 10)))
        assert days(history.timeline_on(TODAY), Event.RENEWAL) == []
        later = signed()
        later.record(AgreedEnd(date(2026, 3, 11)))
        assert days(later.timeline_on(TODAY), Event.RENEWAL) == [date(2026, 3, 10)]


class TestEffect:
    """Art. 9-1."""

    def test_it_is_told_once_both_conditions_are_met(self) -> None:
        assert days(signed(cnil=None).timeline_on(TODAY), Event.EFFECT) == []
        assert days(signed().timeline_on(TODAY), Event.EFFECT) == [SIGNED]

    def test_one_that_never_came_is_not_told(self) -> None:
        history = signed(cnil=None)
        history.record(AgreedEnd(date(2026, 12, 1)))
        history.record(CnilDeclaration(date(2026, 12, 1)))
        assert days(history.timeline_on(date(2026, 12, 1)), Event.EFFECT) == []
        mistaken = signed(date(2027, 1, 1))
        mistaken.record(AgreedEnd(date(2027, 1, 1)))
        assert days(mistaken.timeline_on(TODAY), Event.EFFECT) == []


class TestForceMajeure:
    """Art. 10."""

    NOTIFIED = date(2026, 11, 1)
    OPENS = date(2026, 12, 2)

    def notified(self) -> History:
        history = signed()
        history.record(ForceMajeureNotification(PARTNER, self.NOTIFIED))
        return history

    def test_while_it_goes_on_the_day_is_told_from_which_it_may_end_the_convention(self) -> None:
        entries = self.notified().timeline_on(TODAY)
        assert days(entries, Event.FORCE_MAJEURE) == [self.NOTIFIED]
        assert days(entries, Event.FORCE_MAJEURE_TERMINATION_OPEN) == [self.OPENS]

    def test_once_it_is_over_that_day_does_not_come(self) -> None:
        history = self.notified()
        history.record(ForceMajeureEnd(date(2026, 11, 20)))
        entries = history.timeline_on(TODAY)
        assert days(entries, Event.FORCE_MAJEURE_END) == [date(2026, 11, 20)]
        assert days(entries, Event.FORCE_MAJEURE_TERMINATION_OPEN) == []

    def test_where_the_convention_ends_before_that_day_does_not_come(self) -> None:
        history = self.notified()
        history.record(AgreedEnd(self.OPENS))
        assert days(history.timeline_on(TODAY), Event.FORCE_MAJEURE_TERMINATION_OPEN) == []
        later = self.notified()
        later.record(AgreedEnd(self.OPENS + DAY))
        assert days(later.timeline_on(TODAY), Event.FORCE_MAJEURE_TERMINATION_OPEN) == [self.OPENS]

    def test_once_used_it_is_told_no_more(self) -> None:
        history, day = self.notified(), date(2026, 12, 5)
        history.record(ForceMajeureTermination(CAISSE, day), day)
        entries = history.timeline_on(day)
        assert days(entries, Event.END) == [day]
        assert days(entries, Event.FORCE_MAJEURE_TERMINATION_OPEN) == []


def test_a_draft_that_was_given_up_keeps_no_secret() -> None:
    """Art. 6-1."""
    history = History()
    history.record(Signature(CAISSE, SIGNED))
    history.record(AgreedEnd(TODAY))
    assert told(history) == [
        (SIGNED, Event.SIGNATURE),
        (TODAY, Event.END),
        (TODAY, Event.TODAY),
    ]


def test_providers_are_listed_elsewhere() -> None:
    """Art. 6-1: what is missing of them is told of the convention, not of a day."""
    history = signed()
    before = history.timeline_on(TODAY)
    history.record(ProviderDeclaration("Éditeur", TODAY))
    assert history.timeline_on(TODAY) == before
    assert len(history.ledger.missing_undertakings()) == 1


def test_the_days_are_in_order_whatever_the_order_of_recording() -> None:
    history = signed()
    history.record(Amendment(1, "Tests", TODAY, TODAY))
    history.record(AnnexVersion(2, 2, date(2026, 1, 5)))
    history.record(FormalNotice(CAISSE, date(2026, 11, 3)))
    entries = history.timeline_on(TODAY)
    assert all(earlier.day <= later.day for earlier, later in pairwise(entries))
