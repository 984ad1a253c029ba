"""Partners: their record and their numéro de tiers (art. 4-2), and their suspension (art. 7-2)."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.kit.errors import DomainError, Reason
from services.kit.identifiers import decode_page_token
from services.partners.fields import invalid

_NUMERO_TIERS = re.compile(r"[0-9A-Za-z-]{1,20}")


@dataclass(frozen=True)
class Partner:
    """An organisation in the register of one caisse (référentiel des tiers, art. 4-2).

    `suspend_time` is set while its access is suspended (art. 7-2).
    """

    partner_id: UUID
    caisse_code: str
    numero_tiers: str
    denomination: str
    create_time: datetime
    suspend_time: datetime | None = None


@dataclass(frozen=True)
class Suspension:
    """A suspension as it is recorded (art. 7-2)."""

    suspension_id: UUID
    partner_id: UUID
    suspension_reason: str
    suspend_time: datetime


class PartnerNotSuspended(DomainError):
    """There is no suspension to lift (art. 7-2)."""

    reason = Reason.RECORD_STATE
    message = "The partner is not suspended."


def numero_tiers(text: str, field: str = "numero_tiers") -> str:
    """A numéro de tiers: 1 to 20 letters, digits or dashes. Raises InvalidField naming `field`."""
    if _NUMERO_TIERS.fullmatch(text) is None:
        raise invalid(field, "NUMERO_TIERS", "must be 1 to 20 letters, digits or dashes")
    return text


def numero_tiers_after(page_token: str) -> str:
    """The numéro de tiers behind which a page begins; empty for the first. Raises InvalidField."""
    key = decode_page_token(page_token)
    return numero_tiers(key, field="page_token") if key else ""
