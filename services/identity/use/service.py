"""Records how accounts are used, and suspends what is clearly abuse before it acknowledges (art. 7-2; N3)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from psycopg import AsyncConnection

from services.identity.domain import require_caisse_code
from services.identity.events.domain import SecurityEventKind
from services.identity.events.service import SecurityEvents
from services.identity.outbox.store import OutboxStore
from services.identity.use.domain import (
    COUNTS_KEPT_FOR,
    HABIT,
    NOTHING_UNUSUAL,
    RECENT,
    Habit,
    Judgement,
    RecentUse,
    UnusualUse,
    UseCount,
    UsedAccount,
    UsePolicy,
    Verdict,
    could_be_unusual,
    decide,
    habit_of,
    is_mailed,
    judge,
    last_traces,
    require_counts,
    require_policy,
)
from services.identity.use.store import UseStore
from services.kit.clock import Clock
from services.kit.database import Database
from services.kit.errors import RecordNotFound
from services.kit.etags import require_unchanged
from services.kit.identifiers import (
    decode_page_token,
    new_uuid7,
    page_size,
    parse_uuid,
)
from services.kit.pages import Page, page_of

_log = structlog.get_logger()


class UseService:
    """The use of accounts. Any number of gateways may report at once: nothing is lost, nobody suspended twice."""

    def __init__(
        self, database: Database, store: UseStore, outbox: OutboxStore, events: SecurityEvents, clock: Clock
    ) -> None:
        self._database = database
        self._store = store
        self._outbox = outbox
        self._events = events
        self._clock = clock

    async def record(self, counts: Sequence[UseCount]) -> None:
        """Counts consultations and judges their accounts; a suspension holds once this returns (art. 7-2; N3).

        The caisse is told by mail: what the outbox is to say commits with the suspension. Accounts that there are not
        are passed over. Raises InvalidField.
        """
        require_counts(counts)
        found: list[UnusualUse] = []
        async with self._database.transaction("record_use") as connection:
            # Once it is this account's turn: a lift that was waited for is not later than now.
            accounts = await self._store.lock(connection, {count.account_id for count in counts})
            now = self._clock.now()
            await self._store.add(connection, accounts, counts, now)
            judged = [account for account in accounts if not account.is_suspended]
            recent = await self._store.recent(connection, judged, now)
            habits: dict[UUID, Habit] = {}
            traces = last_traces(counts)
            for account in judged:
                judgement = await self._judge(connection, account, recent[account.account_id], habits, now)
                verdict = decide(judgement, account, now)
                if verdict is not Verdict.NOTHING:
                    unusual = _unusual_use(
                        account, judgement, verdict, traces.get(account.account_id, ""), now
                    )
                    await self._note(connection, account, unusual)
                    found.append(unusual)
        for unusual in found:
            _log.info(
                "use_unusual",
                account_id=str(unusual.account_id),
                suspended=unusual.suspended,
                call_trace_id=unusual.trace_id,
            )

    async def page(
        self, caisse_code: str, account_id: UUID | None, asked_size: int, page_token: str
    ) -> Page[UnusualUse]:
        """A page of what was unusual at a caisse, of one account where it is given. Raises InvalidField."""
        require_caisse_code(caisse_code)
        size = page_size(asked_size)
        before = decode_page_token(page_token)
        uses = await self._store.list_before(
            caisse_code, account_id, parse_uuid("page_token", before) if before else None, size + 1
        )
        return page_of(uses, size, lambda use: str(use.unusual_use_id))

    async def lift(self, account_id: UUID) -> UnusualUse:
        """Lifts the suspension of an account; what it did before counts no more. Raises RecordNotFound."""
        async with self._database.transaction("lift_use_suspension") as connection:
            lifted = await self._store.lift(connection, account_id, self._clock.now())
            if lifted is None:
                raise RecordNotFound
            await self._events.note(
                connection, SecurityEventKind.USE_SUSPENSION_LIFTED, account_id=account_id
            )
        _log.info("use_suspension_lifted", account_id=str(account_id))
        return lifted

    async def set_policy(self, policy: UsePolicy, etag: str = "") -> UsePolicy:
        """Puts in force from which scores on a caisse is told, how, and accounts are suspended.

        `etag` is that of what was read, an empty one that of any. Raises InvalidField, RecordChanged.
        """
        require_caisse_code(policy.caisse_code)
        require_policy(policy)
        async with self._database.transaction("set_use_policy") as connection:
            before = await self._store.lock_policy(connection, policy.caisse_code)
            require_unchanged(etag, before.version)
            after = replace(policy, version=before.version + 1)
            await self._store.set_policy(connection, after)
            await self._events.note(
                connection, SecurityEventKind.USE_POLICY_SET, scope=f"caisse:{policy.caisse_code}"
            )
        return after

    async def policy(self, caisse_code: str) -> UsePolicy:
        """The policy in force. Raises InvalidField."""
        require_caisse_code(caisse_code)
        return await self._store.policy(caisse_code)

    async def purge(self, retention: timedelta) -> None:
        """Removes counts after 35 days, networks after one, and what was unusual after `retention`."""
        now = self._clock.now()
        await self._store.purge(now - COUNTS_KEPT_FOR, now - RECENT, now - retention)

    async def _judge(
        self,
        connection: AsyncConnection,
        account: UsedAccount,
        recent: RecentUse,
        habits: dict[UUID, Habit],
        now: datetime,
    ) -> Judgement:
        if not could_be_unusual(recent, account, now):
            return NOTHING_UNUSUAL
        if account.partner_id not in habits:
            habits[account.partner_id] = await self._habit(connection, account.partner_id, now)
        return judge(recent, habits[account.partner_id], now)

    async def _habit(self, connection: AsyncConnection, partner_id: UUID, now: datetime) -> Habit:
        # What is judged is no part of what it is held against.
        before = now - RECENT
        return habit_of(await self._store.partner_hours(connection, partner_id, before - HABIT, before))

    async def _note(self, connection: AsyncConnection, account: UsedAccount, unusual: UnusualUse) -> None:
        await self._store.add_unusual_use(connection, unusual)
        if is_mailed(unusual, account):
            await self._outbox.add_unusual_use(connection, new_uuid7(unusual.event_time), unusual)
        kinds = [SecurityEventKind.UNUSUAL_USE_NOTICED]
        if unusual.suspended:
            kinds.append(SecurityEventKind.USE_SUSPENDED)
        for kind in kinds:
            await self._events.note(
                connection, kind, account_id=unusual.account_id, trace_id=unusual.trace_id
            )


def _unusual_use(
    account: UsedAccount, judgement: Judgement, verdict: Verdict, trace_id: str, now: datetime
) -> UnusualUse:
    return UnusualUse(
        unusual_use_id=new_uuid7(now),
        event_time=now,
        account_id=account.account_id,
        partner_id=account.partner_id,
        caisse_code=account.caisse_code,
        score=judgement.score,
        reasons=judgement.reasons,
        suspended=verdict is Verdict.SUSPEND,
        trace_id=trace_id,
    )
