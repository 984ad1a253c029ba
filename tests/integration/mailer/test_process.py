"""The mailer as it runs in production: a process of its own, over STARTTLS, killed and stopped."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from deploy.local.configuration import toml
from services.kit.clock import SystemClock
from services.kit.tls import channel_credentials
from services.mailer.config import MailerSettings
from tests.clock import FakeClock
from tests.integration.mailer.conftest import Authority, MakeSettings
from tests.integration.mailer.mail_server import Mailbox, running_mail_server
from tests.integration.mailer.outbox_handlers import Services

TOWN_HALL = "accueil@montfaucelle.example"
LEASE = timedelta(seconds=900)
SECONDS = 20
# The process has the machine's clock.
NEXT_MONTH = SystemClock().now().date() + timedelta(days=30)


@dataclass(frozen=True)
class Program:
    """A mailer that can be started, again and again."""

    settings: MailerSettings
    folder: Path

    @property
    def logged(self) -> str:
        """What it wrote."""
        return (self.folder / "mailer.log").read_text(encoding="utf-8")

    def count(self, event: str) -> int:
        """How often it logged that."""
        return sum(json.loads(line)["event"] == event for line in self.logged.splitlines())

    def write_configuration(self, *without: str) -> Path:
        """The settings file, with short pauses."""
        table = self.settings.model_dump(mode="json", exclude_none=True, exclude=set(without))
        table["delivery"] |= {"every_seconds": 0.2, "first_pause_seconds": 0.1, "longest_pause_seconds": 0.2}
        file = self.folder / "mailer.toml"
        file.write_text(toml(table), encoding="utf-8")
        return file

    @asynccontextmanager
    async def running(self, *without: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """The process, without these keys in its settings; killed at the end if it has not ended."""
        config = self.write_configuration(*without)
        with (self.folder / "mailer.log").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "services.mailer", "--config", str(config)),
                stdout=output,
                stderr=output,
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def is_serving(self) -> bool:
        """What it says of itself, once it answers."""
        options = [("grpc.ssl_target_name_override", "mailer.internal")]
        credentials = channel_credentials(self.settings.tls)
        async with grpc.aio.secure_channel(self.settings.listen_address, credentials, options) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            )
            reply = await check(health_pb2.HealthCheckRequest(), timeout=SECONDS, wait_for_ready=True)
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.fixture
def port() -> int:
    """Where nobody listens yet."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def program(make_settings: MakeSettings, authority: Authority, tmp_path: Path, port: int) -> Program:
    """A mailer before a mail server on `port`."""
    settings = make_settings(port, security="starttls", ca_file=authority.ca_file)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return Program(settings.model_copy(update={"listen_address": address}), tmp_path)


@asynccontextmanager
async def mail_server(authority: Authority, port: int) -> AsyncIterator[Mailbox]:
    """A mail server that wants STARTTLS."""
    async with running_mail_server("starttls", authority.server_context(), port=port) as mailbox:
        yield mailbox


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not holds():  # noqa: ASYNC110 - another process sets no Event
            await asyncio.sleep(0.02)


async def test_killed_between_delivery_and_acknowledgement_it_delivers_again_with_the_same_message_id(
    services: Services, authority: Authority, program: Program, clock: FakeClock, port: int
) -> None:
    message_id = services.remind(to=TOWN_HALL, due_date=NEXT_MONTH)
    outbox = services.reminders
    outbox.forgets_acknowledgements = True
    async with mail_server(authority, port) as mailbox:
        async with program.running() as process:
            await asyncio.wait_for(outbox.acknowledging.wait(), SECONDS)
            process.kill()
        assert (len(mailbox.messages), outbox.acknowledged) == (1, [])
        outbox.forgets_acknowledgements = False
        clock.advance(LEASE)
        async with program.running():
            await until(lambda: outbox.acknowledged == [message_id])
        assert mailbox.ids == [f"<{message_id}@msa.example>"] * 2
        assert mailbox.over_tls == [True, True]


async def test_it_serves_while_the_mail_server_is_away_and_delivers_once_that_is_back(
    services: Services, authority: Authority, program: Program, clock: FakeClock, port: int
) -> None:
    services.remind(to=TOWN_HALL, due_date=NEXT_MONTH)
    services.warn(email="odile@montfaucelle.example", disable_date=NEXT_MONTH)
    async with program.running() as process:
        assert await program.is_serving()
        await until(lambda: program.count("round_stopped") >= 2)
        assert (services.reminders.acknowledged, services.warnings.acknowledged) == ([], [])
        async with mail_server(authority, port) as mailbox:
            clock.advance(LEASE)
            await until(lambda: program.count("message_delivered") == 2)
            assert len(mailbox.messages) == 2
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), SECONDS) == 0
    assert program.count("server_stopped") == 1
    assert "montfaucelle" not in program.logged.lower()
    assert "Zwetschgenkuchen" not in program.logged


async def test_without_any_address_of_a_caisse_it_does_not_start(program: Program) -> None:
    async with program.running("caisse_address", "caisses") as process:
        assert await asyncio.wait_for(process.wait(), SECONDS) == 2
    assert "caisse_address or [caisses] must say where" in program.logged
