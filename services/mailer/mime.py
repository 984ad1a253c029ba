"""Letters as messages: headers, and text in UTF-8 (RFC 5322)."""

from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from services.kit.clock import PARIS
from services.mailer.config import SmtpSettings
from services.mailer.domain import EmailAddress, Letter


def as_bytes(letter: Letter, settings: SmtpSettings, now: datetime, *, eight_bit: bool) -> bytes:
    """The letter as it travels; `eight_bit` where the server takes the text as it is."""
    policy = _Policy(cte_type="8bit" if eight_bit else "7bit")
    return _message(letter, settings, now).as_bytes(policy=policy)


def _message(letter: Letter, settings: SmtpSettings, now: datetime) -> EmailMessage:
    """The letter with its headers. Its Message-ID is that of the message: who gets it twice can tell."""
    sender = EmailAddress(settings.sender)
    message = EmailMessage(policy=_Policy())
    message["From"] = Address(settings.sender_name, addr_spec=settings.sender)
    message["To"] = Address(addr_spec=letter.recipient.reveal())
    if letter.reply_to is not None:
        message["Reply-To"] = Address(addr_spec=letter.reply_to.reveal())
    message["Subject"] = letter.text.subject
    message["Date"] = format_datetime(now.astimezone(PARIS))
    message["Message-ID"] = f"<{letter.message_id}@{sender.domain}>"
    # So that no absence notice answers it (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text.body, cte="8bit")
    message["Content-Language"] = "fr"
    return message


class _Policy(EmailPolicy):
    """Writes messages for SMTP, as the library does, and folds subjects without losing a space between two words."""

    linesep = "\r\n"

    def fold_binary(self, name: str, value: str) -> bytes:
        """The header `name` as it is written; one that is not a subject is the library's."""
        if name.lower() != "subject" or value.isascii():
            return super().fold_binary(name, value)
        encoded = Header(value, "utf-8", header_name=name).encode(linesep=self.linesep)
        return f"{name}: {encoded}{self.linesep}".encode("ascii")
