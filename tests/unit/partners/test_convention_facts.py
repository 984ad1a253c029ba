"""What facts say together: those annulled left out, the rest in the order in which they were recorded."""

from dataclasses import FrozenInstanceError, fields
from datetime import date
from typing import Any, get_args
from uuid import UUID

import pytest

from services.partners.conventions.domain import Ledger, Provider, convention_of
from services.partners.conventions.facts import (
    AgreedEnd,
    Amendment,
    AnnexVersion,
    Annulment,
    Attestation,
    AttestationKind,
    CnilDeclaration,
    Cure,
    Denunciation,
    Fact,
    ForceMajeureEnd,
    ForceMajeureNotification,
    ForceMajeureTermination,
    FormalNotice,
    Party,
    ProviderDeclaration,
    ProviderDeparture,
    ProviderUndertaking,
    RecordedFact,
    Signature,
)
from tests.unit.partners.convention_days import DAY
from tests.unit.partners.convention_history import (
    CAISSE,
    DRAFT,
    ENDED,
    IN_FORCE,
    PARTNER,
    PENDING,
    SIGNED,
    TODAY,
    History,
    made_of,
    noon,
    signed,
)

KINDS: tuple[Any, ...] = get_args(Fact)


class TestFacts:
    def test_a_fact_is_never_altered(self) -> None:
        fact = Signature(CAISSE, SIGNED)
        for field in fields(fact):
            with pytest.raises(FrozenInstanceError):
                setattr(fact, field.name, None)
        assert all(kind.__dataclass_params__.frozen for kind in KINDS)

    def test_every_kind_has_a_name_of_its_own(self) -> None:
        names = [kind.__dict__["kind"] for kind in KINDS]
        assert len(names) == len(set(names)) == 16

    def test_there_are_two_parties_and_nobody_else_acts(self) -> None:
        """Art. 9-2."""
        assert [*Party] == [CAISSE, PARTNER]

    def test_no_fact_hands_the_convention_to_anybody_else(self) -> None:
        """Art. 13-5: without the other party's agreement it is ceded to nobody; whoever takes over signs his own."""
        named = {field.name for kind in KINDS for field in fields(kind)}
        assert not {"partner_id", "caisse_code", "convention_id"} & named
        made = convention_of(UUID(int=1), UUID(int=2), "21", signed().recorded)
        assert (made.convention_id, made.partner_id, made.caisse_code) == (UUID(int=1), UUID(int=2), "21")

    def test_no_fact_suspends_the_convention_itself(self) -> None:
        """Art. 7-2: a suspension closes the access; the convention goes on, and so do its terms."""
        assert [kind for kind in KINDS if "suspen" in kind.__name__.lower()] == []

    def test_an_amendment_has_effect_once_the_second_party_has_signed(self) -> None:
        """Art. 2."""
        assert Amendment(1, "Hours", date(2026, 5, 2), date(2026, 5, 9)).effect_date == date(2026, 5, 9)
        assert Amendment(1, "Hours", date(2026, 5, 9), date(2026, 5, 2)).effect_date == date(2026, 5, 9)


class TestSignature:
    """Art. 9-1."""

    def test_nothing_recorded_is_a_draft(self) -> None:
        assert made_of(()).state_on(TODAY) is DRAFT

    @pytest.mark.parametrize("party", Party)
    def test_one_signature_is_none(self, party: Party) -> None:
        history = History()
        history.record(Signature(party, SIGNED))
        history.record(CnilDeclaration(SIGNED))
        assert history.convention.signature_date is None
        assert history.state_on(TODAY) is DRAFT

    @pytest.mark.parametrize("order", [(CAISSE, PARTNER), (PARTNER, CAISSE)])
    def test_it_is_signed_when_the_second_party_has_signed(self, order: tuple[Party, Party]) -> None:
        history = History()
        for party, day in zip(order, (date(2025, 3, 20), SIGNED), strict=True):
            history.record(Signature(party, day))
        history.record(CnilDeclaration(SIGNED))
        assert history.convention.signature_date == date(2025, 3, 20)
        assert history.state_on(date(2025, 3, 19)) is PENDING
        assert history.state_on(date(2025, 3, 20)) is IN_FORCE


