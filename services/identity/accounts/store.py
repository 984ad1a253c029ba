"""Accounts in PostgreSQL. What ends sessions is a statement here, committed before anybody is told (N3).

Statements that change something run on the connection of a transaction, so that the event of the act commits with it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection

from services.identity.accounts.domain import Account, PartnerPolicy
from services.kit.database import Database, fetch_all, fetch_one

_ACCOUNT = """
    SELECT accounts.account_id, habilitation_id, partner_id, caisse_code, login, password_hash, session_generation,
        device_generation, temporary_password_expire_time, password_set_time, personal_word_indexes, create_time,
        used_time, disable_time, last_sign_in_time, second_factors.enrol_time IS NOT NULL AS second_factor_enrolled
    FROM accounts
    LEFT JOIN second_factors ON second_factors.account_id = accounts.account_id
"""
_POLICY = """
    SELECT partner_id, second_factor_required, networks::text[] AS networks, client_certificates_sha256, version
    FROM partner_policies WHERE partner_id = %s
"""


@dataclass(frozen=True)
class SignInRecord:
    """A sign-in as it was recorded."""

    previous_sign_in_time: datetime | None


@dataclass(frozen=True)
class Touched:
    """The account that a statement changed."""

    account_id: UUID
    login: str


@dataclass(frozen=True)
class FormerPassword:
    """The hash of a password that was in force."""

    password_hash: str


class AccountStore:
    """The accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, connection: AsyncConnection, account: Account) -> bool:
        """Adds an account; false where its login is taken.

        Raises ConstraintViolated for "accounts_habilitation_id_key" where the habilitation has one.
        """
        cursor = await connection.execute(
            """
            INSERT INTO accounts (
                account_id, habilitation_id, partner_id, login, password_hash, session_generation, device_generation,
                temporary_password_expire_time, password_set_time, personal_word_indexes, create_time, used_time
            ) VALUES (
                %(account_id)s, %(habilitation_id)s, %(partner_id)s, %(login)s, %(password_hash)s,
                %(session_generation)s, %(device_generation)s, %(temporary_password_expire_time)s,
                %(password_set_time)s, %(personal_word_indexes)s, %(create_time)s, %(used_time)s
            )
            ON CONFLICT ON CONSTRAINT accounts_login_key DO NOTHING
            """,
            asdict(account),
        )
        return cursor.rowcount == 1

    async def find(
        self,
        *,
        account_id: UUID | None = None,
        habilitation_id: UUID | None = None,
        login: str | None = None,
    ) -> Account | None:
        """The account with the one key that is given."""
        return await self._database.fetch_one(
            "find_account",
            Account,
            f"{_ACCOUNT} WHERE accounts.account_id = %(account_id)s OR habilitation_id = %(habilitation_id)s"
            " OR login = %(login)s",
            {"account_id": account_id, "habilitation_id": habilitation_id, "login": login},
        )

    async def read(self, connection: AsyncConnection, account_id: UUID) -> Account | None:
        """The account, within a transaction."""
        return await fetch_one(
            connection, Account, f"{_ACCOUNT} WHERE accounts.account_id = %s", [account_id]
        )

    async def lock(self, connection: AsyncConnection, account_id: UUID) -> None:
        """Lets nobody else change the account until the transaction ends."""
        await connection.execute("SELECT FROM accounts WHERE account_id = %s FOR UPDATE", [account_id])

    async def record_sign_in(
        self, connection: AsyncConnection, account: Account, new_password_hash: str, now: datetime
    ) -> SignInRecord | None:
        """Notes the sign-in; the account's row stays locked until the transaction ends.

        None where the password is no longer the one that was checked, or the account was disabled meanwhile.
        """
        return await fetch_one(
            connection,
            SignInRecord,
            """
            UPDATE accounts
            SET last_sign_in_time = %(now)s, used_time = %(now)s, password_hash = %(new_password_hash)s
            WHERE account_id = %(account_id)s AND password_hash = %(password_hash)s AND disable_time IS NULL
            RETURNING old.last_sign_in_time AS previous_sign_in_time
            """,
            {
                "account_id": account.account_id,
                "password_hash": account.password_hash,
                "new_password_hash": new_password_hash,
                "now": now,
            },
        )

    async def replace_password(
        self, connection: AsyncConnection, account: Account, new_password_hash: str, now: datetime
    ) -> bool:
        """Puts a password of the user's own in force; false where the one that was checked is not in force."""
        cursor = await connection.execute(
            """
            UPDATE accounts
            SET password_hash = %(new_password_hash)s, password_set_time = %(now)s,
                temporary_password_expire_time = NULL
            WHERE account_id = %(account_id)s AND password_hash = %(password_hash)s AND disable_time IS NULL
            """,
            {
                "account_id": account.account_id,
                "password_hash": account.password_hash,
                "new_password_hash": new_password_hash,
                "now": now,
            },
        )
        return cursor.rowcount == 1

    async def issue_password(
        self,
        connection: AsyncConnection,
        account_id: UUID,
        password_hash: str,
        expire_time: datetime,
        now: datetime,
    ) -> Touched | None:
        """Puts a temporary password in force, ends the sessions, voids known devices and enables (art. 5).

        None where there is no account.
        """
        return await fetch_one(
            connection,
            Touched,
            """
            UPDATE accounts
            SET session_generation = session_generation + 1,
                device_generation = device_generation + 1,
                password_hash = %(password_hash)s,
                password_set_time = %(now)s,
                temporary_password_expire_time = %(expire_time)s,
                used_time = %(now)s,
                disable_time = NULL
            WHERE account_id = %(account_id)s
            RETURNING account_id, login
            """,
            {
                "account_id": account_id,
                "password_hash": password_hash,
                "expire_time": expire_time,
                "now": now,
            },
        )

    async def disable(self, connection: AsyncConnection, account_id: UUID, now: datetime) -> bool:
        """Disables and ends the sessions; the first time stands. False where there is no account."""
        cursor = await connection.execute(
            """
            UPDATE accounts
            SET session_generation = session_generation + 1, disable_time = coalesce(disable_time, %(now)s)
            WHERE account_id = %(account_id)s
            """,
            {"account_id": account_id, "now": now},
        )
        return cursor.rowcount == 1

    async def end_sessions(
        self,
        connection: AsyncConnection,
        *,
        account_id: UUID | None = None,
        habilitation_id: UUID | None = None,
    ) -> UUID | None:
        """Ends the sessions of the account with the one key given; its id, None where there is none."""
        touched = await fetch_one(
            connection,
            Touched,
            """
            UPDATE accounts SET session_generation = session_generation + 1
            WHERE account_id = %(account_id)s OR habilitation_id = %(habilitation_id)s
            RETURNING account_id, login
            """,
            {"account_id": account_id, "habilitation_id": habilitation_id},
        )
        return touched.account_id if touched else None

    async def end_sessions_of_scopes(self, connection: AsyncConnection, names: Sequence[str]) -> None:
        """Ends the sessions of all whom a scope covers, however many: one row a scope."""
        for name in names:
            await connection.execute(
                """
                INSERT INTO revocation_scopes (scope, generation) VALUES (%s, 1)
                ON CONFLICT ON CONSTRAINT revocation_scopes_pkey
                DO UPDATE SET generation = revocation_scopes.generation + 1
                """,
                [name],
            )

    async def keep_former_password(
        self, connection: AsyncConnection, account_id: UUID, password_hash: str, kept: int
    ) -> None:
        """Remembers the password that was in force, and forgets those before the last `kept`."""
        await connection.execute(
            "INSERT INTO former_passwords (account_id, password_hash) VALUES (%s, %s)",
            [account_id, password_hash],
        )
        await connection.execute(
            """
            DELETE FROM former_passwords
            WHERE account_id = %(account_id)s AND former_password_id <= (
                SELECT former_password_id FROM former_passwords WHERE account_id = %(account_id)s
                ORDER BY former_password_id DESC OFFSET %(kept)s LIMIT 1
            )
            """,
            {"account_id": account_id, "kept": kept},
        )

    async def former_passwords(self, account_id: UUID) -> list[str]:
        """The hashes of the last passwords before the one in force, newest first."""
        rows = await self._database.fetch_all(
            "list_former_passwords",
            FormerPassword,
            "SELECT password_hash FROM former_passwords WHERE account_id = %s ORDER BY former_password_id DESC",
            [account_id],
        )
        return [row.password_hash for row in rows]

    async def lock_policy(self, connection: AsyncConnection, partner_id: UUID) -> PartnerPolicy:
        """The policy in force, which nobody else changes while the transaction lasts; made where none was set."""
        await connection.execute(
            """
            INSERT INTO partner_policies (partner_id, second_factor_required, version) VALUES (%s, false, 0)
            ON CONFLICT ON CONSTRAINT partner_policies_pkey DO NOTHING
            """,
            [partner_id],
        )
        (locked,) = await fetch_all(connection, PartnerPolicy, _POLICY + " FOR NO KEY UPDATE", [partner_id])
        return locked

    async def set_policy(self, connection: AsyncConnection, policy: PartnerPolicy) -> None:
        """Puts a partner's policy in force, in the place of the one that was locked before."""
        await connection.execute(
            """
            UPDATE partner_policies
            SET second_factor_required = %(second_factor_required)s, networks = %(networks)s::cidr[],
                client_certificates_sha256 = %(client_certificates_sha256)s::text[], version = %(version)s
            WHERE partner_id = %(partner_id)s
            """,
            {
                "partner_id": policy.partner_id,
                "second_factor_required": policy.second_factor_required,
                "networks": [*policy.networks],
                "client_certificates_sha256": [*policy.client_certificates_sha256],
                "version": policy.version,
            },
        )

    async def policy(self, partner_id: UUID) -> PartnerPolicy:
        """The policy in force; the default one where none was set."""
        found = await self._database.fetch_one("find_policy", PartnerPolicy, _POLICY, [partner_id])
        return found or PartnerPolicy(partner_id)

    async def policy_of(self, connection: AsyncConnection, partner_id: UUID) -> PartnerPolicy:
        """The same, within a transaction."""
        found = await fetch_one(connection, PartnerPolicy, _POLICY, [partner_id])
        return found or PartnerPolicy(partner_id)
