from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.clock import paris_date
from services.kit.errors import InvalidField, RecordAlreadyExists
from services.partners.conventions.domain import (
    Convention,
    ConventionEnded,
    ConventionState,
    anniversary,
    require_no_other,
    require_own_caisse,
    with_end,
)
from services.partners.partners.domain import Partner

PENDING, IN_FORCE, ENDED = ConventionState.PENDING, ConventionState.IN_FORCE, ConventionState.ENDED
SIGNED = date(2025, 3, 10)
TODAY = date(2026, 11, 23)
DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))


def convention(
    signature_date: date = SIGNED, cnil: date | None = SIGNED, end_date: date | None = None
) -> Convention:
    return Convention(UUID(int=1), UUID(int=2), "21", signature_date, cnil, end_date)


class TestEffect:
    """Art. 9-1: effect at the signature, provided that the CNIL declaration has been transmitted."""

    def test_it_has_effect_from_the_day_of_its_signature(self) -> None:
        assert convention().state_on(SIGNED) is IN_FORCE
        assert convention().state_on(SIGNED - timedelta(days=1)) is PENDING

    def test_it_waits_for_the_cnil_declaration(self) -> None:
        assert convention(cnil=None).state_on(TODAY) is PENDING

    def test_a_later_cnil_declaration_delays_the_effect(self) -> None:
        late = convention(cnil=date(2025, 4, 2))
        assert late.state_on(date(2025, 4, 1)) is PENDING
        assert late.state_on(date(2025, 4, 2)) is IN_FORCE

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


class TestTerm:
    """Art. 9-1: one year, renewed tacitly year after year."""

    def test_a_term_ends_on_the_anniversary_of_the_signature(self) -> None:
        assert convention().term_date_on(SIGNED) == date(2026, 3, 10)
        assert convention().term_date_on(date(2026, 3, 9)) == date(2026, 3, 10)

    def test_on_the_anniversary_the_next_term_has_begun(self) -> None:
        assert convention().term_date_on(date(2026, 3, 10)) == date(2027, 3, 10)
        assert convention().state_on(date(2026, 3, 10)) is IN_FORCE

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

    def test_signed_on_28_february_a_leap_year_changes_nothing(self) -> None:
        assert anniversary(date(2023, 2, 28), 1) == date(2024, 2, 28)

    @given(signed=DAYS, day=DAYS)
    def test_a_running_term_is_never_longer_than_a_year(self, signed: date, day: date) -> None:
        term_date = convention(signed, signed).term_date_on(day)
        assert term_date > max(day, signed)
        if day >= signed:
            assert (term_date - day).days <= 366
            years = term_date.year - signed.year
            assert anniversary(signed, years) == term_date
            assert anniversary(signed, years - 1) <= day

    @given(signed=DAYS, cnil=DAYS, days=st.integers(0, 36_500))
    def test_time_alone_never_ends_a_convention(self, signed: date, cnil: date, days: int) -> None:
        assert convention(signed, cnil).state_on(max(signed, cnil) + timedelta(days=days)) is IN_FORCE


class TestEnd:
    """Art. 9-2: the end date is the first day without effect."""

    def test_the_day_before_its_end_it_is_in_force(self) -> None:
        ended = with_end(convention(), date(2026, 12, 1), TODAY)
        assert ended.state_on(date(2026, 11, 30)) is IN_FORCE
        assert ended.state_on(date(2026, 12, 1)) is ENDED

    def test_today_ends_it_at_once(self) -> None:
        assert with_end(convention(), TODAY, TODAY).state_on(TODAY) is ENDED

    def test_what_is_over_is_not_ended_again(self) -> None:
        with pytest.raises(ConventionEnded):
            with_end(convention(end_date=TODAY), TODAY, TODAY)

    def test_an_end_that_lies_ahead_can_be_brought_forward(self) -> None:
        noticed = convention(end_date=date(2027, 3, 10))
        assert with_end(noticed, TODAY, TODAY).end_date == TODAY

    def test_a_notice_given_stands(self) -> None:
        with pytest.raises(InvalidField) as refused:
            with_end(convention(end_date=date(2027, 3, 10)), date(2027, 3, 11), TODAY)
        assert refused.value.violations[0].rule == "END_PUT_OFF"

    def test_it_does_not_end_before_it_was_signed(self) -> None:
        with pytest.raises(InvalidField) as refused:
            with_end(convention(), SIGNED - timedelta(days=1), TODAY)
        assert refused.value.violations[0].rule == "END_BEFORE_SIGNATURE"

    def test_ended_on_its_signature_it_is_over_before_it_began(self) -> None:
        mistaken = with_end(convention(date(2062, 1, 1), None), date(2062, 1, 1), TODAY)
        assert mistaken.state_on(TODAY) is ENDED
        require_no_other([mistaken], TODAY, TODAY)


class TestOneAtATime:
    @pytest.mark.parametrize(
        "standing",
        [
            convention(),
            convention(cnil=None),
            convention(date(2027, 1, 1)),
            convention(end_date=date(2026, 11, 24)),
        ],
    )
    def test_a_partner_has_one_convention_with_a_caisse_at_a_time(self, standing: Convention) -> None:
        with pytest.raises(RecordAlreadyExists):
            require_no_other([standing], TODAY, TODAY)

    def test_a_new_one_may_follow_one_that_is_over(self) -> None:
        require_no_other([convention(end_date=TODAY)], date(2026, 11, 1), TODAY)
        assert convention(end_date=TODAY).state_on(TODAY) is ENDED

    def test_a_new_one_may_be_signed_for_the_day_on_which_the_old_one_ends(self) -> None:
        noticed = convention(end_date=date(2027, 3, 10))
        require_no_other([noticed], date(2027, 3, 10), TODAY)
        with pytest.raises(RecordAlreadyExists):
            require_no_other([noticed], date(2027, 3, 9), TODAY)

    def test_another_caisse_takes_another_convention_with_that_caisse(self) -> None:
        """Art. 4-7: and its own entry in that caisse's register."""
        partner = Partner(UUID(int=2), "21", "T1", "Mairie", datetime(2026, 1, 1, tzinfo=UTC))
        require_own_caisse(partner, "21")
        with pytest.raises(InvalidField) as refused:
            require_own_caisse(partner, "25")
        assert refused.value.violations[0].rule == "CAISSE_OF_PARTNER"