class TestCnilDeclaration:
    """Art. 9-1."""

    def test_it_is_in_force_once_the_declaration_is_transmitted(self) -> None:
        history = signed(cnil=None)
        assert history.state_on(TODAY) is PENDING
        history.record(CnilDeclaration(TODAY))
        assert history.state_on(TODAY - DAY) is PENDING
        assert history.state_on(TODAY) is IN_FORCE

    def test_the_one_recorded_last_counts_be_it_the_earlier_day(self) -> None:
        history = signed(cnil=date(2025, 6, 1))
        history.record(CnilDeclaration(date(2025, 5, 1)))
        assert history.convention.effect_date == date(2025, 5, 1)
        history.record(CnilDeclaration(date(2025, 7, 1)))
        assert history.convention.effect_date == date(2025, 7, 1)


class TestEnds:
    """Art. 9-2, 10: of several ends the earliest counts."""

    def test_a_denunciation_ends_it_at_the_term(self) -> None:
        history = signed()
        history.record(Denunciation(PARTNER, TODAY))
        assert history.end_date == date(2027, 3, 10)
        assert history.state_on(date(2027, 3, 9)) is IN_FORCE
        assert history.state_on(date(2027, 3, 10)) is ENDED

    def test_a_denunciation_that_comes_too_late_ends_it_a_year_later(self) -> None:
        history = signed()
        history.record(Denunciation(PARTNER, date(2026, 12, 11)), date(2026, 12, 11))
        assert history.end_date == date(2028, 3, 10)
        assert history.state_on(date(2027, 3, 10)) is IN_FORCE

    def test_an_earlier_letter_that_is_recorded_later_ends_it_earlier(self) -> None:
        history = signed()
        history.record(Denunciation(PARTNER, date(2026, 12, 11)), date(2026, 12, 14))
        history.record(Denunciation(CAISSE, date(2026, 12, 10)), date(2026, 12, 15))
        assert history.end_date == date(2027, 3, 10)

    def test_a_formal_notice_ends_it_after_thirty_days(self) -> None:
        history = signed()
        history.record(FormalNotice(CAISSE, date(2026, 11, 1)))
        assert history.end_date == date(2026, 12, 1)
        assert history.state_on(date(2026, 11, 30)) is IN_FORCE
        assert history.state_on(date(2026, 12, 1)) is ENDED

    def test_a_breach_that_is_cured_in_time_ends_nothing(self) -> None:
        history = signed()
        notice = history.record(FormalNotice(CAISSE, date(2026, 11, 1)))
        history.record(Cure(notice, date(2026, 11, 30)), date(2026, 11, 30))
        assert history.end_date is None
        assert history.ledger.open_notices() == []

    def test_a_cure_that_is_recorded_late_but_came_in_time_counts(self) -> None:
        history = signed()
        notice = history.record(FormalNotice(CAISSE, date(2026, 9, 1)))
        assert history.state_on(TODAY) is ENDED
        history.record(Cure(notice, date(2026, 9, 30)), TODAY)
        assert history.state_on(TODAY) is IN_FORCE

    def test_a_cure_out_of_time_would_count_for_nothing(self) -> None:
        history = signed()
        notice = history.record(FormalNotice(CAISSE, date(2026, 9, 1)))
        late = RecordedFact(UUID(int=99), noon(TODAY), Cure(notice, date(2026, 10, 1)))
        assert made_of([*history.recorded, late]).end_date == date(2026, 10, 1)

    def test_of_two_notices_each_is_cured_by_itself(self) -> None:
        history = signed()
        first = history.record(FormalNotice(CAISSE, date(2026, 11, 1)))
        second = history.record(FormalNotice(CAISSE, date(2026, 11, 1)))
        history.record(Cure(first, date(2026, 11, 20)))
        assert history.end_date == date(2026, 12, 1)
        assert [notice_id for notice_id, _ in history.ledger.open_notices()] == [second]
        history.record(Cure(second, date(2026, 11, 21)))
        assert history.end_date is None

    def test_force_majeure_alone_ends_nothing_however_long(self) -> None:
        """Art. 10: it may be ended; nobody must. Its terms go on, and its renewals."""
        history = signed()
        history.record(ForceMajeureNotification(PARTNER, date(2025, 6, 1)))
        assert history.end_date is None
        assert history.state_on(TODAY) is IN_FORCE
        assert history.convention.term_date_on(TODAY) == date(2027, 3, 10)

    def test_a_termination_for_force_majeure_ends_it_that_day(self) -> None:
        """Art. 10."""
        history = signed()
        history.record(ForceMajeureNotification(PARTNER, date(2026, 10, 1)))
        history.record(ForceMajeureTermination(CAISSE, TODAY))
        assert history.end_date == TODAY
        assert history.state_on(TODAY - DAY) is IN_FORCE
        assert history.state_on(TODAY) is ENDED

    def test_the_parties_may_agree_on_an_end(self) -> None:
        history = signed()
        history.record(AgreedEnd(date(2026, 12, 24)))
        assert history.end_date == date(2026, 12, 24)

    def test_the_earliest_end_counts(self) -> None:
        history = signed()
        history.record(Denunciation(PARTNER, TODAY))
        notice = history.record(FormalNotice(CAISSE, TODAY))
        history.record(AgreedEnd(date(2026, 12, 1)))
        assert history.end_date == date(2026, 12, 1)
        history.record(Cure(notice, TODAY))
        assert history.end_date == date(2026, 12, 1)

    def test_without_both_signatures_a_letter_ends_nothing(self) -> None:
        letter = RecordedFact(UUID(int=1), noon(TODAY), Denunciation(PARTNER, TODAY))
        assert made_of([letter]).end_date is None


