"""How the mailer's parts fit together: clients → writers → deliveries. Used by the server and by its tests."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from services.kit.client import open_upstream
from services.kit.clock import Clock
from services.mailer.clients import PartnersClient, ReminderOutbox, WarningOutbox
from services.mailer.config import MailerSettings
from services.mailer.domain import AccountWarning, Reminder
from services.mailer.service import Delivery, ReminderWriter, WarningWriter
from services.mailer.smtp import SmtpPost


@dataclass(frozen=True)
class Deliveries:
    """One for each outbox: while one is away, the other is drained."""

    reminders: Delivery[Reminder]
    warnings: Delivery[AccountWarning]


@asynccontextmanager
async def open_deliveries(settings: MailerSettings, clock: Clock) -> AsyncIterator[Deliveries]:
    """Opens the ways to both services. Raises ConfigError."""
    post, caisses = SmtpPost(settings.smtp, clock), settings.caisse_addresses
    lease = timedelta(seconds=settings.delivery.lease_seconds)
    async with AsyncExitStack() as resources:
        partners, identity = [
            await resources.enter_async_context(open_upstream(name, at, settings.tls))
            for name, at in settings.services
        ]
        warning_writer = WarningWriter(PartnersClient(partners), caisses)
        yield Deliveries(
            reminders=Delivery(ReminderOutbox(partners, lease), ReminderWriter(caisses), post, clock),
            warnings=Delivery(WarningOutbox(identity, lease), warning_writer, post, clock),
        )
