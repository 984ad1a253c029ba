"""Sessions in PostgreSQL: which there are, and what ended them for good (N3, ADR 0007)."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection

from services.identity.sessions.domain import Session, Standing
from services.kit.database import Database, fetch_all, fetch_one

_STANDING = """
    SELECT sessions.token_digest, sessions.session_id, sessions.account_id, present_accounts.habilitation_id,
        sessions.expire_time, sessions.previous_sign_in_time,
        sessions.end_time IS NULL AND present_accounts.disable_time IS NULL
            AND sessions.generation = present_accounts.generation AS current,
        present_accounts.temporary_password_expire_time IS NOT NULL AS password_change_required,
        coalesce(partner_policies.second_factor_required, false) AS second_factor_required,
        second_factors.enrol_time IS NOT NULL AS second_factor_enrolled,
        coalesce(partner_policies.networks::text[], '{}') AS partner_networks,
        coalesce(partner_policies.client_certificates_sha256, '{}') AS partner_certificates,
        EXISTS (
            SELECT FROM use_suspensions
            WHERE use_suspensions.account_id = sessions.account_id AND use_suspensions.lift_time IS NULL
        ) AS use_suspended
    FROM sessions
    JOIN present_accounts ON present_accounts.account_id = sessions.account_id
    LEFT JOIN partner_policies ON partner_policies.partner_id = present_accounts.partner_id
    LEFT JOIN second_factors ON second_factors.account_id = present_accounts.account_id
    WHERE sessions.token_digest = ANY(%s)
"""
_PURGE = """
    DELETE FROM sessions WHERE session_id IN (
        SELECT session_id FROM sessions WHERE expire_time < %s ORDER BY expire_time LIMIT 1000
    )
"""


@dataclass(frozen=True)
class EndedSession:
    """A session that a statement ended."""

    session_id: UUID
    account_id: UUID
    token_digest: bytes


class SessionStore:
    """The sessions. A token is known only by its digest."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, connection: AsyncConnection, session: Session) -> None:
        """Opens a session in the present generation of its account.

        One that a wide revocation overtakes, though it commits later, is over from the start: the safe side.
        """
        await connection.execute(
            """
            INSERT INTO sessions (
                session_id, token_digest, account_id, generation, open_time, expire_time, previous_sign_in_time
            )
            SELECT %(session_id)s, %(token_digest)s, account_id, generation, %(open_time)s, %(expire_time)s,
                %(previous_sign_in_time)s
            FROM present_accounts WHERE account_id = %(account_id)s
            """,
            asdict(session),
        )

    async def standings(self, digests: Collection[bytes]) -> Mapping[bytes, Standing]:
        """How each session stands now, in one statement; unknown ones are left out."""
        rows = await self._database.fetch_all("compare_generations", Standing, _STANDING, [list(digests)])
        return {row.token_digest: row for row in rows}

    async def standing(self, connection: AsyncConnection, digest: bytes) -> Standing | None:
        """How a session stands now, within a transaction."""
        return await fetch_one(connection, Standing, _STANDING, [[digest]])

    async def end_by_digest(
        self, connection: AsyncConnection, digest: bytes, now: datetime
    ) -> EndedSession | None:
        """Ends one session; None where it is unknown or over already."""
        return await fetch_one(
            connection,
            EndedSession,
            """
            UPDATE sessions SET end_time = %s WHERE token_digest = %s AND end_time IS NULL
            RETURNING session_id, account_id, token_digest
            """,
            [now, digest],
        )

    async def end_by_id(
        self, connection: AsyncConnection, session_id: UUID, now: datetime
    ) -> EndedSession | None:
        """Ends one session, the first time standing; None where there is none."""
        return await fetch_one(
            connection,
            EndedSession,
            """
            UPDATE sessions SET end_time = coalesce(end_time, %s) WHERE session_id = %s
            RETURNING session_id, account_id, token_digest
            """,
            [now, session_id],
        )

    async def end_all_but_newest(
        self, connection: AsyncConnection, account_id: UUID, kept: int, now: datetime
    ) -> list[EndedSession]:
        """Ends the sessions of an account that are alive, but for the `kept` newest."""
        return await fetch_all(
            connection,
            EndedSession,
            """
            UPDATE sessions SET end_time = %(now)s
            WHERE session_id IN (
                SELECT sessions.session_id
                FROM sessions JOIN present_accounts ON present_accounts.account_id = sessions.account_id
                WHERE sessions.account_id = %(account_id)s AND sessions.end_time IS NULL
                    AND sessions.expire_time > %(now)s AND sessions.generation = present_accounts.generation
                ORDER BY sessions.open_time DESC, sessions.session_id DESC OFFSET %(kept)s
            )
            RETURNING session_id, account_id, token_digest
            """,
            {"account_id": account_id, "kept": kept, "now": now},
        )

    async def purge(self, before: datetime) -> int:
        """Forgets sessions that could not live past `before`, a bounded batch at a time; how many there were.

        An unknown session is refused as an ended one is.
        """
        removed = 0
        while batch := await self._database.execute("purge_sessions", _PURGE, [before]):
            removed += batch
        return removed