class TestForceMajeure:
    """Art. 10."""

    def test_it_goes_on_from_its_notification_until_it_is_over(self) -> None:
        history = signed()
        assert history.ledger.force_majeure_since() is None
        history.record(ForceMajeureNotification(PARTNER, date(2026, 10, 1)))
        assert history.ledger.force_majeure_since() == date(2026, 10, 1)
        history.record(ForceMajeureEnd(date(2026, 10, 20)))
        assert history.ledger.force_majeure_since() is None

    def test_a_second_one_is_counted_from_its_own_notification(self) -> None:
        history = signed()
        history.record(ForceMajeureNotification(PARTNER, date(2026, 6, 1)))
        history.record(ForceMajeureEnd(date(2026, 6, 20)))
        history.record(ForceMajeureNotification(CAISSE, date(2026, 11, 1)))
        assert history.ledger.force_majeure_since() == date(2026, 11, 1)


class TestProviders:
    """Art. 6-1: whoever may see data on the partner's behalf undertakes to keep them secret."""

    def test_an_undertaking_is_missing_until_it_is_received(self) -> None:
        history = signed()
        provider = history.record(ProviderDeclaration("Éditeur", date(2026, 5, 4)))
        other = history.record(ProviderDeclaration("Hébergeur", date(2026, 6, 1)))
        assert history.ledger.missing_undertakings() == [
            Provider(provider, "Éditeur", date(2026, 5, 4)),
            Provider(other, "Hébergeur", date(2026, 6, 1)),
        ]
        history.record(ProviderUndertaking(provider, TODAY))
        assert [missing.provider_id for missing in history.ledger.missing_undertakings()] == [other]

    def test_of_a_provider_who_has_left_none_is_missing(self) -> None:
        history = signed()
        provider = history.record(ProviderDeclaration("Éditeur", date(2026, 5, 4)))
        history.record(ProviderDeparture(provider, TODAY))
        assert history.ledger.missing_undertakings() == []

    def test_one_annulled_by_mistake_is_missing_again(self) -> None:
        history = signed()
        provider = history.record(ProviderDeclaration("Éditeur", date(2026, 5, 4)))
        undertaking = history.record(ProviderUndertaking(provider, TODAY))
        history.annul(undertaking)
        assert [missing.provider_id for missing in history.ledger.missing_undertakings()] == [provider]


