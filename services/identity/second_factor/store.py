"""Second factors in PostgreSQL. Secrets are sealed, recovery codes known by their digest only (N5).

Each statement is part of a larger act, as a sign-in, and runs on the connection of its transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from services.identity.second_factor.domain import TotpFactor
from services.kit.database import Database, fetch_one

_FACTOR = """
    SELECT account_id, sealed_secret, begin_time, enrol_time, last_step
    FROM second_factors
    WHERE account_id = %(account_id)s AND kind = %(kind)s
"""


class SecondFactorStore:
    """The second factors and recovery codes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, connection: AsyncConnection, account_id: UUID) -> TotpFactor | None:
        """The factor of an account, begun or enrolled."""
        return await fetch_one(connection, TotpFactor, _FACTOR, _key(account_id))

    async def begin(
        self, connection: AsyncConnection, account_id: UUID, sealed_secret: bytes, now: datetime
    ) -> bool:
        """Keeps a secret that was shown; one that was only begun is void. False where one is enrolled."""
        cursor = await connection.execute(
            """
            INSERT INTO second_factors (account_id, kind, sealed_secret, begin_time)
            VALUES (%(account_id)s, %(kind)s, %(sealed_secret)s, %(now)s)
            ON CONFLICT ON CONSTRAINT second_factors_pkey DO UPDATE
            SET kind = excluded.kind, sealed_secret = excluded.sealed_secret, begin_time = excluded.begin_time
            WHERE second_factors.enrol_time IS NULL
            """,
            {**_key(account_id), "sealed_secret": sealed_secret, "now": now},
        )
        return cursor.rowcount == 1

    async def enrol(self, connection: AsyncConnection, factor: TotpFactor, step: int, now: datetime) -> bool:
        """Enrols the factor that was read, by a code of `step`. False where it is another one by now, or enrolled."""
        cursor = await connection.execute(
            """
            UPDATE second_factors SET enrol_time = %(now)s, last_step = %(step)s
            WHERE account_id = %(account_id)s AND sealed_secret = %(sealed_secret)s AND enrol_time IS NULL
            """,
            {
                "account_id": factor.account_id,
                "sealed_secret": factor.sealed_secret,
                "step": step,
                "now": now,
            },
        )
        return cursor.rowcount == 1

    async def use_step(self, connection: AsyncConnection, factor: TotpFactor, step: int) -> bool:
        """Uses up the code of `step` and those before: of two who come with one code, one gets true.

        False, too, where the factor is no longer the one that was read.
        """
        cursor = await connection.execute(
            """
            UPDATE second_factors SET last_step = %(step)s
            WHERE account_id = %(account_id)s AND sealed_secret = %(sealed_secret)s AND enrol_time IS NOT NULL
                AND last_step < %(step)s
            """,
            {"account_id": factor.account_id, "sealed_secret": factor.sealed_secret, "step": step},
        )
        return cursor.rowcount == 1

    async def use_recovery_code(
        self, connection: AsyncConnection, account_id: UUID, code_digest: bytes
    ) -> bool:
        """Uses up a recovery code: of two who come with one code, one gets true."""
        cursor = await connection.execute(
            "DELETE FROM recovery_codes WHERE account_id = %s AND code_digest = %s", [account_id, code_digest]
        )
        return cursor.rowcount == 1

    async def replace_recovery_codes(
        self, connection: AsyncConnection, account_id: UUID, code_digests: Sequence[bytes]
    ) -> None:
        """Puts recovery codes in force; those before are void."""
        await self._remove_recovery_codes(connection, account_id)
        async with connection.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO recovery_codes (account_id, code_digest) VALUES (%s, %s)",
                [(account_id, code_digest) for code_digest in code_digests],
            )

    async def remove(self, connection: AsyncConnection, account_id: UUID) -> None:
        """Forgets the factor, begun or enrolled, and the recovery codes. Fine where there are none."""
        await self._remove_recovery_codes(connection, account_id)
        await connection.execute("DELETE FROM second_factors WHERE account_id = %s", [account_id])

    async def _remove_recovery_codes(self, connection: AsyncConnection, account_id: UUID) -> None:
        await connection.execute("DELETE FROM recovery_codes WHERE account_id = %s", [account_id])


def _key(account_id: UUID) -> dict[str, Any]:
    return {"account_id": account_id, "kind": TotpFactor.kind.value}
