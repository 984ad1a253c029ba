"""Invented families by the million, laid straight into the database around some that were published."""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

# So many at once: the progress that is told.
_PLACES_AT_ONCE = 20


@dataclass(frozen=True)
class Size:
    """What lies in the tables afterwards."""

    dossiers: int
    disk_bytes: int


async def lay_in(superuser: psycopg.AsyncConnection, dossiers: int, progress: Callable[[int], None]) -> Size:
    """Fills up to about `dossiers` dossiers around those that are there, of which each has one holder.

    Each of those gets the same number of neighbours, in the tables as in the indexes: whoever was published is found
    among all the others as if they had come one after the other over years. A neighbour has all that the published one
    has but the index of the person, which is as good as random and so nobody's; one in fifty objected. Statistics and
    visibility are as autovacuum leaves them. `progress` is told how many are in.
    """
    for statement in _PREPARE:
        await superuser.execute(statement)
    (published,) = await _row(superuser, b"SELECT count(*) FROM published")
    neighbours = max(dossiers // published - 1, 0)
    for first in range(0, published, _PLACES_AT_ONCE):
        parameters = {"first": first, "end": first + _PLACES_AT_ONCE, "neighbours": neighbours}
        for statement in _FILL:
            await superuser.execute(statement, parameters)
        progress(min(first + _PLACES_AT_ONCE, published) * (neighbours + 1))
    for statement in _FINISH:
        await superuser.execute(statement)
    return Size(*await _row(superuser, _SIZE))


async def _row(connection: psycopg.AsyncConnection, statement: bytes) -> tuple[int, ...]:
    row = await (await connection.execute(statement)).fetchone()
    return tuple(row or ())


_PREPARE = (
    b"SET synchronous_commit = off",
    b"SET maintenance_work_mem = '1GB'",
    b"SET jit = off",
    b"""
    CREATE TEMP TABLE published AS
    SELECT row_number() OVER (ORDER BY dossier_id) - 1 AS place, *
    FROM persons
    JOIN dossier_holders USING (person_id)
    JOIN dossiers USING (dossier_id, caisse_code)
    """,
    b"CREATE UNIQUE INDEX ON published (place)",
    b"""
    CREATE TEMP TABLE published_periods AS
    SELECT row_number() OVER (ORDER BY period_id) - 1 AS place, *
    FROM quotient_periods
    """,
    b"CREATE INDEX ON published_periods (dossier_id)",
    b"ANALYZE published, published_periods",
    b"TRUNCATE persons, dossier_holders, dossiers, quotient_periods CASCADE",
    # Random: kept up row by row it would take longer than all the rest.
    b"ALTER TABLE persons DROP CONSTRAINT persons_index_key",
    # An id next to the one that is meant; its number is no other's.
    b"""
    CREATE FUNCTION pg_temp.neighbour(id uuid, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
        SELECT (left(id::text, 24) || lpad(to_hex(number), 12, '0'))::uuid
    $$
    """,
)

_FILL = (
    b"""
    INSERT INTO persons (person_id, person_index, index_generation)
    SELECT each.person_id, each.person_index, index_generation
    FROM published
    CROSS JOIN LATERAL (
        SELECT published.person_id, published.person_index
        UNION ALL
        SELECT neighbour_id, sha256(uuid_send(neighbour_id))
        FROM generate_series(1, %(neighbours)s) AS n
        CROSS JOIN LATERAL (
            SELECT pg_temp.neighbour(published.person_id, place * %(neighbours)s + n) AS neighbour_id
        ) AS next
    ) AS each
    WHERE place >= %(first)s AND place < %(end)s
    """,
    b"""
    INSERT INTO dossiers (
        dossier_id, caisse_code, numero_dossier, coordonnees, coordonnees_digest, data_key_id, closed_from
    )
    SELECT each.dossier_id, caisse_code, each.numero_dossier, coordonnees, coordonnees_digest, data_key_id, closed_from
    FROM published
    CROSS JOIN LATERAL (
        SELECT published.dossier_id, published.numero_dossier
        UNION ALL
        SELECT
            pg_temp.neighbour(published.dossier_id, place * %(neighbours)s + n),
            published.numero_dossier || lpad(n::text, 7, '0')
        FROM generate_series(1, %(neighbours)s) AS n
    ) AS each
    WHERE place >= %(first)s AND place < %(end)s
    """,
    b"""
    INSERT INTO dossier_holders (person_id, caisse_code, dossier_id, known_from, known_to)
    SELECT each.person_id, caisse_code, each.dossier_id, known_from, known_to
    FROM published
    CROSS JOIN LATERAL (
        SELECT published.person_id, published.dossier_id
        UNION ALL
        SELECT
            pg_temp.neighbour(published.person_id, place * %(neighbours)s + n),
            pg_temp.neighbour(published.dossier_id, place * %(neighbours)s + n)
        FROM generate_series(1, %(neighbours)s) AS n
    ) AS each
    WHERE place >= %(first)s AND place < %(end)s
    """,
    b"""
    INSERT INTO quotient_periods (
        period_id, dossier_id, valid_from, valid_to, amount_cents, known_from, known_to, publication_id
    )
    SELECT
        each.period_id, each.dossier_id, each.valid_from, each.valid_to, each.amount_cents, each.known_from,
        each.known_to, each.publication_id
    FROM published
    CROSS JOIN LATERAL (
        SELECT period_id, dossier_id, valid_from, valid_to, amount_cents, known_from, known_to, publication_id
        FROM published_periods
        WHERE published_periods.dossier_id = published.dossier_id
        UNION ALL
        SELECT
            pg_temp.neighbour(period_id, published_periods.place * %(neighbours)s + n),
            pg_temp.neighbour(published.dossier_id, published.place * %(neighbours)s + n),
            valid_from, valid_to, amount_cents, published_periods.known_from, published_periods.known_to,
            publication_id
        FROM generate_series(1, %(neighbours)s) AS n
        JOIN published_periods ON published_periods.dossier_id = published.dossier_id
    ) AS each
    WHERE published.place >= %(first)s AND published.place < %(end)s
    """,
    b"""
    INSERT INTO oppositions (
        opposition_id, person_id, caisse_code, requester, declarant, channel, received_on, reference, record_time
    )
    SELECT
        gen_random_uuid(), pg_temp.neighbour(person_id, place * %(neighbours)s + n), caisse_code, 'PERSON',
        'CAISSE', 'LETTER', known_from::date, '', known_from
    FROM published
    CROSS JOIN generate_series(1, %(neighbours)s, 50) AS n
    WHERE place >= %(first)s AND place < %(end)s
    """,
)

_FINISH = (
    b"ALTER TABLE persons ADD CONSTRAINT persons_index_key UNIQUE (person_index)",
    b"DROP TABLE published, published_periods",
    b"VACUUM (ANALYZE) persons",
    b"VACUUM (ANALYZE) dossiers",
    b"VACUUM (ANALYZE) dossier_holders",
    b"VACUUM (ANALYZE) quotient_periods",
    b"VACUUM (ANALYZE) oppositions",
    b"CHECKPOINT",
)

_SIZE = b"SELECT count(*), pg_database_size(current_database()) FROM dossiers"
