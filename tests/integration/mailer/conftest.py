import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from services.kit.config import TlsSettings
from services.mailer.composition import Deliveries, open_deliveries
from services.mailer.config import MailerSettings
from tests.clock import FakeClock
from tests.integration.mailer.mail_server import Mailbox, running_mail_server
from tests.integration.mailer.outbox_handlers import Services, running_services

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
CAISSE = "partenaires@bourgogne.example"
OpenMailer = Callable[..., AbstractAsyncContextManager[Deliveries]]
MakeSettings = Callable[..., MailerSettings]


class Authority:
    """A CA that issues certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def issue(self, name: str) -> TlsSettings:
        """A certificate for `name`, and the trust in this CA."""
        certificate = self._ca.issue_cert(name)
        settings = TlsSettings(
            certificate_file=self._folder / f"{name}.pem",
            private_key_file=self._folder / f"{name}.key",
            ca_file=self.ca_file,
        )
        certificate.cert_chain_pems[0].write_to_path(settings.certificate_file)
        certificate.private_key_pem.write_to_path(settings.private_key_file)
        return settings

    def server_context(self, name: str = "127.0.0.1") -> ssl.SSLContext:
        """What a mail server of that name shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(name).configure_cert(context)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
async def services(authority: Authority, clock: FakeClock) -> AsyncIterator[Services]:
    """Partners and identity, with nothing in their outboxes."""
    async with running_services(clock, authority.issue("services.internal")) as running:
        yield running


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    """A mail server that takes everything, in clear."""
    async with running_mail_server() as running:
        yield running


@pytest.fixture
def make_settings(authority: Authority, services: Services) -> MakeSettings:
    """The settings of a mailer that writes to the mail server on a port; further ones are of [smtp]."""
    upstream = {"address": services.address, "server_name": "services.internal"}

    def make(port: int, *, caisse_address: str | None = CAISSE, **smtp: Any) -> MailerSettings:
        return MailerSettings.model_validate(
            {
                "listen_address": "127.0.0.1:0",
                "tls": authority.issue("mailer.internal"),
                "clients": {"monitoring": ["mailer.internal"]},
                "services": {"partners": upstream, "identity": upstream},
                "caisse_address": caisse_address,
                "caisses": {"58": "nievre@bourgogne.example"},
                "smtp": {
                    "host": "127.0.0.1",
                    "port": port,
                    "security": "none",
                    "sender": "qf@msa.example",
                    "timeout_seconds": 5,
                    **smtp,
                },
            }
        )

    return make


@pytest.fixture
def open_mailer(make_settings: MakeSettings, clock: FakeClock) -> OpenMailer:
    """Opens a mailer, with the arguments of `make_settings`."""

    def opened(port: int, **settings: Any) -> AbstractAsyncContextManager[Deliveries]:
        return open_deliveries(make_settings(port, **settings), clock)

    return opened


@pytest.fixture
async def mailer(open_mailer: OpenMailer, mailbox: Mailbox) -> AsyncIterator[Deliveries]:
    """A mailer before `mailbox`."""
    async with open_mailer(mailbox.port) as deliveries:
        yield deliveries
