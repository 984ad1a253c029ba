"""The message that a letter makes: its headers, and that nothing confidential shows itself."""

import email
import email.policy
from datetime import UTC, date, datetime
from email.message import EmailMessage
from uuid import UUID

import pytest

from services.mailer.config import Security, SmtpSettings
from services.mailer.domain import (
    Audience,
    Deadline,
    DeadlineKind,
    EmailAddress,
    Letter,
    Reminder,
    Text,
    User,
)
from services.mailer.letters import reminder_text
from services.mailer.mime import as_bytes

MESSAGE_ID = UUID("0193d0a0-0000-7000-8000-000000000001")
NOON = datetime(2026, 7, 1, 10, tzinfo=UTC)
SETTINGS = SmtpSettings(
    host="localhost", port=25, security=Security.NONE, sender="ne-pas-repondre@qf.msa.example"
)
DEADLINE = Deadline(DeadlineKind.RENEWAL, date(2026, 7, 31), "Mairie d’Évreux", user_count=0)


def letter(denomination: str = "Mairie d’Évreux", reply_to: str = "") -> Letter:
    deadline = Deadline(DeadlineKind.RENEWAL, date(2026, 7, 31), denomination, user_count=0)
    return Letter(
        MESSAGE_ID,
        EmailAddress("accueil@evreux.example"),
        EmailAddress(reply_to) if reply_to else None,
        reminder_text(deadline, Audience.CAISSE, date(2026, 7, 1), takes_replies=True),
    )


def received(sent: Letter, *, eight_bit: bool = True) -> EmailMessage:
    """The message as whoever gets it reads it."""
    message = email.message_from_bytes(
        as_bytes(sent, SETTINGS, NOON, eight_bit=eight_bit), policy=email.policy.default
    )
    assert isinstance(message, EmailMessage)
    return message


def test_headers_tell_who_when_and_that_a_machine_wrote_it() -> None:
    headers = {name: str(value) for name, value in received(letter(reply_to="p@caisse.example")).items()}
    assert headers["From"] == "MSA – Quotient familial <ne-pas-repondre@qf.msa.example>"
    assert headers["To"] == "accueil@evreux.example"
    assert headers["Reply-To"] == "p@caisse.example"
    assert headers["Date"] == "Wed, 01 Jul 2026 12:00:00 +0200"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Content-Language"] == "fr"


def test_message_id_is_that_of_the_outbox_at_the_sender_s_domain() -> None:
    assert received(letter())["Message-ID"] == f"<{MESSAGE_ID}@qf.msa.example>"


def test_the_same_letter_makes_the_same_message() -> None:
    first, second = (as_bytes(letter(), SETTINGS, NOON, eight_bit=True) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("words", range(1, 12))
def test_a_subject_keeps_its_spaces_wherever_it_is_folded(words: int) -> None:
    named = letter("Les Îles Château-Chinon n° 3 « Œuvres » communauté d’été Saint-Étienne " * words)
    assert received(named)["Subject"] == named.text.subject


@pytest.mark.parametrize("eight_bit", [True, False])
def test_text_arrives_as_plain_utf_8_whatever_the_server_takes(eight_bit: bool) -> None:
    message = received(letter(), eight_bit=eight_bit)
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert message["Subject"] == letter().text.subject
    assert message.get_content().splitlines() == letter().text.body.splitlines()


@pytest.mark.parametrize(
    "denomination", ["Mairie\r\nBcc: tous@ailleurs.example", "x\n\nautre", "é" * 3000, "😀 " * 400]
)
def test_no_denomination_forges_a_header(denomination: str) -> None:
    message = received(letter(denomination))
    assert set(message.keys()) == set(received(letter()).keys())
    assert message["Subject"] == letter(denomination).text.subject


def test_a_line_end_in_a_subject_is_refused_rather_than_sent() -> None:
    forged = Letter(MESSAGE_ID, EmailAddress("a@b.example"), None, Text("Un\r\nBcc: x@y.example", ""))
    with pytest.raises(ValueError, match="linefeed"):
        as_bytes(forged, SETTINGS, NOON, eight_bit=True)


def test_nothing_confidential_is_in_a_repr() -> None:
    address = EmailAddress("mireille@evreux.example")
    deadline = Deadline(DeadlineKind.RENEWAL, date(2026, 7, 31), "Zwetschgenkuchen", user_count=0)
    shown = " ".join(
        f"{each!r} {each}"
        for each in (
            address,
            Reminder("21", Audience.PARTNER, address, deadline),
            User(address, "21", is_over=False),
            Letter(MESSAGE_ID, address, address, Text("Sujet Zwetschgenkuchen", "Corps Zwetschgenkuchen")),
        )
    )
    assert "Zwetschgenkuchen" not in shown
    assert "evreux" not in shown