class TestAttestation:
    """Art. 6-1: when a convention is over, the partner returns or destroys what it was shown, and says so."""

    def test_it_is_due_from_the_first_day_without_effect(self) -> None:
        history = signed()
        history.record(AgreedEnd(date(2026, 12, 1)))
        assert not history.ledger.attestation_due_on(date(2026, 11, 30))
        assert history.ledger.attestation_due_on(date(2026, 12, 1))

    @pytest.mark.parametrize("kind", AttestationKind)
    def test_once_received_it_is_due_no_more(self, kind: AttestationKind) -> None:
        history = signed()
        history.record(AgreedEnd(TODAY))
        assert history.ledger.owes_attestation
        history.record(Attestation(kind, TODAY))
        assert not history.ledger.attestation_due_on(TODAY)
        assert not history.ledger.owes_attestation

    def test_where_no_end_is_in_sight_it_is_not_due_yet(self) -> None:
        assert not signed().ledger.attestation_due_on(date(2199, 1, 1))
        assert signed().ledger.owes_attestation

    def test_where_nothing_was_ever_shown_it_is_not_due(self) -> None:
        for history in (History(), signed(cnil=None), signed(date(2027, 1, 1), date(2027, 1, 1))):
            end_date = history.convention.signature_date or TODAY
            history.record(AgreedEnd(end_date))
            assert not history.ledger.attestation_due_on(date(2199, 1, 1))
            assert not history.ledger.owes_attestation

    def test_a_declaration_after_the_end_opened_nothing(self) -> None:
        history = signed(cnil=None)
        history.record(AgreedEnd(date(2026, 12, 1)))
        history.record(CnilDeclaration(date(2026, 12, 1)))
        assert not history.ledger.attestation_due_on(date(2026, 12, 1))

    def test_an_end_that_is_dated_back_undoes_nothing_that_was_shown(self) -> None:
        history = signed()
        history.record(AgreedEnd(SIGNED), TODAY)
        assert history.state_on(TODAY) is ENDED
        assert history.ledger.attestation_due_on(TODAY)

    def test_one_of_an_end_that_did_not_come_does_not_speak_of_the_next(self) -> None:
        history = signed()
        notice = history.record(FormalNotice(CAISSE, date(2026, 9, 1)))
        history.record(Attestation(AttestationKind.RETURN, date(2026, 10, 5)))
        history.record(Cure(notice, date(2026, 9, 20)))
        history.record(AgreedEnd(TODAY))
        assert history.ledger.attestation_due_on(TODAY)
        history.record(Attestation(AttestationKind.RETURN, TODAY))
        assert not history.ledger.attestation_due_on(TODAY)


class TestAnnulment:
    def test_what_is_annulled_is_as_if_it_had_never_been(self) -> None:
        history = signed()
        before = history.convention
        letter = history.record(Denunciation(PARTNER, TODAY))
        history.annul(letter)
        assert history.convention == before
        assert history.state_on(date(2027, 3, 10)) is IN_FORCE

    def test_it_stays_in_the_history(self) -> None:
        history = signed()
        letter = history.record(Denunciation(PARTNER, TODAY))
        annulment = history.annul(letter)
        assert [one.fact_id for one in history.recorded[-2:]] == [letter, annulment]
        assert {letter, annulment}.isdisjoint(one.fact_id for one in history.ledger.standing)

    def test_a_correction_that_is_annulled_brings_the_earlier_day_back(self) -> None:
        """Art. 9-1."""
        history = signed(cnil=date(2025, 6, 1))
        correction = history.record(CnilDeclaration(date(2025, 5, 1)))
        history.annul(correction)
        assert history.convention.effect_date == date(2025, 6, 1)

    def test_a_cure_that_is_annulled_leaves_the_notice_open(self) -> None:
        """Art. 9-2."""
        history = signed()
        notice = history.record(FormalNotice(CAISSE, date(2026, 11, 1)))
        cure = history.record(Cure(notice, date(2026, 11, 20)))
        history.annul(cure)
        assert history.end_date == date(2026, 12, 1)

    def test_it_is_recorded_like_any_fact(self) -> None:
        ledger = Ledger([RecordedFact(UUID(int=1), noon(TODAY), Annulment(UUID(int=7)))])
        assert ledger.standing == []


class TestLedger:
    def test_facts_are_found_by_kind_and_in_order(self) -> None:
        history = signed()
        history.record(AnnexVersion(2, 2, TODAY))
        history.record(AnnexVersion(1, 2, SIGNED))
        found = history.ledger.of(AnnexVersion)
        assert [(known.annex, known.version) for known in found] == [(2, 2), (1, 2)]

    def test_an_id_leads_to_a_fact_of_its_own_kind_only(self) -> None:
        history = signed()
        notice = history.record(FormalNotice(CAISSE, TODAY))
        assert history.ledger.find(FormalNotice, notice) == FormalNotice(CAISSE, TODAY)
        assert history.ledger.find(Denunciation, notice) is None
        history.annul(notice)
        assert history.ledger.find(FormalNotice, notice) is None

    def test_the_same_facts_make_the_same_convention(self) -> None:
        history = signed()
        history.record(FormalNotice(CAISSE, TODAY))
        assert (
            made_of(history.recorded) == made_of(tuple(history.recorded)) == made_of(iter(history.recorded))
        )
