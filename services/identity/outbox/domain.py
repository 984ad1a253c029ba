"""Messages to users, and the rules of taking them."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


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
    """A warning to deliver. Whom to write to, the habilitation says."""

    message_id: UUID
    account_id: UUID
    habilitation_id: UUID
    disable_date: date
    days_before: int
    create_time: datetime
