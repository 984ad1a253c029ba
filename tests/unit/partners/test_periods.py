"""How months and years are counted: to the day of the same number, or to the last one of a shorter month."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.partners.periods import months_before, years_after
from tests.unit.partners.convention_days import ANY_DAYS, DAYS
from tests.unit.partners.convention_model import is_anniversary, last_letter_day


class TestYears:
    def test_a_year_ends_on_the_day_of_the_same_number(self) -> None:
        """Art. 9-1."""
        assert years_after(date(2025, 3, 10), 1) == date(2026, 3, 10)

    @pytest.mark.parametrize(
        ("years", "day"),
        [(1, date(2025, 2, 28)), (3, date(2027, 2, 28)), (4, date(2028, 2, 29)), (5, date(2029, 2, 28))],
    )
    def test_from_29_february_it_is_the_last_of_february(self, years: int, day: date) -> None:
        """Art. 9-1."""
        assert years_after(date(2024, 2, 29), years) == day

    def test_from_28_february_a_leap_year_changes_nothing(self) -> None:
        """Art. 9-1."""
        assert years_after(date(2023, 2, 28), 1) == date(2024, 2, 28)

    def test_2100_is_no_leap_year(self) -> None:
        """Art. 9-1."""
        assert years_after(date(2096, 2, 29), 4) == date(2100, 2, 28)

    def test_no_year_later_is_the_day_itself(self) -> None:
        assert years_after(date(2024, 2, 29), 0) == date(2024, 2, 29)

    @given(day=DAYS, years=st.integers(1, 8))
    @example(day=date(2024, 2, 29), years=1)
    @example(day=date(2024, 2, 29), years=4)
    def test_it_is_the_anniversary_that_one_meets_walking(self, day: date, years: int) -> None:
        """Art. 9-1."""
        assert is_anniversary(day, years_after(day, years))

    @given(day=ANY_DAYS, later=ANY_DAYS, years=st.integers(0, 10))
    def test_what_begins_later_never_ends_earlier(self, day: date, later: date, years: int) -> None:
        first, second = sorted([day, later])
        assert years_after(first, years) <= years_after(second, years)


class TestMonths:
    def test_months_go_back_to_the_day_of_the_same_number(self) -> None:
        """Art. 9-2."""
        assert months_before(date(2026, 3, 10), 3) == date(2025, 12, 10)

    @pytest.mark.parametrize(
        ("term_date", "day"),
        [
            (date(2023, 5, 31), date(2023, 2, 28)),
            (date(2024, 5, 31), date(2024, 2, 29)),
            (date(2023, 5, 30), date(2023, 2, 28)),
            (date(2023, 5, 29), date(2023, 2, 28)),
            (date(2023, 5, 28), date(2023, 2, 28)),
            (date(2024, 5, 29), date(2024, 2, 29)),
            (date(2025, 8, 31), date(2025, 5, 31)),
            (date(2025, 7, 31), date(2025, 4, 30)),
            (date(2025, 11, 30), date(2025, 8, 30)),
            (date(2025, 2, 28), date(2024, 11, 28)),
            (date(2024, 2, 29), date(2023, 11, 29)),
            (date(2025, 12, 31), date(2025, 9, 30)),
            (date(2025, 1, 31), date(2024, 10, 31)),
            (date(2025, 3, 1), date(2024, 12, 1)),
        ],
    )
    def test_a_month_that_is_too_short_lends_its_last_day(self, term_date: date, day: date) -> None:
        """Art. 9-2."""
        assert months_before(term_date, 3) == day

    @pytest.mark.parametrize("months", [12, 24, 36])
    def test_twelve_months_are_a_year(self, months: int) -> None:
        assert months_before(date(2025, 3, 10), months) == date(2025 - months // 12, 3, 10)

    def test_no_month_earlier_is_the_day_itself(self) -> None:
        assert months_before(date(2025, 12, 31), 0) == date(2025, 12, 31)

    @given(day=DAYS)
    @example(day=date(2023, 5, 31))
    @example(day=date(2024, 5, 31))
    @example(day=date(2024, 2, 29))
    @example(day=date(2025, 2, 28))
    @example(day=date(2025, 8, 31))
    @example(day=date(2025, 11, 30))
    def test_it_is_the_day_that_one_meets_walking_back(self, day: date) -> None:
        """Art. 9-2."""
        assert months_before(day, 3) == last_letter_day(day)

    @given(day=ANY_DAYS, months=st.integers(0, 40))
    def test_every_month_between_counts_once(self, day: date, months: int) -> None:
        before = months_before(day, months)
        assert (day.year - before.year) * 12 + day.month - before.month == months
        assert before.day <= day.day

    @given(day=ANY_DAYS, years=st.integers(0, 5))
    def test_there_and_back_is_the_same_day_or_the_last_of_its_month(self, day: date, years: int) -> None:
        back = months_before(years_after(day, years), 12 * years)
        assert back == day or (day.month, day.day, back.day) == (2, 29, 28)
