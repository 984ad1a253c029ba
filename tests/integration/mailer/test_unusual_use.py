"""From a suspension for unusual use to the caisse's mailbox: a real identity, a real mail server (art. 7-2)."""

from email.message import EmailMessage
from uuid import uuid4

import grpc
import pytest

from msa.identity.v1 import account_service_pb2 as account_pb
from msa.identity.v1 import use_service_pb2 as use_pb
from msa.identity.v1.account_service_pb2_grpc import AccountServiceStub
from msa.identity.v1.use_service_pb2_grpc import UseServiceStub
from services.kit.clock import SystemClock
from services.mailer.composition import open_deliveries
from services.mailer.config import MailerSettings
from tests.integration.mailer.mail_server import Mailbox
from tests.stack import Stack

CAISSE = "87"
CAISSE_ADDRESS = "partenaires@caisse.example"
MANY_UNKNOWN = 150


async def new_account(agent: grpc.aio.Channel) -> account_pb.Account:
    """An account of a partner of its own."""
    request = account_pb.CreateAccountRequest(
        habilitation_id=str(uuid4()), partner_id=str(uuid4()), caisse_code=CAISSE
    )
    return (await AccountServiceStub(agent).CreateAccount(request)).account


async def try_out_nirs(gateway: grpc.aio.Channel, *accounts: account_pb.Account) -> None:
    """Reports what suspends these accounts; returns when it is acknowledged."""
    counts = [
        use_pb.UseCount(
            account_id=account.account_id, consultation_count=MANY_UNKNOWN, not_found_count=MANY_UNKNOWN
        )
        for account in accounts
    ]
    await UseServiceStub(gateway).RecordUse(use_pb.RecordUseRequest(counts=counts))


def letters_about(mailbox: Mailbox, account: account_pb.Account) -> list[EmailMessage]:
    """Those that name the account; other tests have theirs in the outbox."""
    return [message for message in mailbox.messages if account.account_id in message.get_content()]


@pytest.fixture
def settings(stack: Stack, mailbox: Mailbox) -> MailerSettings:
    """The mailer of the stack, before `mailbox`."""
    settings = stack.settings("mailer", MailerSettings)
    return settings.model_copy(
        update={"smtp": settings.smtp.model_copy(update={"port": mailbox.port, "host": "127.0.0.1"})}
    )


async def deliver(settings: MailerSettings) -> None:
    """A mailer that looks once."""
    async with open_deliveries(settings, SystemClock()) as deliveries:
        await deliveries.warnings.deliver_waiting()


async def test_a_suspension_survives_a_crash_and_is_one_letter(
    stack: Stack, settings: MailerSettings, mailbox: Mailbox
) -> None:
    async with stack.channel("identity", "gateway") as gateway, stack.channel("identity") as agent:
        account, other = await new_account(agent), await new_account(agent)
        await try_out_nirs(gateway, account, other)
    # What was acknowledged is in the outbox, whatever becomes of who wrote it.
    stack.kill("identity")
    await stack.wait_until_ready("identity")
    for _ in range(2):
        await deliver(settings)
    for each in (account, other):
        (letter,) = letters_about(mailbox, each)
        assert letter["To"] == CAISSE_ADDRESS
        assert letter["Subject"] == f"Compte suspendu pour usage inhabituel, à examiner (caisse {CAISSE})"
        assert "NIR inconnus de la caisse : 150" in letter.get_content().replace("\u00a0", " ")
        # Its login, and what the partner may know him by, are nobody's business in a mail (N5).
        assert each.login not in letter.as_string()


async def test_a_lift_makes_void_what_waits_and_who_is_suspended_anew_is_told_of_anew(
    stack: Stack, settings: MailerSettings, mailbox: Mailbox
) -> None:
    async with stack.channel("identity", "gateway") as gateway, stack.channel("identity") as agent:
        account = await new_account(agent)
        await try_out_nirs(gateway, account)
        lift = use_pb.LiftUseSuspensionRequest(account_id=account.account_id)
        await UseServiceStub(agent).LiftUseSuspension(lift)
        await deliver(settings)
        assert letters_about(mailbox, account) == []
        await try_out_nirs(gateway, account)
        await deliver(settings)
    assert len(letters_about(mailbox, account)) == 1
