"""Delivery over SMTP: one connection for a round, and what an answer of the server means."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import structlog
from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)
from opentelemetry.trace import SpanKind

from services.kit import telemetry
from services.kit.clock import Clock
from services.kit.config import ConfigError, read_secret
from services.kit.redaction import Password
from services.mailer.config import Security, SmtpSettings
from services.mailer.domain import EmailAddress, Letter, PostUnavailable, PutOff, RecipientRefused
from services.mailer.mime import as_bytes

# The mail server is about to hang up, whatever it was asked.
_CLOSING = 421
# Told of an address: "you may not send through here". That is no fault of the address (RFC 3463, class 5, subject 7).
_POLICY = re.compile(r"5\.7\.\d")
_AUTHENTICATION_CODES = range(530, 540)
_log = structlog.get_logger()


class SmtpPost:
    """The way to the mail server."""

    def __init__(self, settings: SmtpSettings, clock: Clock) -> None:
        """Raises ConfigError where a file of `settings` cannot be used."""
        self._settings = settings
        self._clock = clock
        self._sender = EmailAddress(settings.sender)
        self._tls = None if settings.security is Security.NONE else _tls_context(settings)
        self._password = Password(read_secret(settings.password_file)) if settings.password_file else None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["SmtpLine"]:
        """A connection, which is closed at the end. Raises PostUnavailable."""
        client = self._client()
        with _translated("connect"):
            async with asyncio.timeout(self._settings.timeout_seconds):
                await client.connect()
                if client.is_ehlo_or_helo_needed:
                    await client.ehlo()
        try:
            yield SmtpLine(client, self._settings, self._clock)
            with suppress(SMTPException, OSError):
                await client.quit()
        finally:
            client.close()

    def _client(self) -> SMTP:
        settings = self._settings
        return SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.security is Security.TLS,
            start_tls=settings.security is Security.STARTTLS,
            tls_context=self._tls,
            username=settings.username or None,
            password=self._password.reveal() if self._password else None,
            local_hostname=self._sender.domain,
            timeout=settings.timeout_seconds,
        )


class SmtpLine:
    """An open connection to the mail server."""

    def __init__(self, client: SMTP, settings: SmtpSettings, clock: Clock) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock

    async def send(self, letter: Letter) -> None:
        """Hands a letter over; the server has taken it when this returns.

        Raises RecipientRefused, PutOff where only this letter is concerned, else PostUnavailable.
        """
        with telemetry.span("smtp send", {"server.address": "smtp"}, SpanKind.CLIENT):
            try:
                with _translated("send"):
                    async with asyncio.timeout(self._settings.timeout_seconds):
                        await self._transact(letter)
            except (RecipientRefused, PutOff):
                # So that the next letter has an envelope of its own.
                with suppress(SMTPException, OSError):
                    await self._client.rset()
                raise

    async def _transact(self, letter: Letter) -> None:
        eight_bit = self._client.supports_extension("8bitmime")
        await self._client.mail(self._settings.sender, options=["BODY=8BITMIME"] if eight_bit else None)
        try:
            await self._client.rcpt(letter.recipient.reveal())
            await self._client.data(as_bytes(letter, self._settings, self._clock.now(), eight_bit=eight_bit))
        except (SMTPRecipientRefused, SMTPDataError) as answer:
            raise _meaning(answer) from None


def _meaning(answer: SMTPRecipientRefused | SMTPDataError) -> Exception:
    """What a refusal of the recipient or of the message means for the round."""
    if answer.code == _CLOSING or answer.code in _AUTHENTICATION_CODES:
        return answer
    if isinstance(answer, SMTPDataError):
        # A limit on mail altogether, or a filter that dislikes this letter.
        return answer if answer.code < 500 else PutOff("message_refused")
    if answer.code < 500:
        # Its mailbox is full, or its server wants to be asked again: no reason to keep the others waiting.
        return PutOff("recipient_deferred")
    if _POLICY.match(answer.message):
        return PutOff("recipient_not_allowed")
    return RecipientRefused(answer.code)


@contextmanager
def _translated(step: str) -> Iterator[None]:
    """PostUnavailable for what a library or the network says; its texts hold addresses and are not kept (N5)."""
    try:
        yield
    except (SMTPException, OSError) as error:
        code = error.code if isinstance(error, SMTPResponseException) else None
        _log.warning("smtp_unavailable", step=step, smtp_code=code, error_type=type(error).__name__)
        raise PostUnavailable from None


def _tls_context(settings: SmtpSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        reason = error.strerror or "it holds no certificate"
        raise ConfigError(f"cannot use the TLS file {settings.ca_file}: {reason}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
