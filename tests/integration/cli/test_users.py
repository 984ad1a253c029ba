"""Users against fakes: from a signed form to credentials, what is said when it is half done, and how access ends."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.parameters import today
from msa.identity.v1 import account_service_pb2 as identity_pb
from msa.partners.v1 import habilitation_service_pb2 as pb
from services.kit.errors import DependencyUnavailable, RecordAlreadyExists
from services.kit.messages import to_date
from tests.integration.cli.fakes import Fakes, refuse
from tests.integration.cli.records import (
    HABILITATION,
    PASSWORD,
    SIGNED_FORM,
    USER,
    account_made,
    as_json,
    day,
)

OF_USER = ("--habilitation", "hab-1")
# No password of the user may hold his names.
CREATE_ACCOUNT = identity_pb.CreateAccountRequest(
    habilitation_id="hab-1", partner_id="par-1", caisse_code="21", personal_words=["GARMELIN", "Agathe"]
)


def habilitated(_: Any) -> pb.RegisterHabilitationResponse:
    return pb.RegisterHabilitationResponse(habilitation=HABILITATION)


@pytest.fixture
def form_file(tmp_path: Path) -> str:
    path = tmp_path / "form.json"
    path.write_text(as_json(SIGNED_FORM))
    return str(path)


@pytest.fixture
def register_user(form_file: str) -> tuple[str, ...]:
    """The command that habilitates a user, who is read from standard input."""
    return ("user", "register", "--convention", "con-1", "--form-file", form_file)


def test_a_user_gets_his_password_once(fakes: Fakes, register_user: tuple[str, ...]) -> None:
    fakes.script.replies |= {"RegisterHabilitation": habilitated, "CreateAccount": account_made}
    result = fakes.qf(*register_user, stdin=as_json(USER))
    assert result.exit_code == 0, result.output
    assert result.output.count(PASSWORD) == 1
    assert "shown this once" in result.stderr
    registered, created = fakes.script.requests
    assert registered == pb.RegisterHabilitationRequest(
        convention_id="con-1",
        user=pb.User(**USER),
        bouquet=pb.BOUQUET_QUOTIENT_FAMILIAL,
        form=pb.SignedForm(
            signatory_name="Baptiste ORVEILLAC",
            signature_place="Valbrune",
            signature_date=day("2027-01-11"),
            scan_reference="GED-2027-31",
        ),
    )
    assert created == CREATE_ACCOUNT


def test_the_digest_of_the_scan_goes_on_record(fakes: Fakes, register_user: tuple[str, ...]) -> None:
    fakes.script.replies |= {"RegisterHabilitation": habilitated, "CreateAccount": account_made}
    scan = fakes.folder / "form.pdf"
    scan.write_bytes(b"abc")
    assert fakes.qf(*register_user, "--scan", str(scan), stdin=as_json(USER)).exit_code == 0
    (registered,) = fakes.sent(pb.RegisterHabilitationRequest)
    assert registered.form.scan_sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_registration_that_is_cut_short_says_how_to_go_on(
    fakes: Fakes, register_user: tuple[str, ...]
) -> None:
    fakes.script.replies |= {
        "RegisterHabilitation": habilitated,
        "CreateAccount": refuse(DependencyUnavailable()),
    }
    result = fakes.qf(*register_user, stdin=as_json(USER))
    assert result.exit_code == 4
    assert "hab-1 is registered, but it has no credentials yet" in result.stderr
    assert "qf user credentials --habilitation hab-1" in result.stderr

    fakes.script.replies |= {
        "GetHabilitation": lambda _: pb.GetHabilitationResponse(habilitation=HABILITATION),
        "CreateAccount": account_made,
    }
    result = fakes.qf("user", "credentials", *OF_USER)
    assert result.exit_code == 0
    assert PASSWORD in result.stdout
    assert fakes.script.requests[-1] == CREATE_ACCOUNT


def test_credentials_are_made_only_once(fakes: Fakes) -> None:
    fakes.script.replies |= {
        "GetHabilitation": lambda _: pb.GetHabilitationResponse(),
        "CreateAccount": refuse(RecordAlreadyExists()),
    }
    result = fakes.qf("user", "credentials", *OF_USER)
    assert result.exit_code == 1
    assert "qf user new-password --habilitation hab-1" in result.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nom": "A"}', '{"nom": 1, "prenom": "B", "email": "c"}'])
def test_a_user_that_is_not_described_is_refused(
    fakes: Fakes, register_user: tuple[str, ...], text: str
) -> None:
    result = fakes.qf(*register_user, stdin=text)
    assert result.exit_code == 2
    assert 'Give one JSON object with "nom", "prenom", "email".' in result.stderr
    assert fakes.script.requests == []


@pytest.mark.parametrize("files", [(), ("--user-file", "-", "--form-file", "-")])
def test_two_documents_cannot_both_come_from_standard_input(fakes: Fakes, files: tuple[str, ...]) -> None:
    result = fakes.qf("user", "register", "--convention", "con-1", *files, stdin=as_json(USER))
    assert result.exit_code == 2
    assert "Only one document can come from standard input" in result.stderr


def test_users_are_listed_with_their_state_and_the_day_on_which_they_lapse(fakes: Fakes) -> None:
    fakes.script.replies["ListHabilitations"] = lambda _: pb.ListHabilitationsResponse(
        habilitations=[HABILITATION]
    )
    result = fakes.qf("user", "list", "--convention", "con-1")
    assert result.exit_code == 0, result.output
    assert all(told in result.stdout for told in ("LIVE", "2028-03-01", "GARMELIN", "hab-1"))


@pytest.mark.parametrize(("done", "said"), [(True, False), (False, True)])
def test_an_end_holds_at_once_and_says_whether_identity_knows(fakes: Fakes, done: bool, said: bool) -> None:
    """The service tells identity by itself: qf makes no second call."""
    fakes.script.replies["WithdrawHabilitation"] = lambda _: pb.WithdrawHabilitationResponse(
        habilitation=HABILITATION, account_disabled=done
    )
    result = fakes.qf("user", "withdraw", *OF_USER, "--reason", "left", "--yes")
    assert result.exit_code == 0, result.output
    assert ("Access is refused already; identity is being told." in result.stderr) is said
    assert fakes.script.requests == [
        pb.WithdrawHabilitationRequest(habilitation_id="hab-1", withdrawal_reason="left")
    ]


SUSPENSIONS = [
    ((), pb.SUSPENSION_KIND_TEMPORARY, None),
    (("--until", "2027-03-15"), pb.SUSPENSION_KIND_TEMPORARY, day("2027-03-15")),
    (("--definitive", "--yes"), pb.SUSPENSION_KIND_DEFINITIVE, None),
]


@pytest.mark.parametrize(("options", "kind", "until"), SUSPENSIONS)
def test_a_user_is_suspended_as_asked_art_7_2(
    fakes: Fakes, options: tuple[str, ...], kind: pb.SuspensionKind.ValueType, until: Any
) -> None:
    fakes.script.replies["SuspendHabilitation"] = lambda _: pb.SuspendHabilitationResponse(
        habilitation=HABILITATION, sessions_ended=False
    )
    result = fakes.qf("user", "suspend", *OF_USER, "--reason", "misuse", *options)
    assert result.exit_code == 0, result.output
    assert "Access is refused already" in result.stderr
    assert fakes.script.requests == [
        pb.SuspendHabilitationRequest(
            habilitation_id="hab-1", suspension_reason="misuse", kind=kind, until_date=until
        )
    ]


def test_a_suspension_ends_on_a_day_or_never(fakes: Fakes) -> None:
    options = ("--until", "2027-03-15", "--definitive", "--yes")
    assert fakes.qf("user", "suspend", *OF_USER, "--reason", "misuse", *options).exit_code == 2
    assert fakes.script.requests == []


def test_a_user_s_suspension_is_lifted_with_its_reason(fakes: Fakes) -> None:
    fakes.script.replies["LiftHabilitationSuspension"] = lambda _: pb.LiftHabilitationSuspensionResponse(
        habilitation=HABILITATION
    )
    assert fakes.json("user", "lift", *OF_USER, "--reason", "explained")["state"] == "LIVE"
    assert fakes.script.requests == [
        pb.LiftHabilitationSuspensionRequest(habilitation_id="hab-1", reason="explained")
    ]


def confirmed(request: pb.ConfirmHabilitationsRequest) -> pb.ConfirmHabilitationsResponse:
    return pb.ConfirmHabilitationsResponse(
        habilitations=[pb.Habilitation(habilitation_id=named) for named in request.habilitation_ids]
    )


def test_those_whom_the_partner_confirmed_are_recorded_art_9_1(fakes: Fakes) -> None:
    fakes.script.replies["ConfirmHabilitations"] = confirmed
    told = fakes.json(
        *("user", "confirm", "--convention", "con-1", *OF_USER, "--habilitation", "hab-2"),
        *("--reason", "letter of 4 May"),
    )
    assert [row["habilitation_id"] for row in told] == ["hab-1", "hab-2"]
    assert fakes.script.requests == [
        pb.ConfirmHabilitationsRequest(
            convention_id="con-1", habilitation_ids=["hab-1", "hab-2"], reason="letter of 4 May"
        )
    ]


def test_all_whom_the_renewal_concerns_are_confirmed_in_batches(fakes: Fakes) -> None:
    """Nobody who left, and nobody who is confirmed already: he would be a year too early."""
    soon, later = (to_date(today() + timedelta(days)) for days in (150, 151))
    live = [
        pb.Habilitation(habilitation_id=f"hab-{number}", state=pb.HABILITATION_STATE_LIVE, lapse_date=soon)
        for number in range(600)
    ]
    others = [
        pb.Habilitation(habilitation_id="gone", state=pb.HABILITATION_STATE_WITHDRAWN, lapse_date=soon),
        pb.Habilitation(habilitation_id="done", state=pb.HABILITATION_STATE_LIVE, lapse_date=later),
    ]
    pages = {
        "": pb.ListHabilitationsResponse(habilitations=[*live[:500], *others], next_page_token="2"),
        "2": pb.ListHabilitationsResponse(habilitations=live[500:]),
    }

    def page(request: pb.ListHabilitationsRequest) -> pb.ListHabilitationsResponse:
        return pages[request.page_token]

    fakes.script.replies |= {"ListHabilitations": page, "ConfirmHabilitations": confirmed}
    told = fakes.json("user", "confirm", "--convention", "con-1", "--all", "--yes")
    assert [row["habilitation_id"] for row in told] == [found.habilitation_id for found in live]
    assert [len(sent.habilitation_ids) for sent in fakes.sent(pb.ConfirmHabilitationsRequest)] == [500, 100]


def test_nobody_is_confirmed_where_nobody_is_due(fakes: Fakes) -> None:
    fakes.script.replies["ListHabilitations"] = lambda _: pb.ListHabilitationsResponse()
    result = fakes.qf("user", "confirm", "--convention", "con-1", "--all", "--yes")
    assert result.exit_code == 2
    assert "from ninety days before a renewal on" in result.stderr


@pytest.mark.parametrize("whom", [(), (*OF_USER, "--all")])
def test_it_must_be_certain_whom_to_confirm(fakes: Fakes, whom: tuple[str, ...]) -> None:
    result = fakes.qf("user", "confirm", "--convention", "con-1", *whom, "--yes")
    assert result.exit_code == 2
    assert fakes.script.requests == []


def test_a_user_is_shown_with_what_suspends_him(fakes: Fakes) -> None:
    suspended = pb.Habilitation(
        habilitation_id="hab-1",
        state=pb.HABILITATION_STATE_SUSPENDED,
        suspension=pb.Suspension(
            kind=pb.SUSPENSION_KIND_TEMPORARY, suspension_reason="misuse", until_date=day("2027-03-15")
        ),
    )
    fakes.script.replies |= {
        "GetHabilitation": lambda _: pb.GetHabilitationResponse(habilitation=suspended),
        "GetAccount": lambda _: identity_pb.GetAccountResponse(),
    }
    shown = json.loads(fakes.qf("user", "show", *OF_USER, "--json").stdout)
    assert (shown["state"], shown["suspension_kind"], shown["suspension_reason"]) == (
        "SUSPENDED",
        "TEMPORARY",
        "misuse",
    )
    assert shown["suspension_until_date"] == "2027-03-15"
