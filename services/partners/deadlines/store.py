"""SQL for what deadlines are read from, beside the conventions. Each statement finds its rows from given ids."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.kit.database import Database
from services.partners.deadlines.domain import Lapse, PartnerLine, TimedSuspension

_SUSPENDED = """
    SELECT partners.partner_id, partners.numero_tiers, partners.denomination, partners.email,
           suspensions.suspension_id, suspensions.until_date
    FROM partners
    JOIN suspensions ON suspensions.partner_id = partners.partner_id
        AND suspensions.lift_time IS NULL AND suspensions.until_date IS NOT NULL
"""


@dataclass(frozen=True)
class SuspendedPartner:
    """A partner with its own suspension that ends by itself."""

    numero_tiers: str
    partner: PartnerLine
    suspension: TimedSuspension


class DeadlineStore:
    """Partners, their users' last days and the suspensions of both."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def partners(self, partner_ids: Sequence[UUID]) -> Mapping[UUID, PartnerLine]:
        """The partners with these ids, as the register has them now."""
        lines = await self._database.fetch_all(
            "find_partner_lines",
            PartnerLine,
            "SELECT partner_id, denomination, email FROM partners WHERE partner_id = ANY(%s::uuid[])",
            (list(partner_ids),),
        )
        return {line.partner_id: line for line in lines}

    async def lapses(self, convention_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Lapse]]:
        """By convention: the days on which habilitations lapse that were not withdrawn, and how many."""
        rows = await self._database.fetch_all(
            "count_lapses",
            _LapseRow,
            """
            SELECT convention_id, lapse_date, count(*)::integer AS user_count
            FROM habilitations
            WHERE convention_id = ANY(%s::uuid[]) AND withdraw_time IS NULL
            GROUP BY convention_id, lapse_date
            """,
            (list(convention_ids),),
        )
        found: defaultdict[UUID, list[Lapse]] = defaultdict(list)
        for row in rows:
            found[row.convention_id].append(Lapse(row.lapse_date, row.user_count))
        return found

    async def user_suspensions(
        self, convention_ids: Sequence[UUID]
    ) -> Mapping[UUID, Sequence[TimedSuspension]]:
        """By convention: the suspensions of its users that end by themselves."""
        rows = await self._database.fetch_all(
            "list_user_suspension_ends",
            _UserSuspensionRow,
            """
            SELECT habilitations.convention_id, user_suspensions.suspension_id, user_suspensions.until_date
            FROM habilitations
            JOIN user_suspensions ON user_suspensions.habilitation_id = habilitations.habilitation_id
                AND user_suspensions.lift_time IS NULL AND user_suspensions.until_date IS NOT NULL
            WHERE habilitations.convention_id = ANY(%s::uuid[]) AND habilitations.withdraw_time IS NULL
            """,
            (list(convention_ids),),
        )
        found: defaultdict[UUID, list[TimedSuspension]] = defaultdict(list)
        for row in rows:
            found[row.convention_id].append(TimedSuspension(row.suspension_id, row.until_date))
        return found

    async def suspended_after(
        self, caisse_code: str, numero_tiers: str, limit: int
    ) -> Sequence[SuspendedPartner]:
        """The first `limit` partners of a caisse behind `numero_tiers` whose own suspension ends by itself."""
        rows = await self._database.fetch_all(
            "list_suspended_partners",
            _SuspendedRow,
            f"""{_SUSPENDED}
            WHERE partners.caisse_code = %s AND partners.numero_tiers > %s
            ORDER BY partners.numero_tiers LIMIT %s""",
            (caisse_code, numero_tiers, limit),
        )
        return [row.suspended() for row in rows]

    async def suspended_among(self, partner_ids: Sequence[UUID]) -> Sequence[SuspendedPartner]:
        """Those of these partners whose own suspension ends by itself."""
        rows = await self._database.fetch_all(
            "find_suspended_partners",
            _SuspendedRow,
            f"{_SUSPENDED} WHERE partners.partner_id = ANY(%s::uuid[])",
            (list(partner_ids),),
        )
        return [row.suspended() for row in rows]

    async def convention_ids(self, partner_ids: Sequence[UUID]) -> Sequence[UUID]:
        """The conventions that these partners have and had."""
        rows = await self._database.fetch_all(
            "find_conventions_of_partners",
            _ConventionIdRow,
            "SELECT convention_id FROM conventions WHERE partner_id = ANY(%s::uuid[])",
            (list(partner_ids),),
        )
        return [row.convention_id for row in rows]


@dataclass(frozen=True)
class _LapseRow:
    convention_id: UUID
    lapse_date: date
    user_count: int


@dataclass(frozen=True)
class _UserSuspensionRow:
    convention_id: UUID
    suspension_id: UUID
    until_date: date


@dataclass(frozen=True)
class _ConventionIdRow:
    convention_id: UUID


@dataclass(frozen=True)
class _SuspendedRow:
    partner_id: UUID
    numero_tiers: str
    denomination: str
    email: str
    suspension_id: UUID
    until_date: date

    def suspended(self) -> SuspendedPartner:
        return SuspendedPartner(
            self.numero_tiers,
            PartnerLine(self.partner_id, self.denomination, self.email),
            TimedSuspension(self.suspension_id, self.until_date),
        )
