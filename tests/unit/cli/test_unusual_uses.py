"""Unusual use is told in plain words, with what makes a caisse act at a glance (art. 7-2)."""

from datetime import UTC, datetime

import pytest

from cli import unusual_uses
from msa.identity.v1 import use_service_pb2 as pb


def unusual(score: int = 90, *, suspended: bool = True) -> pb.UnusualUse:
    """One with two reasons."""
    return pb.UnusualUse(
        unusual_use_id="use-1",
        account_id="acc-1",
        score=score,
        suspended=suspended,
        reasons=[
            pb.UnusualUseReason(
                kind=pb.UNUSUAL_USE_KIND_UNKNOWN_NIRS, points=80, observed_count=101, expected_count=21
            ),
            pb.UnusualUseReason(
                kind=pb.UNUSUAL_USE_KIND_MANY_NETWORKS, points=10, observed_count=6, expected_count=4
            ),
        ],
    )


def test_every_kind_has_words() -> None:
    kinds = {kind.removeprefix("UNUSUAL_USE_KIND_") for kind in pb.UnusualUseKind.keys()}  # noqa: SIM118  # no dict
    assert kinds - {"UNSPECIFIED"} == set(unusual_uses.WORDS)


def test_the_reasons_are_told_with_what_was_seen_and_what_is_usual() -> None:
    row = unusual_uses.row(unusual())
    assert row["why"] == "101 unknown NIRs (up to 21 are usual); 6 networks in a day (up to 4 are usual)"
    assert row["reasons"] == [
        "UNKNOWN_NIRS:points=80,observed=101,expected=21",
        "MANY_NETWORKS:points=10,observed=6,expected=4",
    ]


def test_a_kind_that_this_release_does_not_know_is_shown_by_its_number() -> None:
    later = pb.UnusualUse(
        reasons=[pb.UnusualUseReason(kind=pb.UnusualUseKind.ValueType(9), observed_count=3)]
    )
    assert unusual_uses.row(later)["why"] == "9: 3"


@pytest.mark.parametrize(
    ("score", "bar"), [(0, "░" * 10), (45, "████░░░░░░"), (80, "████████░░"), (100, "█" * 10)]
)
def test_the_score_is_drawn(score: int, bar: str) -> None:
    assert unusual_uses.row(unusual(score))["bar"] == bar


def test_what_stands_looks_otherwise_than_what_is_told_or_over() -> None:
    lifted = unusual()
    lifted.lift_time.FromDatetime(datetime(2026, 11, 24, tzinfo=UTC))
    rows = [unusual_uses.row(each) for each in (unusual(), unusual(suspended=False), lifted)]
    assert [row["state"] for row in rows] == ["suspended", "told", "lifted"]
    assert [unusual_uses.style(row) for row in rows] == ["red", "yellow", ""]


def test_a_policy_says_what_it_means() -> None:
    usual = pb.UsePolicy(caisse_code="21", notice_score=45, suspension_score=80)
    never = pb.UsePolicy(caisse_code="21", notice_score=45, suspension_score=101)
    assert unusual_uses.policy(usual)["meaning"] == "told from a score of 45 on; suspended from 80 on"
    assert unusual_uses.policy(never)["meaning"] == "told from a score of 45 on; nobody is suspended"
    mailed = pb.UsePolicy(caisse_code="21", notice_score=45, suspension_score=80, notices_mailed=True)
    assert (
        unusual_uses.policy(mailed)["meaning"]
        == "told from a score of 45 on, by mail too; suspended from 80 on"
    )
