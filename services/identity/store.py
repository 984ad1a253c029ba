"""Accounts in PostgreSQL. What ends a session is a statement here, committed before anybody is told (N3)."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from services.identity.domain import Account, SessionHolder, Standing
from services.kit.database import ConstraintViolated, Database
from services.kit.errors import RecordAlreadyExists


@dataclass(frozen=True)
class NewGeneration:
    """The generation that a statement began."""

    session_generation: int


@dataclass(frozen=True)
class SignIn:
    """A sign-in as it was recorded."""

    session_generation: int
    previous_sign_in_time: datetime | None


class AccountStore:
    """The accounts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account: Account) -> bool:
        """Adds an account; false where its login is taken.

        Raises RecordAlreadyExists where the habilitation has one.
        """
        try:
            added = await self._database.execute(
                "add_account",
                """
                INSERT INTO accounts (
                    account_id, habilitation_id, login, password_hash, session_generation,
                    temporary_password_expire_time, create_time
                ) VALUES (
                    %(account_id)s, %(habilitation_id)s, %(login)s, %(password_hash)s, %(session_generation)s,
                    %(temporary_password_expire_time)s, %(create_time)s
                )
                ON CONFLICT ON CONSTRAINT accounts_login_key DO NOTHING
                """,
                asdict(account),
            )
        except ConstraintViolated as violated:
            if violated.constraint_name != "accounts_habilitation_id_key":
                raise
            raise RecordAlreadyExists from None
        return added == 1

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
            """
            SELECT account_id, habilitation_id, login, password_hash, session_generation,
                temporary_password_expire_time, create_time, disable_time, last_sign_in_time
            FROM accounts
            WHERE account_id = %(account_id)s OR habilitation_id = %(habilitation_id)s OR login = %(login)s
            """,
            {"account_id": account_id, "habilitation_id": habilitation_id, "login": login},
        )

    async def standings(self, account_ids: Collection[UUID]) -> dict[UUID, Standing]:
        """How each account stands now, in one statement; unknown ones are left out."""
        rows = await self._database.fetch_all(
            "compare_generations",
            Standing,
            """
            SELECT account_id, habilitation_id, session_generation,
                temporary_password_expire_time IS NOT NULL AS password_change_required,
                disable_time IS NOT NULL AS disabled
            FROM accounts
            WHERE account_id = ANY(%s)
            """,
            [list(account_ids)],
        )
        return {row.account_id: row for row in rows}

    async def record_sign_in(self, account: Account, new_password_hash: str, now: datetime) -> SignIn | None:
        """Ends the sessions and notes the sign-in.

        None where the password is no longer the one that was checked, or the account was disabled meanwhile.
        """
        return await self._database.fetch_one(
            "record_sign_in",
            SignIn,
            """
            UPDATE accounts
            SET session_generation = session_generation + 1,
                last_sign_in_time = %(now)s,
                password_hash = %(new_password_hash)s
            WHERE account_id = %(account_id)s AND password_hash = %(password_hash)s AND disable_time IS NULL
            RETURNING new.session_generation, old.last_sign_in_time AS previous_sign_in_time
            """,
            {
                "account_id": account.account_id,
                "password_hash": account.password_hash,
                "new_password_hash": new_password_hash,
                "now": now,
            },
        )

    async def replace_password(self, account: Account, new_password_hash: str) -> int | None:
        """Puts a password of the user's own in force and ends the sessions; returns the new generation.

        None where anything ended the sessions since `account` was read.
        """
        row = await self._database.fetch_one(
            "replace_password",
            NewGeneration,
            """
            UPDATE accounts
            SET session_generation = session_generation + 1,
                password_hash = %(new_password_hash)s,
                temporary_password_expire_time = NULL
            WHERE account_id = %(account_id)s
                AND session_generation = %(session_generation)s
                AND disable_time IS NULL
            RETURNING session_generation
            """,
            {
                "account_id": account.account_id,
                "session_generation": account.session_generation,
                "new_password_hash": new_password_hash,
            },
        )
        return row.session_generation if row else None

    async def issue_password(self, account_id: UUID, password_hash: str, expire_time: datetime) -> bool:
        """Puts a temporary password in force, ends the sessions and enables; false where there is no account."""
        touched = await self._database.execute(
            "issue_password",
            """
            UPDATE accounts
            SET session_generation = session_generation + 1,
                password_hash = %(password_hash)s,
                temporary_password_expire_time = %(expire_time)s,
                disable_time = NULL
            WHERE account_id = %(account_id)s
            """,
            {"account_id": account_id, "password_hash": password_hash, "expire_time": expire_time},
        )
        return touched == 1

    async def disable(self, account_id: UUID, now: datetime) -> bool:
        """Disables and ends the sessions; the first time stands. False where there is no account."""
        touched = await self._database.execute(
            "disable_account",
            """
            UPDATE accounts
            SET session_generation = session_generation + 1, disable_time = coalesce(disable_time, %(now)s)
            WHERE account_id = %(account_id)s
            """,
            {"account_id": account_id, "now": now},
        )
        return touched == 1

    async def end_sessions(self, account_id: UUID) -> bool:
        """Ends the sessions; false where there is no account."""
        touched = await self._database.execute(
            "end_sessions",
            "UPDATE accounts SET session_generation = session_generation + 1 WHERE account_id = %s",
            [account_id],
        )
        return touched == 1

    async def end_session(self, holder: SessionHolder) -> None:
        """Ends one session; a later one of the account lives on."""
        await self._database.execute(
            "end_session",
            """
            UPDATE accounts SET session_generation = session_generation + 1
            WHERE account_id = %s AND session_generation = %s
            """,
            [holder.account_id, holder.generation],
        )
