"""Partners and identity as the mailer meets them: their protobuf over a real channel with mutual TLS, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Generic, Protocol, TypeVar
from uuid import uuid4

import grpc

from msa.identity.v1 import outbox_service_pb2 as identity_pb
from msa.identity.v1 import use_service_pb2 as use_pb
from msa.identity.v1.outbox_service_pb2_grpc import OutboxServiceServicer as IdentityServicer
from msa.identity.v1.outbox_service_pb2_grpc import add_OutboxServiceServicer_to_server as add_identity
from msa.partners.v1 import deadline_service_pb2 as deadline_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import outbox_service_pb2 as partners_pb
from msa.partners.v1.habilitation_service_pb2_grpc import (
    HabilitationServiceServicer,
    add_HabilitationServiceServicer_to_server,
)
from msa.partners.v1.outbox_service_pb2_grpc import OutboxServiceServicer as PartnersServicer
from msa.partners.v1.outbox_service_pb2_grpc import add_OutboxServiceServicer_to_server as add_partners
from services.kit.config import TlsSettings
from services.kit.errors import DependencyUnavailable, RecordNotFound
from services.kit.interceptors import ErrorInterceptor
from services.kit.messages import to_date, to_timestamp
from services.kit.tls import server_credentials
from tests.clock import FakeClock


class HasId(Protocol):
    """What both outboxes hold."""

    message_id: str


M = TypeVar("M", bound=HasId)


@dataclass
class Outbox(Generic[M]):
    """Messages that are leased until they are acknowledged."""

    clock: FakeClock
    waiting: list[M] = field(default_factory=list)
    held_until: dict[str, datetime] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    is_away: bool = False
    forgets_acknowledgements: bool = False
    """They arrive, and then the service is away: none is written, and none is answered well."""
    acknowledging: asyncio.Event = field(default_factory=asyncio.Event)

    def lease(self, maximum: int, lease: timedelta) -> list[M]:
        if self.is_away:
            raise DependencyUnavailable
        now = self.clock.now()
        free = [each for each in self.waiting if self.held_until.get(each.message_id, now) <= now]
        leased = free[: maximum or 50]
        self.held_until.update({each.message_id: now + lease for each in leased})
        return leased

    def acknowledge(self, message_ids: list[str]) -> None:
        self.acknowledging.set()
        if self.is_away or self.forgets_acknowledgements:
            raise DependencyUnavailable
        self.acknowledged += message_ids
        self.waiting = [each for each in self.waiting if each.message_id not in message_ids]


class _Reminders(PartnersServicer):
    def __init__(self, outbox: Outbox[partners_pb.Message]) -> None:
        self._outbox = outbox

    async def LeaseMessages(
        self, request: partners_pb.LeaseMessagesRequest, context: object
    ) -> partners_pb.LeaseMessagesResponse:
        leased = self._outbox.lease(request.maximum, request.lease.ToTimedelta())
        return partners_pb.LeaseMessagesResponse(messages=leased)

    async def AcknowledgeMessages(
        self, request: partners_pb.AcknowledgeMessagesRequest, context: object
    ) -> partners_pb.AcknowledgeMessagesResponse:
        self._outbox.acknowledge(list(request.message_ids))
        return partners_pb.AcknowledgeMessagesResponse()


class _Warnings(IdentityServicer):
    def __init__(self, outbox: Outbox[identity_pb.Message]) -> None:
        self._outbox = outbox

    async def LeaseMessages(
        self, request: identity_pb.LeaseMessagesRequest, context: object
    ) -> identity_pb.LeaseMessagesResponse:
        leased = self._outbox.lease(request.maximum, request.lease.ToTimedelta())
        return identity_pb.LeaseMessagesResponse(messages=leased)

    async def AcknowledgeMessages(
        self, request: identity_pb.AcknowledgeMessagesRequest, context: object
    ) -> identity_pb.AcknowledgeMessagesResponse:
        self._outbox.acknowledge(list(request.message_ids))
        return identity_pb.AcknowledgeMessagesResponse()


class Habilitations(HabilitationServiceServicer):
    """The users of the habilitations."""

    def __init__(self) -> None:
        self.known: dict[str, habilitation_pb.Habilitation] = {}
        self.are_away = False

    async def GetHabilitation(
        self, request: habilitation_pb.GetHabilitationRequest, context: object
    ) -> habilitation_pb.GetHabilitationResponse:
        if self.are_away:
            raise DependencyUnavailable
        if request.habilitation_id not in self.known:
            raise RecordNotFound
        return habilitation_pb.GetHabilitationResponse(habilitation=self.known[request.habilitation_id])


@dataclass
class Services:
    """Both services, and what they hold."""

    reminders: Outbox[partners_pb.Message]
    warnings: Outbox[identity_pb.Message]
    habilitations: Habilitations
    address: str = ""

    def remind(
        self,
        *,
        kind: int = deadline_pb.DEADLINE_KIND_RENEWAL,
        audience: int = partners_pb.AUDIENCE_PARTNER,
        to: str = "",
        denomination: str = "Mairie de Montfaucelle",
        due_date: date = date(2026, 12, 24),
    ) -> str:
        """Writes a reminder; its message_id."""
        message = partners_pb.Message(
            message_id=str(uuid4()),
            caisse_code="21",
            audience=partners_pb.Audience.ValueType(audience),
            recipient_email=to,
            deadline=deadline_pb.Deadline(
                kind=deadline_pb.DeadlineKind.ValueType(kind),
                due_date=to_date(due_date),
                partner_denomination=denomination,
            ),
        )
        self.reminders.waiting.append(message)
        return message.message_id

    def warn(
        self,
        *,
        email: str = "odile@montfaucelle.example",
        state: int = habilitation_pb.HABILITATION_STATE_LIVE,
        disable_date: date = date(2026, 12, 24),
        is_known: bool = True,
    ) -> str:
        """Writes a warning to the user of a habilitation of its own; its message_id."""
        message = identity_pb.Message(
            message_id=str(uuid4()),
            dormancy_warning=identity_pb.DormancyWarning(disable_date=to_date(disable_date), days_before=30),
            account_id=str(uuid4()),
            habilitation_id=str(uuid4()),
        )
        if is_known:
            self.habilitations.known[message.habilitation_id] = habilitation_pb.Habilitation(
                habilitation_id=message.habilitation_id,
                caisse_code="21",
                user=habilitation_pb.User(nom="Zwetschgenkuchen", prenom="Odile", email=email),
                state=habilitation_pb.HabilitationState.ValueType(state),
            )
        self.warnings.waiting.append(message)
        return message.message_id

    def suspend(self, *, caisse_code: str = "21", kind: int = use_pb.UNUSUAL_USE_KIND_UNKNOWN_NIRS) -> str:
        """Writes that an account of its own was suspended for unusual use; the message_id."""
        message = identity_pb.Message(
            message_id=str(uuid4()),
            account_id=str(uuid4()),
            habilitation_id=str(uuid4()),
            unusual_use=use_pb.UnusualUse(
                account_id=str(uuid4()),
                partner_id=str(uuid4()),
                caisse_code=caisse_code,
                event_time=to_timestamp(self.warnings.clock.now()),
                score=81,
                suspended=True,
                reasons=[
                    use_pb.UnusualUseReason(
                        kind=use_pb.UnusualUseKind.ValueType(kind),
                        points=81,
                        observed_count=101,
                        expected_count=20,
                    )
                ],
            ),
        )
        self.warnings.waiting.append(message)
        return message.message_id


@asynccontextmanager
async def running_services(clock: FakeClock, tls: TlsSettings) -> AsyncIterator[Services]:
    """Both on one port, under one certificate."""
    habilitations = Habilitations()  # type: ignore[abstract]  # the mailer calls one method of it
    services = Services(Outbox(clock), Outbox(clock), habilitations)
    server = grpc.aio.server(interceptors=[ErrorInterceptor()])
    add_partners(_Reminders(services.reminders), server)
    add_HabilitationServiceServicer_to_server(services.habilitations, server)
    add_identity(_Warnings(services.warnings), server)
    services.address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', server_credentials(tls))}"
    await server.start()
    yield services
    await server.stop(None)
