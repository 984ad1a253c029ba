"""Messages that remind of deadlines, and the rules of taking them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from services.partners.deadlines.domain import (
    Addressed,
    Audience,
    Deadline,
    DeadlineKey,
    DeadlineKind,
    due_reminder,
)


@dataclass(frozen=True)
class Reminder:
    """That an audience is reminded of a deadline, so many days before it."""

    audience: Audience
    kind: DeadlineKind
    subject_id: UUID
    partner_id: UUID
    due_date: date
    days_before: int


@dataclass(frozen=True)
class KeptMessage:
    """A message as it is kept; `most_urgent` is the least of the days before of all reminders of its deadline."""

    message_id: UUID
    caisse_code: str
    audience: Audience
    kind: DeadlineKind
    subject_id: UUID
    partner_id: UUID
    due_date: date
    days_before: int
    most_urgent: int
    create_time: datetime

    @property
    def deadline_key(self) -> DeadlineKey:
        """The deadline that it reminds of."""
        return self.kind, self.subject_id, self.due_date


@dataclass(frozen=True)
class Message:
    """A message to deliver; `recipient_email`, empty for the caisse, is never in the repr (N5)."""

    message_id: UUID
    caisse_code: str
    audience: Audience
    recipient_email: str = field(repr=False)
    deadline: Deadline
    days_before: int
    create_time: datetime


@dataclass(frozen=True)
class MessageList:
    """Messages whose deadlines are told as they are on the day `today`, the oldest message first."""

    today: date
    messages: Sequence[Message]


def reminders_due(addressed: Iterable[Addressed], today: date) -> Iterator[Reminder]:
    """The reminders that are due today of these deadlines, one for each audience."""
    for one in addressed:
        deadline, days_before = one.deadline, due_reminder(one.deadline, today)
        if days_before is not None:
            for audience in one.audiences:
                yield Reminder(
                    audience=audience,
                    kind=deadline.kind,
                    subject_id=deadline.subject_id,
                    partner_id=deadline.partner_id,
                    due_date=deadline.due_date,
                    days_before=days_before,
                )


def still_to_tell(
    kept: Iterable[KeptMessage], deadlines: Mapping[DeadlineKey, Addressed]
) -> Iterator[Message]:
    """Those of the messages that still say something, given the deadlines that hold now.

    Not one whose deadline holds no more, nor one that a more urgent reminder followed, nor one to a partner who has
    no e-mail any more.
    """
    for one in kept:
        addressed = deadlines.get(one.deadline_key)
        if addressed and one.audience in addressed.audiences and one.days_before <= one.most_urgent:
            yield Message(
                message_id=one.message_id,
                caisse_code=one.caisse_code,
                audience=one.audience,
                recipient_email=addressed.partner.email if one.audience is Audience.PARTNER else "",
                deadline=addressed.deadline,
                days_before=one.days_before,
                create_time=one.create_time,
            )
