"""SQL for access requests. What is written belongs to the transaction of its connection."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from services.kit.database import Database, fetch_one
from services.partners.habilitations.domain import Bouquet
from services.partners.requests.domain import AccessRequest, Form, RequestKind, RequestState

_REQUEST = """
    SELECT access_request_id, convention_id, partner_id, caisse_code, kind, bouquet, habilitation_id,
           partner_denomination, partner_representative, partner_representative_function, user_nom, user_prenom,
           user_email, signatory_name, signature_place, signature_date, signed, scan_sha256, scan_reference,
           receive_time, decide_time, refusal_reason, granted_habilitation_id, version
    FROM access_requests
"""
# Which rows a state stands for, as far as SQL can tell: what is missing on an open one, the domain says.
_STATES: dict[RequestState | None, LiteralString] = {
    None: "true",
    RequestState.RECEIVED: "decide_time IS NULL",
    RequestState.INCOMPLETE: "decide_time IS NULL",
    RequestState.ACCEPTED: "decide_time IS NOT NULL AND refusal_reason = ''",
    RequestState.REFUSED: "refusal_reason <> ''",
}


class RequestStore:
    """Access requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, connection: AsyncConnection, request: AccessRequest) -> None:
        """Adds a form."""
        await connection.execute(
            """
            INSERT INTO access_requests (
                access_request_id, convention_id, partner_id, caisse_code, kind, bouquet, habilitation_id,
                partner_denomination, partner_representative, partner_representative_function, user_nom,
                user_prenom, user_email, signatory_name, signature_place, signature_date, signed, scan_sha256,
                scan_reference, receive_time, version
            ) VALUES (
                %(access_request_id)s, %(convention_id)s, %(partner_id)s, %(caisse_code)s, %(kind)s, %(bouquet)s,
                %(habilitation_id)s, %(partner_denomination)s, %(partner_representative)s,
                %(partner_representative_function)s, %(user_nom)s, %(user_prenom)s, %(user_email)s,
                %(signatory_name)s, %(signature_place)s, %(signature_date)s, %(signed)s, %(scan_sha256)s,
                %(scan_reference)s, %(receive_time)s, %(version)s
            )
            """,
            _parameters(request),
        )

    async def update(self, connection: AsyncConnection, request: AccessRequest) -> None:
        """Keeps the form, and what was decided of it."""
        await connection.execute(
            """
            UPDATE access_requests SET
                partner_denomination = %(partner_denomination)s,
                partner_representative = %(partner_representative)s,
                partner_representative_function = %(partner_representative_function)s, user_nom = %(user_nom)s,
                user_prenom = %(user_prenom)s, user_email = %(user_email)s, signatory_name = %(signatory_name)s,
                signature_place = %(signature_place)s, signature_date = %(signature_date)s, signed = %(signed)s,
                scan_sha256 = %(scan_sha256)s, scan_reference = %(scan_reference)s,
                decide_time = %(decide_time)s, refusal_reason = %(refusal_reason)s,
                granted_habilitation_id = %(granted_habilitation_id)s, version = %(version)s
            WHERE access_request_id = %(access_request_id)s
            """,
            _parameters(request),
        )

    async def find(self, access_request_id: UUID) -> AccessRequest | None:
        """The form, if there is one."""
        row = await self._database.fetch_one(
            "find_access_request",
            _RequestRow,
            f"{_REQUEST} WHERE access_request_id = %s",
            (access_request_id,),
        )
        return None if row is None else row.request()

    async def lock(self, connection: AsyncConnection, access_request_id: UUID) -> AccessRequest | None:
        """The form, which nobody else changes while the transaction lasts."""
        statement = f"{_REQUEST} WHERE access_request_id = %s FOR NO KEY UPDATE"
        row = await fetch_one(connection, _RequestRow, statement, (access_request_id,))
        return None if row is None else row.request()

    async def list_before(
        self,
        caisse_code: str,
        convention_id: UUID | None,
        state: RequestState | None,
        access_request_id: UUID,
        limit: int,
    ) -> list[AccessRequest]:
        """The newest `limit` forms of a caisse before `access_request_id`; open ones complete or not alike."""
        rows = await self._database.fetch_all(
            "list_access_requests",
            _RequestRow,
            f"""{_REQUEST}
            WHERE caisse_code = %(caisse_code)s AND access_request_id < %(before)s
                AND (%(convention_id)s::uuid IS NULL OR convention_id = %(convention_id)s)
                AND {_STATES[state]}
            ORDER BY access_request_id DESC LIMIT %(limit)s""",
            {
                "caisse_code": caisse_code,
                "convention_id": convention_id,
                "before": access_request_id,
                "limit": limit,
            },
        )
        return [row.request() for row in rows]


def _parameters(request: AccessRequest) -> dict[str, Any]:
    return {
        **{name: getattr(request.form, name) for name in Form.__dataclass_fields__},
        "access_request_id": request.access_request_id,
        "convention_id": request.convention_id,
        "partner_id": request.partner_id,
        "caisse_code": request.caisse_code,
        "kind": request.kind.value,
        "bouquet": request.bouquet.value,
        "habilitation_id": request.habilitation_id,
        "receive_time": request.receive_time,
        "decide_time": request.decide_time,
        "refusal_reason": request.refusal_reason,
        "granted_habilitation_id": request.granted_habilitation_id,
        "version": request.version,
    }


@dataclass(frozen=True)
class _RequestRow:
    access_request_id: UUID
    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    kind: str
    bouquet: str
    habilitation_id: UUID | None
    partner_denomination: str
    partner_representative: str
    partner_representative_function: str
    user_nom: str
    user_prenom: str
    user_email: str
    signatory_name: str
    signature_place: str
    signature_date: date | None
    signed: bool
    scan_sha256: str
    scan_reference: str
    receive_time: datetime
    decide_time: datetime | None
    refusal_reason: str
    granted_habilitation_id: UUID | None
    version: int

    def request(self) -> AccessRequest:
        return AccessRequest(
            access_request_id=self.access_request_id,
            convention_id=self.convention_id,
            partner_id=self.partner_id,
            caisse_code=self.caisse_code,
            kind=RequestKind(self.kind),
            bouquet=Bouquet(self.bouquet),
            form=Form(**{name: getattr(self, name) for name in Form.__dataclass_fields__}),
            receive_time=self.receive_time,
            habilitation_id=self.habilitation_id,
            decide_time=self.decide_time,
            refusal_reason=self.refusal_reason,
            granted_habilitation_id=self.granted_habilitation_id,
            version=self.version,
        )
