"""The rules on unusual use, tried on invented histories (art. 7-2): `make bench ARGS=unusual-use`, in short."""

from collections.abc import Sequence

import pytest

from bench.unusual_use import REPORTED_SEEDS, TUNING_SEED, detection, detection_table, false_alarms
from bench.use_attacks import ATTACKS
from bench.use_histories import Partner, partners
from services.identity.use.domain import UsePolicy

POLICY = UsePolicy("21")
# None of those by which the rules were tuned, or are told of.
SEED = 7
BY_NAME = {attack.name: attack for attack in ATTACKS}
FAST = ("guessing NIRs, 10 a second", "guessing in batches of 500, 250 a second")


@pytest.fixture(scope="module")
def histories() -> Sequence[Partner]:
    """A sixth of the partners, for a year."""
    return partners(SEED, scale=1 / 6)


def test_rules_are_told_of_by_other_histories_than_they_were_tuned_on() -> None:
    assert not {SEED, TUNING_SEED} & {*REPORTED_SEEDS}


def test_the_same_seed_makes_the_same_history() -> None:
    first, second = (partners(SEED, scale=1 / 60, days=60) for _ in range(2))
    assert [each.uses for each in first] == [each.uses for each in second]


def test_honest_accounts_are_seldom_told_of_and_hardly_ever_suspended_art_7_2(
    histories: Sequence[Partner],
) -> None:
    everybody = false_alarms(histories, POLICY)[-1]
    assert everybody.account_days > 10_000
    assert everybody.suspensions_per_10000 <= 1
    assert everybody.notices_per_1000 <= 2


@pytest.mark.parametrize("name", FAST)
def test_fast_guessing_is_always_suspended_within_a_batch_art_7_2(
    histories: Sequence[Partner], name: str
) -> None:
    found = detection(histories, BY_NAME[name], POLICY, trials=30)
    assert found.suspended == found.trials
    assert found.most_consultations is not None
    assert found.most_consultations <= 500


def test_slow_guessing_is_suspended_within_the_day_art_7_2(histories: Sequence[Partner]) -> None:
    found = detection(histories, BY_NAME["guessing, 60 an hour for a working day"], POLICY, trials=30)
    assert found.suspended >= 0.9 * found.trials


def test_copying_by_day_is_told_but_does_not_suspend(histories: Sequence[Partner]) -> None:
    found = detection(histories, BY_NAME["copying known NIRs by day, 1,000 an hour"], POLICY, trials=5)
    assert found.noticed >= 0.9 * found.trials
    assert found.suspended == 0


def test_a_drop_at_a_time_goes_unseen_and_the_table_says_so(histories: Sequence[Partner]) -> None:
    """No promise but what is known to be missing: whoever mends it changes this test and the guide."""
    found = detection(histories, BY_NAME["dripping guesses: 15 a day for four weeks"], POLICY, trials=5)
    assert (found.noticed, found.suspended) == (0, 0)
    assert detection_table([found]).row_count == 1
