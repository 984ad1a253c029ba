"""Real SMTP servers on loopback: one that takes mail and can refuse it, and one that breaks off."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USERNAME, PASSWORD = "qf", "Sentinelle-du-Colombier"


class Mailbox:
    """What a server took, and how it answers."""

    def __init__(self) -> None:
        self.port = 0
        self.messages: list[EmailMessage] = []
        self.envelopes: list[tuple[str | None, list[str]]] = []
        self.tries: list[str] = []
        self.connections = 0
        self.over_tls: list[bool] = []
        self.logins: list[bytes] = []
        self.answers: dict[str, str] = {}
        """By recipient, what is said to RCPT instead of "250"."""
        self.sender_answer = ""
        self.data_answer = ""
        self.hangs_up_after_data = False
        self.taking = asyncio.Event()
        self.may_take = asyncio.Event()
        self.may_take.set()

    @property
    def ids(self) -> list[str]:
        """The Message-IDs, in the order of arrival."""
        return [str(message["Message-ID"]) for message in self.messages]

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Whether it is the mailer's password."""
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        success = (data.login, data.password) == (USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=success, handled=False)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.sender_answer:
            return self.sender_answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tries.append(address)
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.taking.set()
        await self.may_take.wait()
        if self.data_answer:
            return self.data_answer
        message = message_from_bytes(envelope.original_content or b"", policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))
        assert isinstance(server.transport, asyncio.Transport)
        self.over_tls.append(server.transport.get_extra_info("sslcontext") is not None)
        if self.hangs_up_after_data:
            server.transport.abort()
        return "250 Taken"


@asynccontextmanager
async def running_mail_server(
    security: str = "none",
    context: ssl.SSLContext | None = None,
    *,
    asks_for_password: bool = False,
    port: int = 0,
) -> AsyncIterator[Mailbox]:
    """A mail server in this loop; with TLS as the mailer's settings name it."""
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        mailbox.connections += 1
        return SMTP(
            mailbox,
            hostname="127.0.0.1",
            tls_context=context if security == "starttls" else None,
            require_starttls=security == "starttls",
            authenticator=mailbox.authenticate if asks_for_password else None,
            auth_required=asks_for_password,
            loop=loop,
        )

    server = await loop.create_server(protocol, "127.0.0.1", port, ssl=context if security == "tls" else None)
    mailbox.port = server.sockets[0].getsockname()[1]
    yield mailbox
    server.close()


@asynccontextmanager
async def breaking_off_server(before: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that answers well until a line begins with `before`, and hangs up then; its port, what it was told."""
    told: list[bytes] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while (line := await reader.readline()) and not line.startswith(before):
            told.append(line)
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
            elif line[:4] in (b"EHLO", b"MAIL", b"RCPT"):
                writer.write(b"250 fine\r\n")
        writer.transport.abort()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], told
    server.close()
