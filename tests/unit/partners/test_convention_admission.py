"""What may be recorded of a convention, and what is refused by which article."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest

from services.kit.errors import DomainError, InvalidField
from services.partners.conventions.admission import admit
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
    Signature,
)
from tests.unit.partners.convention_days import DAY
from tests.unit.partners.convention_history import (
    CAISSE,
    DRAFT,
    ENDED,
    IN_FORCE,
    PARTNER,
    SIGNED,
    TODAY,
    UNKNOWN,
    History,
    signed,
)

TOMORROW = TODAY + DAY
BEFORE_SIGNATURE = SIGNED - DAY
LETTERS: dict[str, Callable[[date], Fact]] = {
    "denunciation": lambda day: Denunciation(PARTNER, day),
    "formal notice": lambda day: FormalNotice(CAISSE, day),
    "force majeure": lambda day: ForceMajeureNotification(PARTNER, day),
    "amendment signed by the caisse": lambda day: Amendment(1, "Tests", day, TODAY),
    "amendment signed by the partner": lambda day: Amendment(1, "Tests", TODAY, day),
}
every_letter = pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
WHILE_IN_FORCE: dict[str, Fact] = {
    "signature": Signature(PARTNER, TODAY),
    "CNIL declaration": CnilDeclaration(TODAY),
    "agreed end": AgreedEnd(SIGNED),
    "annexe": AnnexVersion(2, 2, TODAY),
    "provider": ProviderDeclaration("Éditeur", TODAY),
    **{name: letter(TODAY) for name, letter in LETTERS.items()},
}


def over(end_date: date = TODAY) -> History:
    """In force until the parties agreed to end it."""
    history = signed()
    history.record(AgreedEnd(end_date), end_date)
    return history


class TestSignature:
    """Art. 9-1: signed by both parties."""

    def test_each_party_signs_once(self) -> None:
        history = History()
        history.record(Signature(CAISSE, SIGNED))
        assert history.refusal(Signature(CAISSE, TODAY)) == "AlreadySigned"
        history.record(Signature(PARTNER, SIGNED))
        assert history.refusal(Signature(PARTNER, SIGNED)) == "AlreadySigned"

    def test_a_draft_that_was_given_up_is_signed_no_more(self) -> None:
        history = History()
        history.record(AgreedEnd(TODAY))
        assert history.refusal(Signature(CAISSE, TODAY)) == "ConventionEnded"

    def test_nobody_signs_for_a_day_on_which_it_will_be_over(self) -> None:
        history = History()
        history.record(AgreedEnd(date(2027, 1, 1)))
        assert history.refusal(Signature(CAISSE, date(2027, 1, 1))) == "ConventionEnded"
        history.record(Signature(CAISSE, date(2026, 12, 31)))
        history.record(Signature(PARTNER, TODAY))
        assert history.state_on(date(2026, 12, 31)) is not ENDED

    def test_the_second_party_does_not_sign_what_would_be_over_before_the_first_one_signs(self) -> None:
        history = History()
        history.record(Signature(CAISSE, date(2027, 6, 1)))
        history.record(AgreedEnd(date(2027, 1, 1)))
        assert history.refusal(Signature(PARTNER, TODAY)) == "ConventionEnded"

    def test_a_signature_may_be_entered_for_a_day_to_come(self) -> None:
        history = signed(date(2027, 1, 1), cnil=None)
        history.record(CnilDeclaration(date(2027, 1, 1)))
        assert history.state_on(date(2026, 12, 31)) is not IN_FORCE
        assert history.state_on(date(2027, 1, 1)) is IN_FORCE


class TestLetters:
    """Art. 2, 9-2, 10: what is received or signed under a convention."""

    @every_letter
    def test_one_is_admitted_from_the_signature_to_today(self, letter: Callable[[date], Fact]) -> None:
        for day in (SIGNED, date(2026, 3, 10), TODAY):
            admit(letter(day), signed().recorded, TODAY)
            assert signed().refusal(letter(day), day - DAY).endswith("DATE_IN_FUTURE")

    @every_letter
    def test_before_the_signature_there_is_nothing_to_write_about(
        self, letter: Callable[[date], Fact]
    ) -> None:
        assert signed().refusal(letter(BEFORE_SIGNATURE)) == "DATE_BEFORE_CAUSE"

    @every_letter
    def test_what_lies_ahead_is_no_fact(self, letter: Callable[[date], Fact]) -> None:
        assert signed().refusal(letter(TOMORROW)) == "DATE_IN_FUTURE"

    @every_letter
    def test_an_unsigned_convention_carries_none(self, letter: Callable[[date], Fact]) -> None:
        history = History()
        history.record(Signature(CAISSE, SIGNED))
        assert history.refusal(letter(TODAY)) == "ConventionNotSigned"

    @every_letter
    def test_what_is_over_carries_none(self, letter: Callable[[date], Fact]) -> None:
        assert over().refusal(letter(TODAY)) == "ConventionEnded"

    @every_letter
    def test_one_of_before_the_end_may_be_recorded_after_it(self, letter: Callable[[date], Fact]) -> None:
        history = signed()
        history.record(AgreedEnd(TOMORROW), TOMORROW)
        history.record(letter(TODAY), date(2027, 5, 5))
        assert history.end_date == TOMORROW

    @every_letter
    def test_the_cnil_declaration_is_not_waited_for(self, letter: Callable[[date], Fact]) -> None:
        history = signed(cnil=None)
        history.record(letter(TODAY))
        assert history.state_on(TODAY) is not IN_FORCE

    def test_either_party_may_write(self) -> None:
        """Art. 9-2, 10: "par l'une des Parties"; so the partner leaves (art. 4-5)."""
        for party in Party:
            history = signed()
            history.record(Denunciation(party, TODAY))
            history.record(FormalNotice(party, TODAY))
            history.record(ForceMajeureNotification(party, TODAY))
            assert history.end_date == date(2026, 12, 23)

    def test_both_may_denounce_and_on_the_same_day(self) -> None:
        """Art. 9-2."""
        history = signed()
        for party in Party:
            history.record(Denunciation(party, TODAY))
        assert history.end_date == date(2027, 3, 10)

    @pytest.mark.parametrize("name", WHILE_IN_FORCE)
    def test_once_it_is_over_nothing_is_added_but_what_its_end_asks_for(self, name: str) -> None:
        """Art. 9-2."""
        assert over().refusal(WHILE_IN_FORCE[name]) == "ConventionEnded"


class TestCure:
    """Art. 9-2: thirty days to perform; "restée infructueuse"."""

    RECEIVED = date(2026, 10, 1)

    def noticed(self) -> tuple[History, UUID]:
        history = signed()
        return history, history.record(FormalNotice(CAISSE, self.RECEIVED))

    @pytest.mark.parametrize("day", [RECEIVED, date(2026, 10, 15), date(2026, 10, 30)])
    def test_the_breach_may_be_cured_within_thirty_days(self, day: date) -> None:
        history, notice = self.noticed()
        history.record(Cure(notice, day))
        assert history.end_date is None

    @pytest.mark.parametrize("day", [date(2026, 10, 31), date(2026, 11, 1)])
    def test_on_the_thirtieth_day_the_convention_is_over(self, day: date) -> None:
        history, notice = self.noticed()
        assert history.refusal(Cure(notice, day)) == "CURE_TOO_LATE"
        assert history.end_date == date(2026, 10, 31)

    def test_a_breach_is_not_cured_before_it_is_complained_of(self) -> None:
        history, notice = self.noticed()
        assert history.refusal(Cure(notice, self.RECEIVED - DAY)) == "DATE_BEFORE_CAUSE"

    def test_a_cure_to_come_is_none(self) -> None:
        history, notice = self.noticed()
        day = date(2026, 10, 10)
        assert history.refusal(Cure(notice, day), day - DAY) == "DATE_IN_FUTURE"

    def test_a_notice_is_cured_once(self) -> None:
        history, notice = self.noticed()
        history.record(Cure(notice, self.RECEIVED))
        assert history.refusal(Cure(notice, self.RECEIVED)) == "NOTICE_CURED"

    def test_only_a_formal_notice_is_cured(self) -> None:
        history, notice = self.noticed()
        letter = history.record(Denunciation(PARTNER, self.RECEIVED))
        assert history.refusal(Cure(UNKNOWN, TODAY)) == "FACT_UNKNOWN"
        assert history.refusal(Cure(letter, self.RECEIVED)) == "FACT_UNKNOWN"
        history.annul(notice)
        assert history.refusal(Cure(notice, self.RECEIVED)) == "FACT_UNKNOWN"


class TestForceMajeure:
    """Art. 10: over thirty days from the notification, either party may end the convention at once."""

    NOTIFIED = date(2026, 10, 1)

    def notified(self) -> History:
        history = signed()
        history.record(ForceMajeureNotification(PARTNER, self.NOTIFIED))
        return history

    @pytest.mark.parametrize("party", Party)
    def test_from_the_thirty_first_day_on_either_party_may_end_it(self, party: Party) -> None:
        history, day = self.notified(), date(2026, 11, 1)
        history.record(ForceMajeureTermination(party, day), day)
        assert history.end_date == day

    def test_thirty_days_are_not_more_than_thirty(self) -> None:
        day = date(2026, 10, 31)
        refusal = self.notified().refusal(ForceMajeureTermination(CAISSE, day), day)
        assert refusal == "FORCE_MAJEURE_TOO_SHORT"

    def test_it_ends_today_not_tomorrow(self) -> None:
        assert self.notified().refusal(ForceMajeureTermination(CAISSE, TOMORROW)) == "DATE_IN_FUTURE"

    def test_without_force_majeure_nobody_ends_it_so(self) -> None:
        assert signed().refusal(ForceMajeureTermination(CAISSE, TODAY)) == "NoForceMajeure"

    def test_once_it_is_over_nobody_ends_it_so(self) -> None:
        history = self.notified()
        history.record(ForceMajeureEnd(date(2026, 11, 20)))
        assert history.refusal(ForceMajeureTermination(CAISSE, TODAY)) == "NoForceMajeure"

    def test_what_is_over_is_not_ended_for_it(self) -> None:
        history = self.notified()
        history.record(AgreedEnd(date(2026, 11, 10)))
        assert history.refusal(ForceMajeureTermination(CAISSE, date(2026, 11, 10))) == "ConventionEnded"

    def test_it_is_notified_once_while_it_goes_on(self) -> None:
        history = self.notified()
        assert history.refusal(ForceMajeureNotification(CAISSE, TODAY)) == "ForceMajeureGoesOn"
        history.record(ForceMajeureEnd(date(2026, 11, 20)))
        history.record(ForceMajeureNotification(CAISSE, TODAY))
        assert history.ledger.force_majeure_since() == TODAY

    def test_only_what_goes_on_can_be_over(self) -> None:
        assert signed().refusal(ForceMajeureEnd(TODAY)) == "NoForceMajeure"

    def test_it_is_not_over_before_it_was_notified(self) -> None:
        assert self.notified().refusal(ForceMajeureEnd(self.NOTIFIED - DAY)) == "DATE_BEFORE_CAUSE"
        assert self.notified().refusal(ForceMajeureEnd(TOMORROW)) == "DATE_IN_FUTURE"

    def test_it_may_be_over_on_the_day_of_its_notification(self) -> None:
        history = self.notified()
        history.record(ForceMajeureEnd(self.NOTIFIED))
        assert history.ledger.force_majeure_since() is None

    def test_what_was_ended_for_it_cannot_be_said_to_have_passed(self) -> None:
        history = self.notified()
        termination = history.record(ForceMajeureTermination(CAISSE, TODAY))
        assert history.refusal(ForceMajeureEnd(date(2026, 10, 10))) == "ConventionEnded"
        history.annul(termination)
        history.record(ForceMajeureEnd(date(2026, 10, 10)))
        assert history.end_date is None


class TestAgreedEnd:
    """Art. 9-2, Code civil, art. 1193: the parties may agree on an end."""

    def test_today_ends_it_at_once(self) -> None:
        assert over().state_on(TODAY) is ENDED
        assert over().state_on(TODAY - DAY) is IN_FORCE

    def test_what_is_over_is_not_ended_again(self) -> None:
        assert over().refusal(AgreedEnd(TODAY)) == "ConventionEnded"
        assert over().refusal(AgreedEnd(SIGNED)) == "ConventionEnded"

    def test_an_end_that_lies_ahead_can_be_brought_forward(self) -> None:
        history = signed()
        history.record(AgreedEnd(date(2027, 3, 10)))
        history.record(AgreedEnd(TODAY))
        assert history.end_date == TODAY

    @pytest.mark.parametrize(
        "ended_by", [AgreedEnd(date(2027, 3, 10)), Denunciation(PARTNER, date(2026, 12, 10))]
    )
    def test_a_notice_given_stands(self, ended_by: Fact) -> None:
        history, day = signed(), date(2026, 12, 10)
        history.record(ended_by, day)
        assert history.refusal(AgreedEnd(date(2027, 3, 11)), day) == "END_PUT_OFF"
        history.record(AgreedEnd(date(2027, 3, 10)), day)
        assert history.end_date == date(2027, 3, 10)

    def test_it_does_not_end_before_it_was_signed(self) -> None:
        assert signed().refusal(AgreedEnd(BEFORE_SIGNATURE)) == "END_BEFORE_SIGNATURE"

    def test_ended_on_its_signature_it_is_over_before_it_began(self) -> None:
        mistaken = signed(date(2062, 1, 1), cnil=None)
        mistaken.record(AgreedEnd(date(2062, 1, 1)))
        assert mistaken.state_on(TODAY) is ENDED
        assert mistaken.state_on(SIGNED) is ENDED

    def test_a_draft_may_be_given_up(self) -> None:
        history = History()
        history.record(AgreedEnd(TODAY))
        assert history.state_on(TODAY - DAY) is DRAFT
        assert history.state_on(TODAY) is ENDED


class TestAmendments:
    """Art. 2: an avenant is signed by both; an annexe may evolve without one."""

    def test_both_must_have_signed_it(self) -> None:
        for days in ((TODAY, TOMORROW), (TOMORROW, TODAY)):
            assert signed().refusal(Amendment(1, "Tests", *days)) == "DATE_IN_FUTURE"

    @pytest.mark.parametrize("number", [-1, 0, 1, 3])
    def test_they_are_numbered_one_after_the_other(self, number: int) -> None:
        history = signed()
        history.record(Amendment(1, "Tests", SIGNED, TODAY))
        assert history.refusal(Amendment(number, "Tests", TODAY, TODAY)) == "AMENDMENT_NUMBER"
        history.record(Amendment(2, "Tests", TODAY, TODAY))
        assert [known.number for known in history.ledger.of(Amendment)] == [1, 2]

    def test_it_ends_nothing_and_moves_no_term(self) -> None:
        history = signed()
        before = history.convention
        history.record(Amendment(1, "Tests", TODAY, TODAY))
        assert history.convention == before

    def test_an_annexe_evolves_without_one(self) -> None:
        history = signed()
        history.record(AnnexVersion(1, 2, TODAY))
        assert history.ledger.of(Amendment) == []
        assert history.ledger.of(AnnexVersion) == [AnnexVersion(1, 2, TODAY)]

    @pytest.mark.parametrize("version", [-1, 0, 1, 2, 4])
    def test_the_versions_of_an_annexe_follow_one_another(self, version: int) -> None:
        history = signed()
        history.record(AnnexVersion(2, 2, TODAY))
        assert history.refusal(AnnexVersion(2, version, TODAY)) == "ANNEX_VERSION"
        history.record(AnnexVersion(2, 3, TODAY))
        assert [known.version for known in history.ledger.of(AnnexVersion)] == [2, 3]

    def test_each_annexe_is_counted_by_itself(self) -> None:
        history = signed()
        history.record(AnnexVersion(2, 2, TODAY))
        history.record(AnnexVersion(1, 2, TODAY))
        assert history.refusal(AnnexVersion(1, 2, TODAY)) == "ANNEX_VERSION"

    def test_the_first_version_came_with_the_convention(self) -> None:
        assert signed().refusal(AnnexVersion(1, 1, TODAY)) == "ANNEX_VERSION"
        assert signed().refusal(AnnexVersion(1, 2, BEFORE_SIGNATURE)) == "DATE_BEFORE_CAUSE"

    def test_a_version_may_be_announced(self) -> None:
        history = signed()
        history.record(AnnexVersion(1, 2, date(2027, 1, 1)))
        assert len(history.ledger.of(AnnexVersion)) == 1

    def test_a_draft_has_neither(self) -> None:
        assert History().refusal(AnnexVersion(1, 2, TODAY)) == "ConventionNotSigned"
        assert History().refusal(Amendment(1, "Tests", TODAY, TODAY)) == "ConventionNotSigned"


class TestProviders:
    """Art. 6-1: the partner has every provider sign an undertaking of confidentiality."""

    SINCE = date(2026, 5, 4)

    def declared(self) -> tuple[History, UUID]:
        history = signed()
        return history, history.record(ProviderDeclaration("Éditeur", self.SINCE))

    def test_one_may_have_worked_for_the_partner_before_the_convention(self) -> None:
        history = signed()
        history.record(ProviderDeclaration("Éditeur", date(2020, 1, 1)))
        assert len(history.ledger.missing_undertakings()) == 1

    def test_one_who_is_to_come_is_declared_when_he_does(self) -> None:
        assert signed().refusal(ProviderDeclaration("Éditeur", TOMORROW)) == "DATE_IN_FUTURE"

    def test_under_a_draft_there_is_nothing_to_see(self) -> None:
        assert History().refusal(ProviderDeclaration("Éditeur", TODAY)) == "ConventionNotSigned"

    def test_an_undertaking_is_received_once(self) -> None:
        history, provider = self.declared()
        history.record(ProviderUndertaking(provider, TODAY))
        assert history.refusal(ProviderUndertaking(provider, TODAY)) == "UNDERTAKING_KNOWN"

    def test_an_undertaking_is_some_declared_providers(self) -> None:
        history, provider = self.declared()
        assert history.refusal(ProviderUndertaking(UNKNOWN, TODAY)) == "FACT_UNKNOWN"
        assert history.refusal(ProviderUndertaking(provider, TOMORROW)) == "DATE_IN_FUTURE"

    def test_an_undertaking_may_come_before_the_work_or_after_the_end(self) -> None:
        history, provider = self.declared()
        history.record(ProviderUndertaking(provider, self.SINCE - DAY))
        assert history.ledger.missing_undertakings() == []
        late, provider = self.declared()
        late.record(AgreedEnd(TODAY))
        late.record(ProviderUndertaking(provider, TODAY))
        assert late.ledger.missing_undertakings() == []

    def test_a_provider_leaves_once_and_not_before_he_came(self) -> None:
        history, provider = self.declared()
        assert history.refusal(ProviderDeparture(UNKNOWN, TODAY)) == "FACT_UNKNOWN"
        assert history.refusal(ProviderDeparture(provider, self.SINCE - DAY)) == "DATE_BEFORE_CAUSE"
        assert history.refusal(ProviderDeparture(provider, TOMORROW)) == "DATE_IN_FUTURE"
        history.record(ProviderDeparture(provider, self.SINCE))
        assert history.refusal(ProviderDeparture(provider, TODAY)) == "PROVIDER_LEFT"


class TestAttestation:
    """Art. 6-1: returned or destroyed, attested in writing."""

    def test_it_is_received_after_the_end(self) -> None:
        history = over()
        history.record(Attestation(AttestationKind.RETURN, TODAY))
        assert not history.ledger.attestation_due_on(TODAY)

    def test_while_the_convention_lasts_none_is_due(self) -> None:
        assert signed().refusal(Attestation(AttestationKind.RETURN, TODAY)) == "AttestationNotDue"
        noticed = signed()
        noticed.record(AgreedEnd(TOMORROW))
        assert noticed.refusal(Attestation(AttestationKind.RETURN, TODAY)) == "AttestationNotDue"

    def test_one_from_before_the_end_attests_nothing(self) -> None:
        assert over().refusal(Attestation(AttestationKind.RETURN, TODAY - DAY)) == "DATE_BEFORE_CAUSE"

    def test_one_to_come_attests_nothing(self) -> None:
        assert over().refusal(Attestation(AttestationKind.RETURN, TOMORROW)) == "DATE_IN_FUTURE"

    def test_one_is_enough(self) -> None:
        history = over()
        history.record(Attestation(AttestationKind.DESTRUCTION, TODAY))
        assert history.refusal(Attestation(AttestationKind.RETURN, TODAY)) == "AttestationNotDue"

    def test_where_nothing_was_shown_none_is_due(self) -> None:
        history = signed(cnil=None)
        history.record(AgreedEnd(TODAY))
        assert history.refusal(Attestation(AttestationKind.RETURN, TODAY)) == "AttestationNotDue"


class TestAnnulment:
    """A fact recorded by mistake is void, unless something rests on it."""

    def test_it_names_a_fact_that_stands(self) -> None:
        history = signed()
        letter = history.record(Denunciation(PARTNER, TODAY))
        assert history.refusal(Annulment(UNKNOWN)) == "FACT_UNKNOWN"
        annulment = history.annul(letter)
        assert history.refusal(Annulment(letter)) == "FACT_UNKNOWN"
        assert history.refusal(Annulment(annulment)) == "FACT_UNKNOWN"

    def test_a_signature_cannot_be_voided(self) -> None:
        """Art. 9-1: what was signed was signed; whoever entered it wrongly ends it on its first day."""
        history = signed()
        for one in history.recorded[:2]:
            assert history.refusal(Annulment(one.fact_id)) == "FactStands"

    def test_what_a_later_fact_rests_on_stands(self) -> None:
        history = signed()
        notice = history.record(FormalNotice(CAISSE, date(2026, 10, 1)))
        cure = history.record(Cure(notice, date(2026, 10, 15)))
        assert history.refusal(Annulment(notice)) == "FactStands"
        history.annul(cure)
        history.annul(notice)
        assert history.end_date is None

    def test_the_cure_on_which_the_rest_of_its_life_rests_stands(self) -> None:
        """Art. 9-2: without it the convention had been over when the avenant was signed."""
        history = signed()
        notice = history.record(FormalNotice(CAISSE, date(2026, 5, 1)))
        cure = history.record(Cure(notice, date(2026, 5, 20)))
        history.record(Amendment(1, "Tests", TODAY, TODAY))
        assert history.refusal(Annulment(cure)) == "FactStands"

    def test_the_end_on_which_an_attestation_rests_stands(self) -> None:
        """Art. 6-1."""
        history = signed()
        end = history.record(AgreedEnd(TODAY))
        attestation = history.record(Attestation(AttestationKind.RETURN, TODAY))
        assert history.refusal(Annulment(end)) == "FactStands"
        history.annul(attestation)
        history.annul(end)
        assert history.state_on(TODAY) is IN_FORCE

    def test_the_notification_on_which_a_termination_rests_stands(self) -> None:
        """Art. 10."""
        history = signed()
        notification = history.record(ForceMajeureNotification(PARTNER, date(2026, 10, 1)))
        history.record(ForceMajeureTermination(PARTNER, TODAY))
        assert history.refusal(Annulment(notification)) == "FactStands"

    def test_of_the_amendments_the_last_goes_first(self) -> None:
        """Art. 2."""
        history = signed()
        first, second = (history.record(Amendment(number, "Tests", TODAY, TODAY)) for number in (1, 2))
        assert history.refusal(Annulment(first)) == "FactStands"
        history.annul(second)
        history.annul(first)
        assert history.ledger.of(Amendment) == []

    def test_a_provider_goes_after_his_undertaking(self) -> None:
        """Art. 6-1."""
        history = signed()
        provider = history.record(ProviderDeclaration("Éditeur", TODAY))
        undertaking = history.record(ProviderUndertaking(provider, TODAY))
        assert history.refusal(Annulment(provider)) == "FactStands"
        history.annul(undertaking)
        history.annul(provider)
        assert history.ledger.missing_undertakings() == []

    def test_what_was_judged_on_its_own_day_is_judged_so_again(self) -> None:
        """A fact is not too late because another one is annulled years after."""
        history = signed()
        letter = history.record(Denunciation(PARTNER, date(2025, 6, 1)), date(2025, 6, 1))
        history.record(AgreedEnd(date(2025, 12, 1)), date(2025, 7, 1))
        history.record(CnilDeclaration(date(2025, 4, 1)), date(2025, 8, 1))
        history.record(Attestation(AttestationKind.RETURN, date(2026, 1, 5)), date(2026, 1, 5))
        history.annul(letter, date(2030, 1, 1))
        assert history.end_date == date(2025, 12, 1)

    def test_an_end_that_has_come_may_still_turn_out_a_mistake(self) -> None:
        history = signed()
        notice = history.record(FormalNotice(CAISSE, date(2026, 5, 1)))
        assert history.state_on(TODAY) is ENDED
        history.annul(notice)
        assert history.state_on(TODAY) is IN_FORCE


class TestRefusals:
    """Whoever is refused learns which article stands against it, and nothing of what he sent."""

    @pytest.mark.parametrize(
        ("fact", "article"),
        [
            (Signature(CAISSE, TODAY), "art. 9-1"),
            (Denunciation(PARTNER, BEFORE_SIGNATURE), "art. 9-2"),
            (FormalNotice(PARTNER, BEFORE_SIGNATURE), "art. 9-2"),
            (Cure(UNKNOWN, TODAY), "art. 9-2"),
            (AgreedEnd(BEFORE_SIGNATURE), "art. 9-1"),
            (ForceMajeureNotification(PARTNER, BEFORE_SIGNATURE), "art. 10"),
            (ForceMajeureEnd(TODAY), "art. 10"),
            (ForceMajeureTermination(PARTNER, TODAY), "art. 10"),
            (Amendment(1, "Tests", BEFORE_SIGNATURE, TODAY), "art. 2"),
            (Amendment(7, "Tests", TODAY, TODAY), "art. 2"),
            (AnnexVersion(1, 7, TODAY), "art. 2"),
            (AnnexVersion(1, 2, BEFORE_SIGNATURE), "art. 2"),
            (ProviderUndertaking(UNKNOWN, TODAY), "art. 6-1"),
            (ProviderDeparture(UNKNOWN, TODAY), "art. 6-1"),
            (Attestation(AttestationKind.RETURN, TODAY), "art. 6-1"),
            (Annulment(UUID(int=1)), "art. 9-1"),
        ],
    )
    def test_each_names_its_article(self, fact: Fact, article: str) -> None:
        with pytest.raises(DomainError) as refused:
            admit(fact, signed().recorded, TODAY)
        if isinstance(refused.value, InvalidField):
            (violation,) = refused.value.violations
            assert f"({article})" in violation.description
        else:
            assert f"({article})" in refused.value.message

    def test_what_is_over_says_so_by_its_article(self) -> None:
        with pytest.raises(DomainError) as refused:
            admit(CnilDeclaration(TODAY), over().recorded, TODAY)
        assert "(art. 9-2)" in refused.value.message
