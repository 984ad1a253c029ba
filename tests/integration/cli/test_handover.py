"""Credentials handed over by letter, against fakes: not on the screen too, and never lost unnoticed (art. 4-3)."""

import stat
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from pypdf import PdfReader

from msa.identity.v1 import account_service_pb2 as identity_pb
from msa.partners.v1 import access_request_service_pb2 as request_pb
from msa.partners.v1 import habilitation_service_pb2 as pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from tests.integration.cli.fakes import Fakes
from tests.integration.cli.records import (
    ACCOUNT,
    HABILITATION,
    PARTNER,
    PASSWORD,
    SIGNED_FORM,
    USER,
    account_made,
    as_json,
)

OF_USER = ("--habilitation", "hab-1")
UNPRINTABLE = pb.Habilitation()
UNPRINTABLE.CopyFrom(HABILITATION)
UNPRINTABLE.user.nom = "\N{LATIN SMALL LETTER A}\N{CUNEIFORM SIGN A}"


@pytest.fixture
def known(fakes: Fakes) -> Fakes:
    """Fakes that habilitate one user of one partner, and make credentials."""
    accepted = request_pb.AccessRequest(access_request_id="req-1")
    fakes.script.replies |= {
        "ListCaisses": lambda _: partner_pb.ListCaissesResponse(
            caisses=[partner_pb.Caisse(caisse_code="21", name="MSA Bourgogne")]
        ),
        "GetPartner": lambda _: partner_pb.GetPartnerResponse(partner=PARTNER),
        "GetHabilitation": lambda _: pb.GetHabilitationResponse(habilitation=HABILITATION),
        "GetAccessRequest": lambda _: request_pb.GetAccessRequestResponse(access_request=accepted),
        "AcceptAccessRequest": lambda _: request_pb.AcceptAccessRequestResponse(
            access_request=accepted, granted=HABILITATION
        ),
        "RegisterHabilitation": lambda _: pb.RegisterHabilitationResponse(habilitation=HABILITATION),
        "CreateAccount": account_made,
        "GetAccount": lambda _: identity_pb.GetAccountResponse(account=ACCOUNT),
        "IssueTemporaryPassword": lambda _: identity_pb.IssueTemporaryPasswordResponse(
            temporary_password=PASSWORD, temporary_password_expire_time=Timestamp(seconds=1_800_000_000)
        ),
    }
    return fakes


def text_of(path: Path) -> str:
    """What is on the letter."""
    return "".join(page.extract_text() for page in PdfReader(path).pages)


def register_user(known: Fakes, folder: Path) -> Any:
    form = known.folder / "form.json"
    form.write_text(as_json(SIGNED_FORM))
    return known.qf(
        *("user", "register", "--convention", "con-1", "--form-file", str(form), "--letters", str(folder)),
        stdin=as_json(USER),
    )


def accept(known: Fakes, folder: Path) -> Any:
    return known.qf("request", "accept", "req-1", "--letters", str(folder))


def make_credentials(known: Fakes, folder: Path) -> Any:
    return known.qf("user", "credentials", *OF_USER, "--letters", str(folder))


@pytest.mark.parametrize("act", [register_user, accept, make_credentials])
def test_the_password_is_in_its_letter_only_and_the_login_in_the_other(known: Fakes, act: Any) -> None:
    folder = known.folder / "letters" / "today"
    result = act(known, folder)
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    assert "Send the two letters apart" in result.stderr
    password, habilitation = folder / "password-hab-1.pdf", folder / "habilitation-hab-1.pdf"
    assert {str(password), str(habilitation)} <= set(result.stdout.split())
    assert (PASSWORD in text_of(password), "21-GARM" in text_of(password)) == (True, False)
    assert (PASSWORD in text_of(habilitation), "21-GARM" in text_of(habilitation)) == (False, True)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, password)] == [0o700, 0o600]


def test_a_new_password_goes_into_the_sealed_letter_only_art_5(known: Fakes) -> None:
    letter = known.folder / "letter.pdf"
    result = known.qf("user", "new-password", *OF_USER, "--letter", str(letter))
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output
    assert PASSWORD in text_of(letter)


def test_a_folder_that_cannot_be_made_stops_it_before_anything_is_done(known: Fakes) -> None:
    (known.folder / "file").touch()
    result = accept(known, known.folder / "file" / "letters")
    assert result.exit_code == 2
    assert known.script.requests == []


def test_a_letter_that_cannot_be_set_leaves_no_password_that_nobody_knows(known: Fakes) -> None:
    known.script.replies |= {
        "RegisterHabilitation": lambda _: pb.RegisterHabilitationResponse(habilitation=UNPRINTABLE),
        "GetHabilitation": lambda _: pb.GetHabilitationResponse(habilitation=UNPRINTABLE),
    }
    result = register_user(known, known.folder / "letters")
    assert result.exit_code == 1
    assert "it has no credentials yet" in result.stderr
    assert "qf user credentials --habilitation hab-1" in result.stderr
    assert known.sent(identity_pb.CreateAccountRequest) == []
    renewed = known.qf("user", "new-password", *OF_USER, "--letter", str(known.folder / "letter.pdf"))
    assert renewed.exit_code == 1
    assert known.sent(identity_pb.IssueTemporaryPasswordRequest) == []


def test_a_second_letter_that_is_missing_says_how_to_write_it(known: Fakes) -> None:
    folder = known.folder / "letters"
    folder.mkdir()
    (folder / "habilitation-hab-1.pdf").touch()
    result = accept(known, folder)
    assert result.exit_code == 2
    assert PASSWORD in text_of(folder / "password-hab-1.pdf")
    assert "qf letter habilitation --habilitation hab-1 --out FILE" in result.stderr
    assert "no credentials yet" not in result.stderr


def test_a_password_that_no_letter_holds_is_told_to_be_replaced(known: Fakes) -> None:
    folder = known.folder / "letters"

    def made_too_late(request: Any) -> Any:
        (folder / "password-hab-1.pdf").touch()
        return account_made(request)

    known.script.replies["CreateAccount"] = made_too_late
    result = accept(known, folder)
    assert result.exit_code == 2
    assert "qf user new-password --habilitation hab-1 --letter FILE" in result.stderr
    assert PASSWORD not in result.output
