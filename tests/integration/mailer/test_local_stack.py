"""The mailer of the local stack: from an outbox, over the real services, to a file that a person can read."""

import asyncio
import email
import email.policy
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest

from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.identity.accounts.store import AccountStore
from services.identity.config import IdentitySettings
from services.identity.outbox.domain import NewDormancyWarning
from services.identity.outbox.store import OutboxStore
from services.kit.clock import SystemClock, paris_date
from services.kit.database import open_database
from services.kit.identifiers import new_uuid7
from services.kit.messages import to_date
from tests.caisse import BOURGOGNE, Caisse
from tests.stack import Stack

SECONDS = 40
PARTNER_ADDRESS = "mairie@rappel.example"


@pytest.fixture
async def caisse(stack: Stack) -> AsyncIterator[Caisse]:
    """A caisse agent."""
    async with AsyncExitStack() as channels:
        yield Caisse(
            *[
                await channels.enter_async_context(stack.channel(name))
                for name in ("identity", "partners", "quotient")
            ]
        )


async def register_convention(caisse: Caisse, signature_date: date) -> None:
    """A convention of a new partner that has an e-mail."""
    await caisse.convention()
    registered = await caisse.partners.RegisterPartner(
        partner_pb.RegisterPartnerRequest(
            caisse_code=BOURGOGNE,
            numero_tiers=f"T{secrets.randbelow(10**12):012}",
            denomination="Mairie de Rappel-sur-Ouche",
            profile=partner_pb.PartnerProfile(
                representative="Aubin Verlaine", representative_function="Maire", email=PARTNER_ADDRESS
            ),
        )
    )
    await caisse.conventions.RegisterConvention(
        convention_pb.RegisterConventionRequest(
            partner_id=registered.partner.partner_id,
            caisse_code=BOURGOGNE,
            signature_date=to_date(signature_date),
            cnil_declaration_date=to_date(signature_date),
        )
    )


def has_written_reminders(partners_log: str) -> bool:
    lines = [json.loads(line) for line in partners_log.splitlines() if "reminders_written" in line]
    return BOURGOGNE in {line["caisse_code"] for line in lines}


async def until_reminders_are_written(stack: Stack, after: int) -> None:
    """Returns when partners tells of reminders behind the first `after` characters of its log."""
    async with asyncio.timeout(SECONDS):
        while not has_written_reminders(stack.layout.log("partners").read_text()[after:]):  # noqa: ASYNC110 - a file sets no Event
            await asyncio.sleep(0.05)


async def warn_demo_user(stack: Stack) -> UUID:
    """Writes a warning to a demo user into identity's outbox, as if nobody had signed in for long."""
    account_id, now = UUID(stack.demo["users"][-1]["account_id"]), SystemClock().now()
    async with open_database(stack.settings("identity", IdentitySettings).database) as database:
        async with database.transaction("read_account") as connection:
            account = await AccountStore(database).read(connection, account_id)
        assert account is not None
        warning = NewDormancyWarning(
            message_id=new_uuid7(now),
            account_id=account_id,
            used_time=account.used_time,
            disable_date=paris_date(now) + timedelta(days=30),
            days_before=30,
            create_time=now,
        )
        await OutboxStore(database).add([warning])
    return warning.message_id


def find_mail(folder: Path, header: str, part: str) -> EmailMessage | None:
    for file in folder.glob("*.eml"):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        if part in str(message[header]):
            return message
    return None


async def mail_with(stack: Stack, header: str, part: str) -> EmailMessage:
    """The message with `part` in that header, once it is there."""
    async with asyncio.timeout(SECONDS):
        while (message := find_mail(stack.layout.mail, header, part)) is None:  # noqa: ASYNC110 - a file sets no Event
            await asyncio.sleep(0.05)
    return message


async def test_a_warning_that_identity_wrote_reaches_the_mail_folder(stack: Stack) -> None:
    message_id = await warn_demo_user(stack)
    # It looks for messages at its start, and then once an hour.
    stack.kill("mailer")
    message = await mail_with(stack, "Message-ID", str(message_id))
    assert message["From"] == "MSA – Quotient familial <ne-pas-repondre@qf.example>"
    assert message["Reply-To"] == "partenaires@caisse.example"
    assert "sera désactivé dans 30 jours" in message["Subject"]
    await stack.wait_until_ready("mailer")
    assert message["To"] not in stack.layout.log("mailer").read_text()
    assert message["To"] not in stack.layout.log("mail").read_text()


async def test_a_reminder_that_partners_wrote_reaches_the_mail_folder(stack: Stack, caisse: Caisse) -> None:
    # Its first year ends in three weeks, more or less a day.
    await register_convention(caisse, paris_date(SystemClock().now()) - timedelta(days=344))
    written = len(stack.layout.log("partners").read_text())
    # It looks for what falls due at its start, and so does the mailer for messages.
    stack.kill("partners")
    await until_reminders_are_written(stack, written)
    stack.kill("mailer")
    to_partner = await mail_with(stack, "To", PARTNER_ADDRESS)
    assert re.search(r"se renouvelle dans 2[0-2] jours$", to_partner["Subject"])
    assert "(Mairie de Rappel-sur-Ouche)" in " ".join(to_partner.get_content().split())
    to_caisse = await mail_with(stack, "Subject", "Mairie de Rappel-sur-Ouche")
    assert to_caisse["To"] == "partenaires@caisse.example"
    await stack.wait_until_ready("mailer")
    assert "rappel" not in stack.layout.log("mailer").read_text().lower()
