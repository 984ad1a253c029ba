"""The whole life of a convention, drawn at random and compared with one that is told day after day."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.kit.clock import paris_date
from services.kit.errors import DomainError, InvalidField
from services.partners.conventions.admission import admit
from services.partners.conventions.domain import Ledger, denounced_term
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
from services.partners.conventions.timeline import TimelineEvent, timeline
from tests.unit.partners.convention_days import (
    CHANGES_OF_HOUR,
    DAY,
    DAYS,
    FIRST,
    LAST,
    SHIFTS,
    every_day,
    first_moment_of,
    last_moment_of,
    next_special,
)
from tests.unit.partners.convention_history import (
    CAISSE,
    ENDED,
    IN_FORCE,
    PARTNER,
    UNKNOWN,
    made_of,
    signed,
)
from tests.unit.partners.convention_model import Life, last_letter_day, sleeps, term_after

PARTIES = st.sampled_from(Party)
PROGRESS = {"DRAFT": 0, "PENDING": 0, "IN_FORCE": 1, "ENDED": 2}
NAMES_NO_ARTICLE = {"DATE_IN_FUTURE", "FACT_UNKNOWN"}  # no article says that days come one after the other


class Moment(StrEnum):
    """A day that something hangs on."""

    TODAY = "TODAY"
    SPECIAL = "SPECIAL"
    SIGNATURE = "SIGNATURE"
    LAST_LETTER = "LAST_LETTER"
    TERM = "TERM"
    NOTICE = "NOTICE"
    NOTICE_END = "NOTICE_END"
    FORCE_MAJEURE = "FORCE_MAJEURE"
    TOO_LONG = "TOO_LONG"
    END = "END"


MOMENTS = st.sampled_from(Moment)
OFTEN_TODAY = st.one_of(st.just(Moment.TODAY), st.just(Moment.TODAY), MOMENTS)
FAR_SHIFTS = st.one_of(SHIFTS, SHIFTS, SHIFTS, st.integers(-400, 400))
ABOUT_THIRTY_DAYS = st.integers(28, 32)
BEGINNINGS = st.sampled_from([*[(CAISSE, PARTNER), (PARTNER, CAISSE)] * 4, (CAISSE,), (PARTNER,), ()])


class ConventionLife(RuleBasedStateMachine):
    """Days go by; whatever may happen to a convention is tried, and what is refused leaves no mark."""

    def __init__(self) -> None:
        super().__init__()
        self.today = FIRST
        self.recorded: tuple[RecordedFact, ...] = ()
        self.life = Life()
        self.convention = made_of(())

    @initialize(today=DAYS, parties=BEGINNINGS)
    def begins(self, today: date, parties: Sequence[Party]) -> None:
        self.today = min(today, date(2040, 1, 1))
        for party in parties:
            self._try(Signature(party, self.today))
        if len(parties) > 1:
            self._try(CnilDeclaration(self.today))

    @rule(moment=MOMENTS, shift=SHIFTS)
    def time_goes_by_until(self, moment: Moment, shift: int) -> None:
        day = self._day(moment, shift)
        self.today = day if self.today < day <= LAST else min(next_special(self.today) + shift * DAY, LAST)

    @rule(days=st.integers(1, 200))
    def days_go_by(self, days: int) -> None:
        self._time_goes_by(days)

    @rule(party=PARTIES, moment=OFTEN_TODAY, shift=FAR_SHIFTS)
    def a_party_signs(self, party: Party, moment: Moment, shift: int) -> None:
        self._try(Signature(party, self._day(moment, shift)))

    @rule(moment=OFTEN_TODAY, shift=FAR_SHIFTS)
    def the_cnil_is_told(self, moment: Moment, shift: int) -> None:
        self._try(CnilDeclaration(self._day(moment, shift)))

    @rule(party=PARTIES, moment=MOMENTS, shift=FAR_SHIFTS)
    def a_party_denounces(self, party: Party, moment: Moment, shift: int) -> None:
        self._try(Denunciation(party, self._day(moment, shift)))

    @rule(party=PARTIES, moment=MOMENTS, shift=FAR_SHIFTS)
    def a_party_gives_formal_notice(self, party: Party, moment: Moment, shift: int) -> None:
        self._try(FormalNotice(party, self._day(moment, shift)))

    @rule(pick=st.integers(0), moment=MOMENTS, shift=FAR_SHIFTS)
    def a_breach_is_cured(self, pick: int, moment: Moment, shift: int) -> None:
        self._try(Cure(self._some(FormalNotice, pick), self._day(moment, shift)))

    @rule(party=PARTIES, moment=OFTEN_TODAY, shift=FAR_SHIFTS)
    def force_majeure_is_notified(self, party: Party, moment: Moment, shift: int) -> None:
        self._try(ForceMajeureNotification(party, self._day(moment, shift)))

    @rule(moment=MOMENTS, shift=FAR_SHIFTS)
    def force_majeure_is_over(self, moment: Moment, shift: int) -> None:
        self._try(ForceMajeureEnd(self._day(moment, shift)))

    @rule(party=PARTIES, moment=MOMENTS, shift=FAR_SHIFTS)
    def a_party_ends_it_for_force_majeure(self, party: Party, moment: Moment, shift: int) -> None:
        self._try(ForceMajeureTermination(party, self._day(moment, shift)))

    @rule(moment=MOMENTS, shift=FAR_SHIFTS, years=st.integers(0, 9))
    def the_parties_agree_on_an_end(self, moment: Moment, shift: int, years: int) -> None:
        self._try(AgreedEnd(self._day(moment, shift + 365 * years)))

    @rule(party=PARTIES, shift=st.sampled_from([-1, 0, 0, 1, 1, 60]))
    def a_party_denounces_about_the_last_day(self, party: Party, shift: int) -> None:
        last_day = self._day(Moment.LAST_LETTER, shift)
        self._time_goes_by((last_day - self.today).days)
        self._try(Denunciation(party, last_day))

    @rule(party=PARTIES, days=ABOUT_THIRTY_DAYS, shift=st.sampled_from([-1, 0, 0, 0]))
    def a_party_has_thirty_days(self, party: Party, days: int, shift: int) -> None:
        self._try(FormalNotice(party, self.today))
        notice = self._some(FormalNotice, 1)
        self._time_goes_by(days)
        self._try(Cure(notice, self.today + shift * DAY))

    @rule(party=PARTIES, days=ABOUT_THIRTY_DAYS, shift=st.sampled_from([-1, 0, 0, 0]))
    def force_majeure_lasts(self, party: Party, days: int, shift: int) -> None:
        self._try(ForceMajeureNotification(party, self.today))
        self._time_goes_by(days)
        self._try(ForceMajeureTermination(party, self.today + shift * DAY))

    @rule(kind=st.sampled_from(AttestationKind), days=st.integers(-1, 40))
    def the_partner_attests_after_the_end(self, kind: AttestationKind, days: int) -> None:
        end = self.life.end or self.today
        self._time_goes_by((end - self.today).days + days)
        self._try(Attestation(kind, self.today))

    @rule(beyond=st.sampled_from([0, 1, 1, 1, 2]), moments=st.tuples(OFTEN_TODAY, OFTEN_TODAY), shift=SHIFTS)
    def an_amendment_is_signed(self, beyond: int, moments: tuple[Moment, Moment], shift: int) -> None:
        number = len(self.life.all(Amendment)) + beyond
        caisse, partner = (self._day(moment, shift) for moment in moments)
        self._try(Amendment(number, "Tests", caisse, partner))

    @rule(annex=st.sampled_from([1, 2]), version=st.integers(1, 5), moment=OFTEN_TODAY, shift=SHIFTS)
    def an_annexe_evolves(self, annex: int, version: int, moment: Moment, shift: int) -> None:
        self._try(AnnexVersion(annex, version, self._day(moment, shift)))

    @rule(moment=OFTEN_TODAY, shift=FAR_SHIFTS)
    def a_provider_is_declared(self, moment: Moment, shift: int) -> None:
        self._try(ProviderDeclaration("Éditeur", self._day(moment, shift)))

    @rule(pick=st.integers(0), moment=OFTEN_TODAY, shift=FAR_SHIFTS)
    def a_provider_undertakes(self, pick: int, moment: Moment, shift: int) -> None:
        self._try(ProviderUndertaking(self._some(ProviderDeclaration, pick), self._day(moment, shift)))

    @rule(pick=st.integers(0), moment=OFTEN_TODAY, shift=FAR_SHIFTS)
    def a_provider_leaves(self, pick: int, moment: Moment, shift: int) -> None:
        self._try(ProviderDeparture(self._some(ProviderDeclaration, pick), self._day(moment, shift)))

    @rule(kind=st.sampled_from(AttestationKind), moment=OFTEN_TODAY, shift=FAR_SHIFTS)
    def the_partner_attests(self, kind: AttestationKind, moment: Moment, shift: int) -> None:
        self._try(Attestation(kind, self._day(moment, shift)))

    @rule(pick=st.integers(0))
    def a_fact_is_annulled(self, pick: int) -> None:
        ids = [one.fact_id for one in self.recorded] or [UNKNOWN]
        self._try(Annulment(ids[-1 - pick % len(ids)]))

    @rule()
    def what_was_told_last_is_taken_back(self) -> None:
        """Annulment restores exactly the earlier state."""
        if not self.recorded or isinstance(self.recorded[-1].fact, Annulment | Signature):
            return
        before = made_of(self.recorded[:-1])
        self._try(Annulment(self.recorded[-1].fact_id))
        assert self.convention == before

    @rule(party=PARTIES, swapped=st.booleans())
    def two_letters_come_on_one_day(self, party: Party, swapped: bool) -> None:
        """Their order says nothing."""
        letters: list[Fact] = [Denunciation(party, self.today), FormalNotice(party, self.today)]
        before = self.recorded
        for letter in letters[::-1] if swapped else letters:
            self._try(letter)
        latest = self.recorded[len(before) :]
        assert made_of((*before, *latest[::-1])) == self.convention

    @invariant()
    def it_ends_when_the_walk_ends(self) -> None:
        assert self.convention.end_date == self.life.end

    @invariant()
    def it_stands_where_the_walk_stands(self) -> None:
        for moment in self._moments().values():
            for day in every_day(moment - 2 * DAY, moment + 2 * DAY):
                assert self.convention.state_on(day) == self.life.state(day)

    @invariant()
    def its_terms_are_those_of_the_walk(self) -> None:
        signed_on, end = self.life.signed, self.life.end
        if signed_on is None:
            assert self.convention.term_date_on(self.today) is None
            assert self.convention.last_denunciation_date_on(self.today) is None
            return
        last = self.today if end is None else min(self.today, end - DAY)
        term = term_after(signed_on, last)
        assert self.convention.term_date_on(self.today) == term
        open_to_letters = end is None or end > term
        expected = last_letter_day(term) if open_to_letters else None
        assert self.convention.last_denunciation_date_on(self.today) == expected

    @invariant()
    def it_owes_what_it_owes(self) -> None:
        ledger = Ledger(self.recorded)
        assert ledger.attestation_due_on(self.today) == self.life.attestation_is_due(self.today)
        settled = [undertaken.provider_id for undertaken in self.life.all(ProviderUndertaking)]
        settled += [departed.provider_id for departed in self.life.all(ProviderDeparture)]
        assert [missing.provider_id for missing in ledger.missing_undertakings()] == [
            fact_id
            for fact_id, (fact, _) in self.life.told.items()
            if isinstance(fact, ProviderDeclaration) and fact_id not in settled
        ]

    @invariant()
    def its_timeline_is_in_order_and_tells_of_its_end(self) -> None:
        entries = timeline(self.convention, self.recorded, self.today)
        assert all(earlier.day <= later.day for earlier, later in pairwise(entries))
        told = {event: [entry.day for entry in entries if entry.event is event] for event in TimelineEvent}
        end = self.life.end
        assert told[TimelineEvent.TODAY] == [self.today]
        assert told[TimelineEvent.END] == ([] if end is None else [end])
        while_it_lasts = (
            TimelineEvent.EFFECT,
            TimelineEvent.RENEWAL,
            TimelineEvent.FORCE_MAJEURE_TERMINATION_OPEN,
        )
        assert all(end is None or day < end for event in while_it_lasts for day in told[event])

    def teardown(self) -> None:
        """Looks back on every day of it."""
        reached = 0
        days = [self.today, *self._moments().values(), *filter(None, [self.life.cnil])]
        for day in every_day(min(days) - 2 * DAY, max(days) + 2 * DAY):
            state = self.convention.state_on(day)
            assert state == self.life.state(day)
            assert PROGRESS[state] >= reached
            reached = PROGRESS[state]
        self._replay(self.recorded)
        self._replay(Ledger(self.recorded).standing)

    def _time_goes_by(self, days: int) -> None:
        self.today = max(self.today, min(self.today + days * DAY, LAST))

    def _try(self, fact: Fact) -> None:
        """Records `fact` if it is admitted, as the walk says it must or must not be."""
        before, allowed = made_of(self.recorded), self.life.allows(fact, self.today)
        try:
            admit(fact, self.recorded, self.today)
        except DomainError as refusal:
            assert not allowed
            assert made_of(self.recorded) == before == self.convention
            assert_names_its_article(refusal)
            return
        assert allowed
        fact_id = UUID(int=len(self.recorded) + 1)
        moment = last_moment_of(self.today) if len(self.recorded) % 2 else first_moment_of(self.today)
        self.recorded = (*self.recorded, RecordedFact(fact_id, moment, fact))
        self.life.tell(fact_id, fact, self.today)
        self.convention = made_of(self.recorded)
        assert self.convention == made_of(self.recorded)

    def _replay(self, recorded: Sequence[RecordedFact]) -> None:
        """Whatever was admitted is admitted again, and makes the same convention."""
        for number, one in enumerate(recorded):
            admit(one.fact, recorded[:number], paris_date(one.record_time))
        assert made_of(recorded) == self.convention

    def _some(self, kind: type[FormalNotice | ProviderDeclaration], pick: int) -> UUID:
        """The id of some fact of that kind, void ones too, and now and then of none."""
        ids = [one.fact_id for one in self.recorded if isinstance(one.fact, kind)]
        ids += [UNKNOWN] if pick % 5 == 4 or not ids else []
        return ids[-1 - pick % len(ids)]

    def _day(self, moment: Moment, shift: int) -> date:
        return self._moments()[moment] + shift * DAY

    def _moments(self) -> dict[Moment, date]:
        signed_on = self.life.signed or self.today
        notices = self.life.all(FormalNotice)
        notice = notices[-1].receipt_date if notices else self.today
        since = self.life.force_majeure() or self.today
        term = term_after(signed_on, self.today)
        return {
            Moment.TODAY: self.today,
            Moment.SPECIAL: next_special(self.today),
            Moment.SIGNATURE: signed_on,
            Moment.LAST_LETTER: last_letter_day(term),
            Moment.TERM: term,
            Moment.NOTICE: notice,
            Moment.NOTICE_END: sleeps(notice, 30),
            Moment.FORCE_MAJEURE: since,
            Moment.TOO_LONG: sleeps(since, 31),
            Moment.END: self.life.end or self.today,
        }


def assert_names_its_article(refusal: DomainError) -> None:
    """Whoever is refused can read why in the convention."""
    if not isinstance(refusal, InvalidField):
        assert "art. " in refusal.message
        return
    for violation in refusal.violations:
        assert violation.rule in NAMES_NO_ARTICLE or "art. " in violation.description


TestConventionLife = ConventionLife.TestCase
TestConventionLife.settings = settings(max_examples=200, stateful_step_count=35, deadline=None)


class TestMidnight:
    """Art. 9-2: whole days of Paris, in winter, in summer and when the hour changes."""

    @given(signed_on=DAYS, years=st.integers(0, 6))
    @example(signed_on=date(2024, 2, 29), years=0)
    @example(signed_on=date(2020, 2, 29), years=3)
    @example(signed_on=date(2022, 5, 31), years=0)
    @example(signed_on=date(2023, 5, 31), years=0)
    @example(signed_on=date(2025, 6, 29), years=0)  # its last day is 29 March 2026: the hour changes
    @example(signed_on=date(2026, 1, 25), years=0)  # its last day is 25 October 2026: the hour changes
    def test_a_denunciation_counts_until_midnight_of_the_last_day(self, signed_on: date, years: int) -> None:
        term = signed_on
        for _ in range(years + 1):
            term = term_after(signed_on, term)
        last_day = last_letter_day(term)
        in_time, too_late = paris_date(last_moment_of(last_day)), paris_date(first_moment_of(last_day + DAY))
        for receipt_date, end_date in ((in_time, term), (too_late, term_after(signed_on, term))):
            history = signed(signed_on, signed_on)
            history.record(Denunciation(PARTNER, receipt_date), receipt_date)
            assert history.end_date == end_date
            assert history.state_on(paris_date(last_moment_of(end_date - DAY))) is IN_FORCE
            assert history.state_on(paris_date(first_moment_of(end_date))) is ENDED

    def test_every_change_of_hour_that_is_a_last_day_lasts_until_midnight(self) -> None:
        tried = 0
        for day in CHANGES_OF_HOUR[2:]:
            for term in every_day(sleeps(day, 85), sleeps(day, 95)):
                if last_letter_day(term) == day:
                    signed_on = date(term.year - 1, term.month, term.day)
                    assert denounced_term(signed_on, paris_date(last_moment_of(day))) == term
                    assert denounced_term(signed_on, paris_date(first_moment_of(day + DAY))) > term
                    tried += 1
        assert tried > 45

    @given(day=DAYS)
    @example(day=date(2024, 1, 30))  # thirty days later it is 29 February
    @example(day=date(2026, 2, 27))  # thirty days later the hour changes
    @example(day=date(2026, 9, 25))
    def test_a_breach_may_be_cured_until_midnight_of_the_twenty_ninth_day(self, day: date) -> None:
        history = signed(date(2018, 1, 1), date(2018, 1, 1))
        receipt = paris_date(last_moment_of(day))
        notice = history.record(FormalNotice(CAISSE, receipt), receipt)
        end = sleeps(day, 30)
        assert history.end_date == end
        late = paris_date(first_moment_of(end))
        assert history.refusal(Cure(notice, late), late) == "CURE_TOO_LATE"
        in_time = paris_date(last_moment_of(end - DAY))
        history.record(Cure(notice, in_time), late)
        assert history.end_date is None

    @given(day=st.sampled_from(CHANGES_OF_HOUR), shift=st.integers(-31, 31))
    def test_thirty_days_over_a_change_of_hour_are_thirty(self, day: date, shift: int) -> None:
        received = max(day + shift * DAY, FIRST)
        history = signed(date(2018, 1, 1), date(2018, 1, 1))
        history.record(FormalNotice(CAISSE, paris_date(first_moment_of(received))), received)
        assert history.end_date == paris_date(datetime.combine(sleeps(received, 30), time(12), UTC))


class TestTwoLetters:
    """Art. 9-2: the earliest end counts, whoever wrote first."""

    @given(
        day=DAYS,
        letters=st.lists(
            st.tuples(st.sampled_from([Denunciation, FormalNotice]), PARTIES), min_size=2, max_size=4
        ),
        order=st.permutations(range(4)),
    )
    @example(
        day=date(2024, 2, 29),
        letters=[(Denunciation, CAISSE), (FormalNotice, PARTNER)],
        order=[1, 0, 2, 3],
    )
    def test_on_one_day_their_order_says_nothing(
        self, day: date, letters: list[tuple[type[Denunciation | FormalNotice], Party]], order: list[int]
    ) -> None:
        history = signed(date(2018, 5, 31), date(2018, 5, 31))
        for kind, party in letters:
            history.record(kind(party, day), day)
        shuffled = [history.recorded[3 + place] for place in order if place < len(letters)]
        assert made_of([*history.recorded[:3], *shuffled]) == history.convention

    @given(first=DAYS, later=st.integers(-29, 29))
    @example(first=date(2024, 2, 29), later=0)
    def test_of_two_formal_notices_the_one_that_is_not_cured_counts(self, first: date, later: int) -> None:
        second = first + later * DAY
        history = signed(date(2018, 1, 1), date(2018, 1, 1))
        today = max(first, second)
        one, other = (history.record(FormalNotice(CAISSE, day), today) for day in (first, second))
        assert history.end_date == sleeps(min(first, second), 30)
        history.record(Cure(one, first), today)
        assert history.end_date == sleeps(second, 30)
        history.record(Cure(other, second), today)
        assert history.end_date is None

    @given(signed_on=DAYS, letter=st.integers(0, 800), later=st.integers(-29, 88))
    @example(signed_on=date(2022, 5, 31), letter=273, later=88)
    def test_a_denunciation_and_a_breach_end_it_at_the_earlier(
        self, signed_on: date, letter: int, later: int
    ) -> None:
        denounced = signed_on + letter * DAY
        noticed = max(signed_on, denounced + later * DAY)
        history = signed(signed_on, signed_on)
        history.record(Denunciation(PARTNER, denounced), max(denounced, noticed))
        history.record(FormalNotice(CAISSE, noticed), max(denounced, noticed))
        assert history.end_date == min(denounced_term(signed_on, denounced), sleeps(noticed, 30))


class TestRenewal:
    """Art. 9-1: "renouvelable tacitement": nothing but an end stops it."""

    @given(signed_on=DAYS, day=st.integers(0, 9000))
    @example(signed_on=date(2024, 2, 29), day=365)
    def test_time_alone_ends_nothing(self, signed_on: date, day: int) -> None:
        history, later = signed(signed_on, signed_on), signed_on + day * DAY
        assert history.state_on(later) is IN_FORCE
        assert TimelineEvent.END not in {entry.event for entry in history.timeline_on(later)}

    @given(signed_on=DAYS, days=st.lists(st.integers(0, 2000), min_size=1, max_size=4))
    @example(signed_on=date(2024, 2, 29), days=[365])
    def test_what_ends_nothing_leaves_the_convention_as_it_was(
        self, signed_on: date, days: list[int]
    ) -> None:
        """Art. 2, 6-1, 7-2, 10: avenants, annexes, providers and force majeure move no term."""
        history = signed(signed_on, signed_on)
        before = history.convention
        for number, after in enumerate(sorted(days), 1):
            day = signed_on + after * DAY
            history.record(Amendment(number, "Tests", day, day), day)
            history.record(AnnexVersion(1, number + 1, day), day)
            provider = history.record(ProviderDeclaration("Éditeur", day), day)
            history.record(ProviderUndertaking(provider, day), day)
            history.record(ForceMajeureNotification(CAISSE, day), day)
            if number % 2:
                history.record(ForceMajeureEnd(day), day)
            else:
                break
        assert history.convention == before


class TestAnnulment:
    """What is void leaves exactly what there was."""

    @given(day=DAYS, pick=st.integers(0, 7))
    @example(day=date(2024, 2, 29), pick=0)
    def test_it_restores_the_earlier_state_on_every_day(self, day: date, pick: int) -> None:
        history = signed(date(2018, 2, 28), date(2018, 2, 28))
        history.record(ForceMajeureNotification(PARTNER, day - 40 * DAY), day)
        before, seen = history.convention, history.timeline_on(day)
        facts: list[Fact] = [
            Denunciation(PARTNER, day),
            FormalNotice(CAISSE, day),
            AgreedEnd(day),
            CnilDeclaration(day),
            ForceMajeureTermination(CAISSE, day),
            ForceMajeureEnd(day),
            Amendment(1, "Tests", day, day),
            ProviderDeclaration("Éditeur", day),
        ]
        history.annul(history.record(facts[pick], day), day)
        assert history.convention == before
        assert history.timeline_on(day) == seen
