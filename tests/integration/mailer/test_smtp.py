"""The way to the mail server: protected as configured, or nothing is sent."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.kit.config import ConfigError
from services.mailer.composition import Deliveries
from services.mailer.domain import PostUnavailable
from tests.integration.mailer.conftest import Authority, OpenMailer
from tests.integration.mailer.mail_server import (
    PASSWORD,
    USERNAME,
    Mailbox,
    breaking_off_server,
    running_mail_server,
)
from tests.integration.mailer.outbox_handlers import Services

TOWN_HALL = "accueil@montfaucelle.example"


@pytest.fixture
def other_authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "smtp.password"
    file.write_text(f"{PASSWORD}\n")
    return file


@pytest.fixture
def wrong_password_file(tmp_path: Path) -> Path:
    file = tmp_path / "wrong.password"
    file.write_text("Sentinelle-perdue")
    return file


async def refused(mailer: Deliveries, services: Services) -> list[Any]:
    """Tries to deliver, which must fail; what was logged."""
    services.remind(to=TOWN_HALL)
    with capture_logs() as logs, pytest.raises(PostUnavailable):
        await mailer.reminders.deliver_waiting()
    assert services.reminders.acknowledged == []
    return logs


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_travels_over_tls(
    services: Services, open_mailer: OpenMailer, authority: Authority, security: str
) -> None:
    async with (
        running_mail_server(security, authority.server_context()) as mailbox,
        open_mailer(mailbox.port, security=security, ca_file=authority.ca_file) as mailer,
    ):
        message_id = services.remind(to=TOWN_HALL)
        await mailer.reminders.deliver_waiting()
        assert mailbox.over_tls == [True]
    assert services.reminders.acknowledged == [message_id]


async def test_the_mailer_signs_in_with_its_password(
    services: Services, open_mailer: OpenMailer, authority: Authority, password_file: Path
) -> None:
    async with running_mail_server("starttls", authority.server_context(), asks_for_password=True) as mailbox:
        settings = {"security": "starttls", "ca_file": authority.ca_file, "username": USERNAME}
        async with open_mailer(mailbox.port, password_file=password_file, **settings) as mailer:
            services.remind(to=TOWN_HALL)
            await mailer.reminders.deliver_waiting()
        assert mailbox.logins == [USERNAME.encode()]
        assert len(mailbox.messages) == 1


async def test_a_wrong_password_sends_nothing_and_is_not_logged(
    services: Services, open_mailer: OpenMailer, authority: Authority, wrong_password_file: Path
) -> None:
    async with running_mail_server("starttls", authority.server_context(), asks_for_password=True) as mailbox:
        settings = {"security": "starttls", "ca_file": authority.ca_file, "username": USERNAME}
        async with open_mailer(mailbox.port, password_file=wrong_password_file, **settings) as mailer:
            logs = await refused(mailer, services)
        assert mailbox.messages == []
    assert [(line["event"], line["step"], line["smtp_code"]) for line in logs] == [
        ("smtp_unavailable", "connect", 535)
    ]
    assert "Sentinelle" not in str(logs)


async def test_without_starttls_nothing_is_sent_in_clear(
    services: Services, open_mailer: OpenMailer, mailbox: Mailbox, authority: Authority
) -> None:
    async with open_mailer(mailbox.port, security="starttls", ca_file=authority.ca_file) as mailer:
        await refused(mailer, services)
    assert (mailbox.tries, mailbox.messages) == ([], [])


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_a_server_that_is_not_the_one_meant_gets_nothing(
    services: Services,
    open_mailer: OpenMailer,
    authority: Authority,
    other_authority: Authority,
    security: str,
    wrong: str,
) -> None:
    issuer = other_authority if wrong == "authority" else authority
    context = issuer.server_context("mail.example" if wrong == "name" else "127.0.0.1")
    async with (
        running_mail_server(security, context) as mailbox,
        open_mailer(mailbox.port, security=security, ca_file=authority.ca_file) as mailer,
    ):
        await refused(mailer, services)
        assert (mailbox.tries, mailbox.messages) == ([], [])


@pytest.mark.parametrize("before", [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"From:"])
async def test_a_connection_that_is_lost_leaves_the_message_in_its_outbox(
    services: Services, open_mailer: OpenMailer, before: bytes
) -> None:
    async with breaking_off_server(before) as (port, told), open_mailer(port) as mailer:
        await refused(mailer, services)
        assert (b"DATA\r\n" in told) is (before == b"From:")


async def test_a_mail_server_that_is_away_leaves_the_message_in_its_outbox(
    services: Services, open_mailer: OpenMailer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with open_mailer(port) as mailer:
        logs = await refused(mailer, services)
    assert [line["error_type"] for line in logs] == ["SMTPConnectError"]


@asynccontextmanager
async def silent_server(greeting: bytes) -> AsyncIterator[int]:
    """A server that says no more than its greeting."""
    closed = asyncio.Event()

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await closed.wait()
        writer.transport.abort()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    closed.set()
    server.close()


@pytest.mark.parametrize("greeting", [b"", b"220 here\r\n"])
async def test_a_mail_server_that_does_not_answer_is_given_up_in_time(
    services: Services, open_mailer: OpenMailer, greeting: bytes
) -> None:
    async with silent_server(greeting) as port, open_mailer(port, timeout_seconds=0.3) as mailer:
        started = time.monotonic()
        await refused(mailer, services)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize("key", ["ca_file", "password_file"])
async def test_a_file_that_is_missing_stops_the_start_and_is_named(
    open_mailer: OpenMailer, authority: Authority, password_file: Path, key: str
) -> None:
    files = {"ca_file": authority.ca_file, "password_file": password_file, key: Path("/nowhere/file")}
    with pytest.raises(ConfigError, match="/nowhere/file: No such file"):
        async with open_mailer(25, security="tls", username=USERNAME, **files):
            pass


async def test_a_ca_file_without_a_certificate_stops_the_start(
    open_mailer: OpenMailer, password_file: Path
) -> None:
    with pytest.raises(ConfigError, match=f"cannot use the TLS file {password_file}") as stopped:
        async with open_mailer(25, security="tls", ca_file=password_file):
            pass
    assert PASSWORD not in str(stopped.value)
