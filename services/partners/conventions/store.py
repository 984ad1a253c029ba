"""SQL for conventions and their ends. A write has committed when its method returns."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from uuid import UUID

from services.kit.database import ConstraintViolated, Database, fetch_one
from services.kit.errors import RecordAlreadyExists
from services.partners.conventions.domain import Convention, ConventionEnd

_CONVENTION = """
    SELECT convention_id, partner_id, caisse_code, signature_date, cnil_declaration_date, end_date
    FROM conventions
"""


class ConventionStore:
    """Conventions and their ends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, convention: Convention, create_time: datetime) -> None:
        """Adds a convention without an end. Raises RecordAlreadyExists where the partner has such a one."""
        try:
            await self._database.execute(
                "insert_convention",
                """
                INSERT INTO conventions (convention_id, partner_id, caisse_code, signature_date,
                                         cnil_declaration_date, create_time)
                VALUES (%(convention_id)s, %(partner_id)s, %(caisse_code)s, %(signature_date)s,
                        %(cnil_declaration_date)s, %(create_time)s)
                """,
                {**asdict(convention), "create_time": create_time},
            )
        except ConstraintViolated as violated:
            if violated.constraint_name != "conventions_open_key":
                raise
            raise RecordAlreadyExists from None

    async def find(self, convention_id: UUID) -> Convention | None:
        """The convention, if there is one."""
        return await self._database.fetch_one(
            "find_convention", Convention, f"{_CONVENTION} WHERE convention_id = %s", (convention_id,)
        )

    async def list_of_partner(self, partner_id: UUID) -> list[Convention]:
        """Every convention that the partner ever had."""
        return await self._database.fetch_all(
            "list_conventions", Convention, f"{_CONVENTION} WHERE partner_id = %s", (partner_id,)
        )

    async def set_cnil_declaration(
        self, convention_id: UUID, cnil_declaration_date: date
    ) -> Convention | None:
        """Sets the day of transmission; returns the convention as it now is, if there is one."""
        return await self._database.fetch_one(
            "set_cnil_declaration",
            Convention,
            """
            UPDATE conventions SET cnil_declaration_date = %s WHERE convention_id = %s
            RETURNING convention_id, partner_id, caisse_code, signature_date, cnil_declaration_date, end_date
            """,
            (cnil_declaration_date, convention_id),
        )

    async def end(self, end: ConventionEnd, change: Callable[[Convention], Convention]) -> Convention | None:
        """Records `end` if `change` lets the convention, locked meanwhile, have it; None if there is none."""
        async with self._database.transaction("end_convention") as connection:
            statement = f"{_CONVENTION} WHERE convention_id = %s FOR UPDATE"
            convention = await fetch_one(connection, Convention, statement, (end.convention_id,))
            if convention is None:
                return None
            ended = change(convention)
            await connection.execute(
                "UPDATE conventions SET end_date = %s WHERE convention_id = %s",
                (ended.end_date, ended.convention_id),
            )
            await connection.execute(
                """
                INSERT INTO convention_ends (convention_end_id, convention_id, end_date, end_reason, record_time)
                VALUES (%(convention_end_id)s, %(convention_id)s, %(end_date)s, %(end_reason)s, %(record_time)s)
                """,
                asdict(end),
            )
        return ended
