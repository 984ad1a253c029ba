"""The bench of the size of quotient's database does what it says, on few families; CI measures nothing."""

from bench.dossiers import BATCH, Sizes, measure


async def test_it_asks_a_small_and_a_large_database_for_families_that_both_have() -> None:
    figures = await measure(
        Sizes(dossiers=4 * BATCH * 50, small_dossiers=4 * BATCH, sample=2 * BATCH, calls=5)
    )
    assert (figures.small.dossiers, figures.large.dossiers) == (4 * BATCH, 4 * BATCH * 50)
    assert figures.large.disk_bytes > figures.small.disk_bytes
    assert figures.p50_ratio > 0
    assert figures.p99_ratio > 0
