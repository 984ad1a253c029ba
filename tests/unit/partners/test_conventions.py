"""Where a convention stands on any day, from three days: signature, CNIL declaration, end."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.kit.clock import paris_date
from services.kit.errors import InvalidField, RecordAlreadyExists
from services.partners.conventions.domain import (
    Convention,
    denounced_term,
    force_majeure_termination_date,
    last_denunciation_date,
    next_term,
    notice_end,
    require_no_other,
    require_none_without_end,
    require_own_caisse,
)
from services.partners.conventions.facts import FormalNotice, Party
from services.partners.partners.domain import Partner
from tests.unit.partners.convention_days import ANY_DAYS, CHANGES_OF_HOUR, DAY, DAYS, first_moment_of
from tests.unit.partners.convention_history import DRAFT, ENDED, IN_FORCE, PENDING, SIGNED, TODAY
from tests.unit.partners.convention_model import last_letter_day, sleeps, term_after

NOBODY_KNOWS = st.none()


def convention(
    signature_date: date | None = SIGNED, cnil: date | None = SIGNED, end_date: date | None = None
) -> Convention:
    return Convention(UUID(int=1), UUID(int=2), "21", signature_date, cnil, end_date)


class TestEffect:
    """Art. 9-1: effect at the signature, provided that the CNIL declaration has been transmitted."""

    def test_it_has_effect_from_the_day_of_its_signature(self) -> None:
        assert convention().state_on(SIGNED) is IN_FORCE
        assert convention().state_on(SIGNED - DAY) is PENDING

    def test_unsigned_it_is_a_draft_whatever_the_cnil_was_told(self) -> None:
        assert convention(None).state_on(TODAY) is DRAFT
        assert convention(None, None).state_on(date(2199, 12, 31)) is DRAFT
        assert convention(None).effect_date is None

    def test_it_waits_for_the_cnil_declaration(self) -> None:
        assert convention(cnil=None).state_on(TODAY) is PENDING
        assert convention(cnil=None).effect_date is None

    def test_a_later_cnil_declaration_delays_the_effect(self) -> None:
        late = convention(cnil=date(2025, 4, 2))
        assert late.state_on(date(2025, 4, 1)) is PENDING
        assert late.state_on(date(2025, 4, 2)) is IN_FORCE
        assert late.effect_date == date(2025, 4, 2)

    def test_an_earlier_cnil_declaration_does_not_advance_it(self) -> None:
        early = convention(cnil=date(2025, 1, 2))
        assert early.state_on(date(2025, 3, 9)) is PENDING
        assert early.state_on(SIGNED) is IN_FORCE

    def test_the_new_year_begins_in_paris_not_in_greenwich(self) -> None:
        new_year = convention(date(2027, 1, 1), date(2027, 1, 1))
        assert new_year.state_on(paris_date(datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC))) is PENDING
        assert new_year.state_on(paris_date(datetime(2026, 12, 31, 23, 0, tzinfo=UTC))) is IN_FORCE

    def test_in_summer_the_day_begins_two_hours_before_greenwich(self) -> None:
        over = convention(end_date=date(2026, 7, 1))
        assert over.state_on(paris_date(datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC))) is IN_FORCE
        assert over.state_on(paris_date(datetime(2026, 6, 30, 22, 0, tzinfo=UTC))) is ENDED

    @pytest.mark.parametrize(
        ("midnight", "day"),
        [
            (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), date(2026, 3, 29)),
            (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30)),
            (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), date(2026, 10, 25)),
            (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
        ],
    )
    def test_the_days_around_a_change_of_hour_begin_at_their_own_midnight(
        self, midnight: datetime, day: date
    ) -> None:
        signed = convention(day, day)
        assert signed.state_on(paris_date(midnight - timedelta(microseconds=1))) is PENDING
        assert signed.state_on(paris_date(midnight)) is IN_FORCE

    def test_every_change_of_hour_of_these_years_is_tried(self) -> None:
        assert {date(2026, 3, 29), date(2026, 10, 25)} <= set(CHANGES_OF_HOUR)
        assert len(CHANGES_OF_HOUR) == 2 * 27
        for day in CHANGES_OF_HOUR:
            assert convention(day, day).state_on(paris_date(first_moment_of(day))) is IN_FORCE


class TestTerm:
    """Art. 9-1: one year, renewed tacitly year after year."""

    def test_a_term_ends_on_the_anniversary_of_the_signature(self) -> None:
        assert convention().term_date_on(SIGNED) == date(2026, 3, 10)
        assert convention().term_date_on(date(2026, 3, 9)) == date(2026, 3, 10)

    def test_on_the_anniversary_the_next_term_has_begun(self) -> None:
        assert convention().term_date_on(date(2026, 3, 10)) == date(2027, 3, 10)
        assert convention().state_on(date(2026, 3, 10)) is IN_FORCE

    def test_the_year_runs_from_the_signature_not_from_a_late_effect(self) -> None:
        late = convention(cnil=date(2025, 12, 1))
        assert late.term_date_on(date(2025, 12, 1)) == date(2026, 3, 10)

    def test_it_renews_itself_while_the_cnil_declaration_is_awaited(self) -> None:
        assert convention(cnil=None).term_date_on(date(2028, 6, 1)) == date(2029, 3, 10)

    def test_a_draft_has_no_term(self) -> None:
        assert convention(None).term_date_on(TODAY) is None
        assert convention(None, end_date=TODAY).term_date_on(TODAY) is None

    def test_before_the_signature_the_first_term_is_shown(self) -> None:
        assert convention().term_date_on(date(2020, 6, 1)) == date(2026, 3, 10)

    def test_a_convention_that_is_over_shows_the_term_of_its_last_day(self) -> None:
        assert convention(end_date=date(2026, 3, 10)).term_date_on(TODAY) == date(2026, 3, 10)
        assert convention(end_date=date(2026, 3, 11)).term_date_on(TODAY) == date(2027, 3, 10)

    def test_signed_on_29_february_it_renews_on_28_february_of_a_common_year(self) -> None:
        leap = convention(date(2024, 2, 29), date(2024, 2, 29))
        assert leap.term_date_on(date(2024, 2, 29)) == date(2025, 2, 28)
        assert leap.term_date_on(date(2025, 2, 27)) == date(2025, 2, 28)
        assert leap.term_date_on(date(2025, 2, 28)) == date(2026, 2, 28)

    def test_signed_on_29_february_it_renews_on_29_february_of_a_leap_year(self) -> None:
        leap = convention(date(2024, 2, 29), date(2024, 2, 29))
        assert leap.term_date_on(date(2027, 2, 28)) == date(2028, 2, 29)
        assert leap.term_date_on(date(2028, 2, 28)) == date(2028, 2, 29)
        assert leap.term_date_on(date(2028, 2, 29)) == date(2029, 2, 28)

    @given(signed=ANY_DAYS, day=ANY_DAYS)
    def test_a_running_term_is_never_longer_than_a_year(self, signed: date, day: date) -> None:
        term_date = convention(signed, signed).term_date_on(day)
        assert term_date is not None
        assert term_date > max(day, signed)
        if day >= signed:
            assert (term_date - day).days <= 366

    @given(signed=DAYS, day=DAYS)
    @example(signed=date(2024, 2, 29), day=date(2025, 2, 28))
    @example(signed=date(2024, 2, 29), day=date(2028, 2, 28))
    @example(signed=date(2024, 2, 29), day=date(2028, 2, 29))
    @example(signed=date(2023, 2, 28), day=date(2024, 2, 28))
    def test_a_term_is_the_next_anniversary_that_one_meets_walking(self, signed: date, day: date) -> None:
        assert next_term(signed, day) == term_after(signed, day)

    @given(signed=ANY_DAYS, cnil=ANY_DAYS, days=st.integers(0, 36_500))
    def test_time_alone_never_ends_a_convention(self, signed: date, cnil: date, days: int) -> None:
        assert convention(signed, cnil).state_on(max(signed, cnil) + timedelta(days=days)) is IN_FORCE


class TestDenunciation:
    """Art. 9-2: a letter at least three months before a term ends the convention there, a later one at the next."""

    def test_three_months_before_the_term_is_in_time(self) -> None:
        assert last_denunciation_date(date(2026, 3, 10)) == date(2025, 12, 10)
        assert denounced_term(SIGNED, date(2025, 12, 10)) == date(2026, 3, 10)

    def test_a_day_later_it_ends_at_the_next_term(self) -> None:
        assert denounced_term(SIGNED, date(2025, 12, 11)) == date(2027, 3, 10)

    def test_on_the_day_of_the_term_the_next_one_is_denounced(self) -> None:
        assert denounced_term(SIGNED, date(2026, 3, 9)) == date(2027, 3, 10)
        assert denounced_term(SIGNED, date(2026, 3, 10)) == date(2027, 3, 10)

    def test_it_may_be_denounced_on_the_day_of_its_signature(self) -> None:
        assert denounced_term(SIGNED, SIGNED) == date(2026, 3, 10)

    @pytest.mark.parametrize(
        ("signed", "last_day", "term_date"),
        [
            (date(2022, 5, 31), date(2023, 2, 28), date(2023, 5, 31)),
            (date(2023, 5, 31), date(2024, 2, 29), date(2024, 5, 31)),
            (date(2024, 8, 31), date(2025, 5, 31), date(2025, 8, 31)),
            (date(2024, 11, 30), date(2025, 8, 30), date(2025, 11, 30)),
            (date(2024, 2, 29), date(2024, 11, 28), date(2025, 2, 28)),
            (date(2020, 2, 29), date(2023, 11, 29), date(2024, 2, 29)),
        ],
    )
    def test_months_are_counted_back_from_the_term(
        self, signed: date, last_day: date, term_date: date
    ) -> None:
        """Art. 9-2: three months, not ninety days; before 31 May, the last of February."""
        assert denounced_term(signed, last_day) == term_date
        assert denounced_term(signed, last_day + DAY) == next_term(signed, term_date)
        assert convention(signed, signed).last_denunciation_date_on(last_day) == last_day

    def test_the_last_day_is_told_for_the_running_term(self) -> None:
        assert convention().last_denunciation_date_on(SIGNED) == date(2025, 12, 10)
        assert convention().last_denunciation_date_on(date(2026, 3, 9)) == date(2025, 12, 10)
        assert convention().last_denunciation_date_on(date(2026, 3, 10)) == date(2026, 12, 10)

    def test_where_it_ends_by_that_term_there_is_no_last_day(self) -> None:
        assert convention(end_date=date(2026, 3, 10)).last_denunciation_date_on(SIGNED) is None
        assert convention(end_date=date(2026, 3, 11)).last_denunciation_date_on(SIGNED) == date(2025, 12, 10)
        assert convention(end_date=date(2026, 3, 11)).last_denunciation_date_on(TODAY) is None

    def test_a_draft_is_not_denounced(self) -> None:
        assert convention(None).last_denunciation_date_on(TODAY) is None

    @given(signed=DAYS, day=DAYS)
    @example(signed=date(2024, 2, 29), day=date(2024, 3, 1))
    @example(signed=date(2020, 2, 29), day=date(2023, 6, 1))
    @example(signed=date(2022, 5, 31), day=date(2022, 6, 1))
    @example(signed=date(2023, 5, 31), day=date(2023, 6, 1))
    def test_the_last_day_ends_this_term_and_the_next_day_the_one_after(
        self, signed: date, day: date
    ) -> None:
        lasting = convention(signed, signed)
        term_date, last_day = lasting.term_date_on(day), lasting.last_denunciation_date_on(day)
        assert term_date is not None
        assert last_day == last_letter_day(term_date)
        assert denounced_term(signed, last_day) == term_date
        assert denounced_term(signed, last_day + DAY) == next_term(signed, term_date)

    @given(signed=DAYS, letter=DAYS, later=DAYS)
    def test_who_writes_earlier_never_waits_longer(self, signed: date, letter: date, later: date) -> None:
        first, second = sorted([letter, later])
        assert denounced_term(signed, first) <= denounced_term(signed, second)


class TestThirtyDays:
    """Art. 9-2, 10: calendar days, of which the day of the letter is none."""

    @pytest.mark.parametrize(
        ("received", "end_date"),
        [
            (date(2026, 11, 1), date(2026, 12, 1)),
            (date(2026, 1, 31), date(2026, 3, 2)),
            (date(2024, 1, 31), date(2024, 3, 1)),
            (date(2026, 12, 2), date(2027, 1, 1)),
            (date(2026, 3, 15), date(2026, 4, 14)),
        ],
    )
    def test_a_formal_notice_leaves_thirty_days(self, received: date, end_date: date) -> None:
        """Art. 9-2."""
        assert notice_end(FormalNotice(Party.CAISSE, received)) == end_date

    def test_neither_a_sunday_nor_a_holiday_puts_the_end_off(self) -> None:
        """Art. 9-2: "jours calendaires"."""
        on_christmas, on_a_sunday = date(2026, 11, 25), date(2026, 11, 13)
        assert notice_end(FormalNotice(Party.CAISSE, on_christmas)) == date(2026, 12, 25)
        assert notice_end(FormalNotice(Party.CAISSE, on_a_sunday)) == date(2026, 12, 13)
        assert date(2026, 12, 13).isoweekday() == 7

    def test_force_majeure_must_last_longer_than_thirty_days(self) -> None:
        """Art. 10."""
        assert force_majeure_termination_date(date(2026, 11, 1)) == date(2026, 12, 2)

    @given(day=DAYS)
    def test_they_are_as_many_nights(self, day: date) -> None:
        """Art. 9-2, 10."""
        assert notice_end(FormalNotice(Party.CAISSE, day)) == sleeps(day, 30)
        assert force_majeure_termination_date(day) == sleeps(day, 31)


class TestEnd:
    """Art. 9-2: the end date is the first day without effect."""

    def test_the_day_before_its_end_it_is_in_force(self) -> None:
        ended = convention(end_date=date(2026, 12, 1))
        assert ended.state_on(date(2026, 11, 30)) is IN_FORCE
        assert ended.state_on(date(2026, 12, 1)) is ENDED

    def test_what_has_ended_stays_ended(self) -> None:
        assert convention(end_date=date(2026, 12, 1)).state_on(date(2199, 12, 31)) is ENDED

    def test_it_may_end_before_it_had_effect(self) -> None:
        waiting = convention(cnil=None, end_date=date(2026, 12, 1))
        assert waiting.state_on(date(2026, 11, 30)) is PENDING
        assert waiting.state_on(date(2026, 12, 1)) is ENDED

    def test_a_draft_that_is_given_up_is_over(self) -> None:
        given_up = convention(None, None, TODAY)
        assert given_up.state_on(TODAY - DAY) is DRAFT
        assert given_up.state_on(TODAY) is ENDED

    def test_ended_on_its_signature_it_is_over_before_it_began(self) -> None:
        mistaken = convention(date(2062, 1, 1), None, date(2062, 1, 1))
        assert mistaken.state_on(TODAY) is ENDED
        require_no_other([mistaken], TODAY)

    @given(signed=DAYS | NOBODY_KNOWS, cnil=DAYS | NOBODY_KNOWS, end=DAYS | NOBODY_KNOWS, day=DAYS)
    def test_a_convention_only_ever_moves_on(
        self, signed: date | None, cnil: date | None, end: date | None, day: date
    ) -> None:
        order = {DRAFT: 0, PENDING: 1, IN_FORCE: 2, ENDED: 3}
        life = convention(signed, cnil, end)
        assert order[life.state_on(day)] <= order[life.state_on(day + DAY)]


class TestSecrecy:
    """Art. 6-1: secrecy outlives the convention by five years."""

    def test_it_lasts_five_years_from_the_first_day_without_effect(self) -> None:
        assert convention(end_date=date(2026, 12, 1)).secrecy_end_date == date(2031, 12, 1)

    def test_after_an_end_on_29_february_it_lasts_to_28_february(self) -> None:
        assert convention(end_date=date(2028, 2, 29)).secrecy_end_date == date(2033, 2, 28)

    def test_while_no_end_is_in_sight_neither_is_the_end_of_secrecy(self) -> None:
        assert convention().secrecy_end_date is None

    def test_a_draft_that_was_given_up_bound_nobody(self) -> None:
        assert convention(None, None, TODAY).secrecy_end_date is None


class TestOneAtATime:
    """Art. 1, 4-7: one convention of one partner with one caisse."""

    @pytest.mark.parametrize(
        "standing",
        [
            convention(),
            convention(cnil=None),
            convention(None, None),
            convention(date(2027, 1, 1)),
            convention(end_date=date(2026, 11, 24)),
        ],
    )
    def test_a_partner_has_one_convention_with_a_caisse_at_a_time(self, standing: Convention) -> None:
        with pytest.raises(RecordAlreadyExists):
            require_no_other([convention(end_date=SIGNED), standing], TODAY)

    def test_a_new_one_may_follow_one_that_is_over(self) -> None:
        over = convention(end_date=TODAY)
        require_no_other([over], TODAY)
        assert over.state_on(TODAY) is ENDED

    def test_a_new_one_may_be_signed_for_the_day_on_which_the_old_one_ends(self) -> None:
        noticed = convention(end_date=date(2027, 3, 10))
        require_no_other([noticed], date(2027, 3, 10))
        with pytest.raises(RecordAlreadyExists):
            require_no_other([noticed], date(2027, 3, 9))

    def test_a_new_one_may_be_drawn_up_once_the_end_of_the_old_one_is_in_sight(self) -> None:
        require_none_without_end([convention(end_date=date(2027, 3, 10)), convention(end_date=SIGNED)])
        for standing in (convention(), convention(None, None)):
            with pytest.raises(RecordAlreadyExists):
                require_none_without_end([convention(end_date=SIGNED), standing])

    def test_another_caisse_takes_another_convention_with_that_caisse(self) -> None:
        """Art. 4-7: and its own entry in that caisse's register."""
        partner = Partner(UUID(int=2), "21", "T1", "Mairie", datetime(2026, 1, 1, tzinfo=UTC))
        require_own_caisse(partner, "21")
        with pytest.raises(InvalidField) as refused:
            require_own_caisse(partner, "25")
        assert refused.value.violations[0].rule == "CAISSE_OF_PARTNER"
        assert "art. 4-7" in refused.value.violations[0].description
