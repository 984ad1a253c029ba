"""Partners and identity as the mailer sees them: protobuf in, domain out."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, timedelta
from typing import TypeVar
from uuid import UUID

from google.type.date_pb2 import Date

from msa.identity.v1 import outbox_service_pb2 as identity_pb
from msa.identity.v1 import use_service_pb2 as use_pb
from msa.identity.v1.outbox_service_pb2_grpc import OutboxServiceStub as IdentityOutboxStub
from msa.partners.v1 import deadline_service_pb2 as deadline_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import outbox_service_pb2 as partners_pb
from msa.partners.v1.habilitation_service_pb2_grpc import HabilitationServiceStub
from msa.partners.v1.outbox_service_pb2_grpc import OutboxServiceStub as PartnersOutboxStub
from services.kit.client import Upstream
from services.kit.errors import Reason
from services.kit.messages import to_duration
from services.kit.status import PeerError, reason_in
from services.mailer.domain import (
    AccountWarning,
    Audience,
    Deadline,
    DeadlineKind,
    DormancyWarning,
    EmailAddress,
    Leased,
    Reminder,
    UnusualUse,
    UnusualUseKind,
    UnusualUseReason,
    User,
)

Message = TypeVar("Message")
Content = TypeVar("Content")

_PARTNERS_OUTBOX = "msa.partners.v1.OutboxService"
_IDENTITY_OUTBOX = "msa.identity.v1.OutboxService"
# What opens nothing any more (art. 4-4).
_OVER = frozenset({habilitation_pb.HABILITATION_STATE_LAPSED, habilitation_pb.HABILITATION_STATE_WITHDRAWN})


class ReminderOutbox:
    """Partners' outbox. One message is taken at a time, so that none waits behind another that is slow to deliver."""

    def __init__(self, upstream: Upstream, lease: timedelta) -> None:
        self._upstream = upstream
        self._stub = PartnersOutboxStub(upstream.channel)
        self._request = partners_pb.LeaseMessagesRequest(maximum=1, lease=to_duration(lease))

    async def lease(self) -> Leased[Reminder] | None:
        """The oldest message that nobody holds, if there is one."""
        reply = await self._upstream.call(
            f"{_PARTNERS_OUTBOX}/LeaseMessages", self._stub.LeaseMessages, self._request
        )
        for message in reply.messages:
            return Leased(UUID(message.message_id), _understood(_reminder, message))
        return None

    async def acknowledge(self, message_ids: Sequence[UUID]) -> None:
        """Says that messages are dealt with."""
        request = partners_pb.AcknowledgeMessagesRequest(message_ids=map(str, message_ids))
        await self._upstream.call(
            f"{_PARTNERS_OUTBOX}/AcknowledgeMessages", self._stub.AcknowledgeMessages, request
        )


class WarningOutbox:
    """Identity's outbox, drained likewise."""

    def __init__(self, upstream: Upstream, lease: timedelta) -> None:
        self._upstream = upstream
        self._stub = IdentityOutboxStub(upstream.channel)
        self._request = identity_pb.LeaseMessagesRequest(maximum=1, lease=to_duration(lease))

    async def lease(self) -> Leased[AccountWarning] | None:
        """The most urgent message that nobody holds, if there is one."""
        reply = await self._upstream.call(
            f"{_IDENTITY_OUTBOX}/LeaseMessages", self._stub.LeaseMessages, self._request
        )
        for message in reply.messages:
            return Leased(UUID(message.message_id), _understood(_warning, message))
        return None

    async def acknowledge(self, message_ids: Sequence[UUID]) -> None:
        """Says that messages are dealt with."""
        request = identity_pb.AcknowledgeMessagesRequest(message_ids=map(str, message_ids))
        await self._upstream.call(
            f"{_IDENTITY_OUTBOX}/AcknowledgeMessages", self._stub.AcknowledgeMessages, request
        )


class PartnersClient:
    """Partners, which knows the users' addresses (annexe 2)."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._stub = HabilitationServiceStub(upstream.channel)

    async def find_user(self, habilitation_id: UUID) -> User | None:
        """Whom a habilitation belongs to; None where there is no such habilitation."""
        request = habilitation_pb.GetHabilitationRequest(habilitation_id=str(habilitation_id))
        try:
            reply = await self._upstream.call(
                "msa.partners.v1.HabilitationService/GetHabilitation", self._stub.GetHabilitation, request
            )
        except PeerError as error:
            if reason_in(error.status) is Reason.RECORD_NOT_FOUND:
                return None
            raise
        found = reply.habilitation
        return User(EmailAddress.parse(found.user.email), found.caisse_code, is_over=found.state in _OVER)


def _understood(read: Callable[[Message], Content], message: Message) -> Content | None:
    """What a message says, or None where it says something that this release does not know."""
    try:
        return read(message)
    except ValueError:
        return None


def _reminder(message: partners_pb.Message) -> Reminder:
    return Reminder(
        caisse_code=message.caisse_code,
        audience=Audience(message.audience),
        partner_address=EmailAddress.parse(message.recipient_email),
        deadline=_deadline(message.deadline),
    )


def _deadline(message: deadline_pb.Deadline) -> Deadline:
    return Deadline(
        kind=DeadlineKind(message.kind),
        due_date=_day(message.due_date),
        partner_denomination=message.partner_denomination,
        user_count=message.user_count,
    )


def _warning(message: identity_pb.Message) -> AccountWarning:
    if message.WhichOneof("content") == "unusual_use":
        return _unusual_use(message.unusual_use)
    # The date of a content that is not known is no day either.
    return DormancyWarning(UUID(message.habilitation_id), _day(message.dormancy_warning.disable_date))


def _unusual_use(unusual: use_pb.UnusualUse) -> UnusualUse:
    return UnusualUse(
        caisse_code=unusual.caisse_code,
        account_id=UUID(unusual.account_id),
        partner_id=UUID(unusual.partner_id),
        event_time=unusual.event_time.ToDatetime(UTC),
        score=unusual.score,
        reasons=[
            UnusualUseReason(UnusualUseKind(reason.kind), reason.observed_count, reason.expected_count)
            for reason in unusual.reasons
        ],
        suspended=unusual.suspended,
    )


def _day(message: Date) -> date:
    return date(message.year, message.month, message.day)
