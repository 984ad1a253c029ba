"""How accounts are used, in PostgreSQL: counts by the hour, networks of a day, what was unusual, what is suspended.

Statements that record use run on the connection of one transaction, in which nobody else judges the same accounts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.identity.use.domain import (
    DEFAULT_NOTICE_SCORE,
    DEFAULT_SUSPENSION_SCORE,
    HourCount,
    Reason,
    RecentUse,
    UnusualUse,
    UnusualUseKind,
    UseCount,
    UsedAccount,
    UsePolicy,
)
from services.kit.database import Database, fetch_all, fetch_one

# Removed in one statement; short enough to be over long before the statement's time-out.
_PURGE_BATCH = 1000


class UseStore:
    """How accounts are used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lock(self, connection: AsyncConnection, account_ids: Collection[UUID]) -> Sequence[UsedAccount]:
        """The accounts that there are; nobody else judges them, or lifts theirs, until the transaction ends."""
        in_one_order = sorted(account_ids)
        await connection.execute(_LOCK, [in_one_order])
        # A statement of its own: it sees what was committed before the locks were had.
        return await fetch_all(connection, UsedAccount, _ACCOUNTS, {"account_ids": in_one_order, **_DEFAULTS})

    async def add(
        self,
        connection: AsyncConnection,
        accounts: Sequence[UsedAccount],
        counts: Sequence[UseCount],
        now: datetime,
    ) -> None:
        """Adds what accounts did now to what they did in this hour, and their networks to those of the day."""
        by_id = {account.account_id: account for account in accounts}
        known = [count for count in counts if count.account_id in by_id]
        await connection.execute(
            _ADD_COUNTS,
            {
                "account_ids": [count.account_id for count in known],
                "begin_times": [by_id[count.account_id].begin_time(now) for count in known],
                "partner_ids": [by_id[count.account_id].partner_id for count in known],
                "consultation_counts": [count.consultation_count for count in known],
                "not_found_counts": [count.not_found_count for count in known],
            },
        )
        named = [count for count in known if count.network_prefix]
        await connection.execute(
            _ADD_NETWORKS,
            {
                "account_ids": [count.account_id for count in named],
                "network_prefixes": [count.network_prefix for count in named],
                "now": now,
            },
        )

    async def recent(
        self, connection: AsyncConnection, accounts: Sequence[UsedAccount], now: datetime
    ) -> Mapping[UUID, RecentUse]:
        """What accounts did of late, each since it is judged."""
        parameters = {
            "account_ids": [account.account_id for account in accounts],
            "sinces": [account.recent_since(now) for account in accounts],
        }
        hours: dict[UUID, list[HourCount]] = {account.account_id: [] for account in accounts}
        for row in await fetch_all(connection, _AccountHour, _RECENT_HOURS, parameters):
            hours[row.account_id].append(
                HourCount(row.begin_time, row.consultation_count, row.not_found_count)
            )
        networks = await fetch_all(connection, _Networks, _RECENT_NETWORKS, parameters)
        counted = {row.account_id: row.networks for row in networks}
        return {account_id: RecentUse(each, counted[account_id]) for account_id, each in hours.items()}

    async def partner_hours(
        self, connection: AsyncConnection, partner_id: UUID, since: datetime, before: datetime
    ) -> Sequence[HourCount]:
        """What all accounts of a partner did together, by the hour."""
        return await fetch_all(
            connection,
            HourCount,
            _PARTNER_HOURS,
            {"partner_id": partner_id, "since": since, "before": before},
        )

    async def add_unusual_use(self, connection: AsyncConnection, unusual: UnusualUse) -> None:
        """Records what was unusual, and suspends the account where it says so (N3)."""
        await connection.execute(_ADD_UNUSUAL_USE, asdict(_row(unusual)))
        if unusual.suspended:
            await connection.execute(_SUSPEND, asdict(unusual))

    async def lift(self, connection: AsyncConnection, account_id: UUID, now: datetime) -> UnusualUse | None:
        """Lifts the suspension of an account, and tells what it was for; None where none stands."""
        await connection.execute(_LOCK, [[account_id]])
        row = await fetch_one(connection, UnusualUseRow, _LIFT, {"account_id": account_id, "now": now})
        return None if row is None else row.unusual_use()

    async def list_before(
        self, caisse_code: str, account_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[UnusualUse]:
        """What was unusual at a caisse, of one account where it is given, newest first, older than `before`."""
        conditions = _OF_ACCOUNT * (account_id is not None) + _BEFORE * (before is not None)
        rows = await self._database.fetch_all(
            "list_unusual_uses",
            UnusualUseRow,
            _LIST + conditions + _NEWEST_FIRST,
            {"caisse_code": caisse_code, "account_id": account_id, "before": before, "limit": limit},
        )
        return [row.unusual_use() for row in rows]

    async def lock_policy(self, connection: AsyncConnection, caisse_code: str) -> UsePolicy:
        """The policy in force, which nobody else changes while the transaction lasts; made where none was set."""
        await connection.execute(_MAKE_POLICY, asdict(UsePolicy(caisse_code)))
        (locked,) = await fetch_all(connection, UsePolicy, _POLICY + " FOR NO KEY UPDATE", [caisse_code])
        return locked

    async def set_policy(self, connection: AsyncConnection, policy: UsePolicy) -> None:
        """Puts a caisse's policy in force, in the place of the one that was locked before."""
        await connection.execute(_SET_POLICY, asdict(policy))

    async def policy(self, caisse_code: str) -> UsePolicy:
        """The policy in force; the default one where none was set."""
        found = await self._database.fetch_one("find_use_policy", UsePolicy, _POLICY, [caisse_code])
        return found or UsePolicy(caisse_code)

    async def purge(self, counts_before: datetime, networks_before: datetime, uses_before: datetime) -> int:
        """Removes what is older than each, a bounded batch at a time; how much there was.

        What an account is suspended for stays as long as that stands.
        """
        removed = 0
        for statement, before in (
            (_PURGE_COUNTS, counts_before),
            (_PURGE_NETWORKS, networks_before),
            (_PURGE_SUSPENSIONS, uses_before),
            (_PURGE_UNUSUAL_USES, uses_before),
        ):
            while batch := await self._database.execute(
                "purge_use", statement, {"before": before, "limit": _PURGE_BATCH}
            ):
                removed += batch
        return removed


@dataclass(frozen=True)
class _AccountHour:
    account_id: UUID
    begin_time: datetime
    consultation_count: int
    not_found_count: int


@dataclass(frozen=True)
class _Networks:
    account_id: UUID
    networks: int


@dataclass(frozen=True)
class UnusualUseRow:
    """What was unusual, as it is kept."""

    unusual_use_id: UUID
    event_time: datetime
    account_id: UUID
    partner_id: UUID
    caisse_code: str
    score: int
    kinds: list[str]
    points: list[int]
    observed_counts: list[int]
    expected_counts: list[int]
    suspended: bool
    lift_time: datetime | None
    trace_id: str

    def unusual_use(self) -> UnusualUse:
        """The same, as the rules know it."""
        reasons = zip(self.kinds, self.points, self.observed_counts, self.expected_counts, strict=True)
        return UnusualUse(
            unusual_use_id=self.unusual_use_id,
            event_time=self.event_time,
            account_id=self.account_id,
            partner_id=self.partner_id,
            caisse_code=self.caisse_code,
            score=self.score,
            reasons=[Reason(UnusualUseKind(kind), *numbers) for kind, *numbers in reasons],
            suspended=self.suspended,
            lift_time=self.lift_time,
            trace_id=self.trace_id,
        )


def _row(unusual: UnusualUse) -> UnusualUseRow:
    return UnusualUseRow(
        unusual_use_id=unusual.unusual_use_id,
        event_time=unusual.event_time,
        account_id=unusual.account_id,
        partner_id=unusual.partner_id,
        caisse_code=unusual.caisse_code,
        score=unusual.score,
        kinds=[reason.kind.value for reason in unusual.reasons],
        points=[reason.points for reason in unusual.reasons],
        observed_counts=[reason.observed_count for reason in unusual.reasons],
        expected_counts=[reason.expected_count for reason in unusual.reasons],
        suspended=unusual.suspended,
        lift_time=unusual.lift_time,
        trace_id=unusual.trace_id,
    )


_DEFAULTS = {"notice_score": DEFAULT_NOTICE_SCORE, "suspension_score": DEFAULT_SUSPENSION_SCORE}

# One by one in the order given, so that two gateways that report the same accounts do not wait for one another.
_LOCK: LiteralString = """
SELECT pg_advisory_xact_lock(hashtextextended('use of ' || account_id, 0))
FROM unnest(%s::uuid[]) AS account_id
"""

_ACCOUNTS: LiteralString = """
SELECT accounts.account_id, accounts.partner_id, accounts.caisse_code,
    coalesce(use_policies.notice_score, %(notice_score)s) AS notice_score,
    coalesce(use_policies.suspension_score, %(suspension_score)s) AS suspension_score,
    coalesce(use_policies.notices_mailed, false) AS notices_mailed,
    EXISTS (
        SELECT FROM use_suspensions
        WHERE use_suspensions.account_id = accounts.account_id AND use_suspensions.lift_time IS NULL
    ) AS is_suspended,
    (
        SELECT max(use_suspensions.lift_time) FROM use_suspensions
        WHERE use_suspensions.account_id = accounts.account_id AND use_suspensions.lift_time IS NOT NULL
    ) AS lift_time,
    (
        SELECT unusual_uses.event_time FROM unusual_uses WHERE unusual_uses.account_id = accounts.account_id
        ORDER BY unusual_uses.unusual_use_id DESC LIMIT 1
    ) AS notice_time
FROM accounts
LEFT JOIN use_policies ON use_policies.caisse_code = accounts.caisse_code
WHERE accounts.account_id = ANY (%(account_ids)s)
"""

# Added up first: one statement may touch a row once.
_ADD_COUNTS: LiteralString = """
INSERT INTO use_counts (account_id, begin_time, partner_id, consultation_count, not_found_count)
SELECT account_id, begin_time, partner_id, sum(consultation_count), sum(not_found_count)
FROM unnest(
    %(account_ids)s::uuid[], %(begin_times)s::timestamptz[], %(partner_ids)s::uuid[],
    %(consultation_counts)s::integer[], %(not_found_counts)s::integer[]
) AS used (account_id, begin_time, partner_id, consultation_count, not_found_count)
GROUP BY account_id, begin_time, partner_id
ON CONFLICT ON CONSTRAINT use_counts_pkey DO UPDATE
SET consultation_count = use_counts.consultation_count + excluded.consultation_count,
    not_found_count = use_counts.not_found_count + excluded.not_found_count
"""

_ADD_NETWORKS: LiteralString = """
INSERT INTO use_networks (account_id, network_prefix, last_use_time)
SELECT DISTINCT account_id, network_prefix, %(now)s
FROM unnest(%(account_ids)s::uuid[], %(network_prefixes)s::text[]) AS used (account_id, network_prefix)
ON CONFLICT ON CONSTRAINT use_networks_pkey DO UPDATE SET last_use_time = excluded.last_use_time
"""

_RECENT_HOURS: LiteralString = """
SELECT use_counts.account_id, use_counts.begin_time, use_counts.consultation_count, use_counts.not_found_count
FROM unnest(%(account_ids)s::uuid[], %(sinces)s::timestamptz[]) AS judged (account_id, since)
JOIN use_counts ON use_counts.account_id = judged.account_id AND use_counts.begin_time >= judged.since
"""

_RECENT_NETWORKS: LiteralString = """
SELECT account_id, (
    SELECT count(*) FROM use_networks
    WHERE use_networks.account_id = judged.account_id AND use_networks.last_use_time >= judged.since
) AS networks
FROM unnest(%(account_ids)s::uuid[], %(sinces)s::timestamptz[]) AS judged (account_id, since)
"""

_PARTNER_HOURS: LiteralString = """
SELECT date_trunc('hour', begin_time) AS begin_time, sum(consultation_count)::integer AS consultation_count,
    sum(not_found_count)::integer AS not_found_count
FROM use_counts
WHERE partner_id = %(partner_id)s AND begin_time >= %(since)s AND begin_time < %(before)s
GROUP BY 1
"""

_ADD_UNUSUAL_USE: LiteralString = """
INSERT INTO unusual_uses (
    unusual_use_id, event_time, account_id, partner_id, caisse_code, score, kinds, points, observed_counts,
    expected_counts, suspended, trace_id
) VALUES (
    %(unusual_use_id)s, %(event_time)s, %(account_id)s, %(partner_id)s, %(caisse_code)s, %(score)s, %(kinds)s,
    %(points)s, %(observed_counts)s, %(expected_counts)s, %(suspended)s, %(trace_id)s
)
"""

_SUSPEND: LiteralString = """
INSERT INTO use_suspensions (unusual_use_id, account_id, suspend_time)
VALUES (%(unusual_use_id)s, %(account_id)s, %(event_time)s)
"""

_LIFT: LiteralString = """
UPDATE use_suspensions SET lift_time = greatest(%(now)s, use_suspensions.suspend_time)
FROM unusual_uses
WHERE use_suspensions.account_id = %(account_id)s AND use_suspensions.lift_time IS NULL
    AND unusual_uses.unusual_use_id = use_suspensions.unusual_use_id
RETURNING unusual_uses.unusual_use_id, unusual_uses.event_time, unusual_uses.account_id, unusual_uses.partner_id,
    unusual_uses.caisse_code, unusual_uses.score, unusual_uses.kinds, unusual_uses.points,
    unusual_uses.observed_counts, unusual_uses.expected_counts, unusual_uses.suspended, use_suspensions.lift_time,
    unusual_uses.trace_id
"""

_LIST: LiteralString = """
SELECT unusual_uses.unusual_use_id, unusual_uses.event_time, unusual_uses.account_id, unusual_uses.partner_id,
    unusual_uses.caisse_code, unusual_uses.score, unusual_uses.kinds, unusual_uses.points,
    unusual_uses.observed_counts, unusual_uses.expected_counts, unusual_uses.suspended, use_suspensions.lift_time,
    unusual_uses.trace_id
FROM unusual_uses
LEFT JOIN use_suspensions ON use_suspensions.unusual_use_id = unusual_uses.unusual_use_id
WHERE unusual_uses.caisse_code = %(caisse_code)s
"""
_OF_ACCOUNT: LiteralString = " AND unusual_uses.account_id = %(account_id)s"
_BEFORE: LiteralString = " AND unusual_uses.unusual_use_id < %(before)s"
_NEWEST_FIRST: LiteralString = " ORDER BY unusual_uses.unusual_use_id DESC LIMIT %(limit)s"

_MAKE_POLICY: LiteralString = """
INSERT INTO use_policies (caisse_code, notice_score, suspension_score, notices_mailed, version)
VALUES (%(caisse_code)s, %(notice_score)s, %(suspension_score)s, %(notices_mailed)s, %(version)s)
ON CONFLICT ON CONSTRAINT use_policies_pkey DO NOTHING
"""
_SET_POLICY: LiteralString = """
UPDATE use_policies
SET notice_score = %(notice_score)s, suspension_score = %(suspension_score)s, notices_mailed = %(notices_mailed)s,
    version = %(version)s
WHERE caisse_code = %(caisse_code)s
"""
_POLICY: LiteralString = """
SELECT caisse_code, notice_score, suspension_score, notices_mailed, version FROM use_policies WHERE caisse_code = %s
"""

# By place, so that servers that purge at once lock the rows in one order.
_PURGE_COUNTS: LiteralString = """
DELETE FROM use_counts
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM use_counts WHERE begin_time < %(before)s ORDER BY begin_time LIMIT %(limit)s
))
"""
_PURGE_NETWORKS: LiteralString = """
DELETE FROM use_networks
WHERE last_use_time < %(before)s AND ctid = ANY (ARRAY(
    SELECT ctid FROM use_networks WHERE last_use_time < %(before)s ORDER BY last_use_time LIMIT %(limit)s
))
"""
_PURGE_SUSPENSIONS: LiteralString = """
DELETE FROM use_suspensions
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM use_suspensions
    WHERE lift_time IS NOT NULL AND lift_time < %(before)s ORDER BY lift_time LIMIT %(limit)s
))
"""
_PURGE_UNUSUAL_USES: LiteralString = """
DELETE FROM unusual_uses
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM unusual_uses
    WHERE event_time < %(before)s AND NOT EXISTS (
        SELECT FROM use_suspensions WHERE use_suspensions.unusual_use_id = unusual_uses.unusual_use_id
    )
    ORDER BY event_time LIMIT %(limit)s
))
"""
