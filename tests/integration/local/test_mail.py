"""The mail sink: what would have been sent is a file that a person can read, and nothing leaves the machine."""

import email
import email.policy
import smtplib
import stat
from email.message import EmailMessage
from pathlib import Path

import pytest

from deploy.local.layout import Layout
from deploy.local.settings import Ports
from tests.integration.local.conftest import Command, Launch
from tests.stack import Stack


def letter(subject: str = "Votre convention se renouvelle") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "qf@msa.example", "accueil@montfaucelle.example"
    message["Subject"] = subject
    message.set_content("Échéance : le 1er juillet.\n.\nFin.\n", cte="8bit")
    return message


def send(ports: Ports, *messages: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", ports.smtp_port, timeout=5) as line:
        for message in messages:
            line.send_message(message)


def kept(layout: Layout) -> list[Path]:
    return sorted(layout.mail.glob("*.eml"))


def test_each_message_is_kept_as_a_private_file_of_its_own(launched: Launch) -> None:
    stack = launched(["mail"])
    send(stack.ports, letter("Un"), letter("Deux"))
    files = kept(stack.layout)
    read = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
    assert [message["Subject"] for message in read] == ["Un", "Deux"]
    body = read[0].get_body()
    assert body is not None
    assert body.get_content().splitlines() == ["Échéance : le 1er juillet.", ".", "Fin."]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {file.suffix for file in stack.layout.mail.iterdir()} == {".eml"}
    assert "montfaucelle" not in stack.layout.log("mail").read_text()


def test_a_message_that_cannot_be_kept_is_not_taken(launched: Launch) -> None:
    stack = launched(["mail"])
    stack.layout.mail.rmdir()
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(stack.ports, letter())
    assert refused.value.smtp_code == 451
    stack.layout.mail.mkdir()
    send(stack.ports, letter())
    assert len(kept(stack.layout)) == 1


def test_reset_removes_the_mail(launched: Launch, command: Command) -> None:
    stack: Stack = launched(["mail"])
    send(stack.ports, letter())
    assert command("reset", "--root", str(stack.layout.root), "--yes").status == 0
    assert not stack.layout.mail.exists()
