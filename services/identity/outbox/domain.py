"""Messages to users and to caisses."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from services.identity.use.domain import UnusualUse


@dataclass(frozen=True)
class NewDormancyWarning:
    """A warning to write: the account, not used since `used_time`, will be disabled on `disable_date`."""

    message_id: UUID
    account_id: UUID
    used_time: datetime
    disable_date: date
    days_before: int
    create_time: datetime


@dataclass(frozen=True)
class DormancyWarning:
    """What a user is warned of: the account will be disabled on `disable_date`."""

    disable_date: date
    days_before: int


Content: TypeAlias = DormancyWarning | UnusualUse
"""What a user, or of unusual use his caisse, is to be told."""


@dataclass(frozen=True)
class Message:
    """A message to deliver. To whom a warning goes, the habilitation says."""

    message_id: UUID
    account_id: UUID
    habilitation_id: UUID
    create_time: datetime
    content: Content
