"""The form of annexe 2 against fakes: received as it stands on the paper, completed, accepted, refused."""

from pathlib import Path
from typing import Any

import pytest

from msa.partners.v1 import access_request_service_pb2 as pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from services.kit.errors import DependencyUnavailable
from tests.integration.cli.fakes import Fakes, refuse
from tests.integration.cli.records import HABILITATION, PASSWORD, USER, account_made, as_json, day

FORM = {
    "partner_denomination": "Mairie de Valbrune",
    "partner_representative": "Baptiste ORVEILLAC",
    "partner_representative_function": "Maire",
    "user": USER,
    "signatory_name": "Baptiste ORVEILLAC",
    "signature_place": "Valbrune",
    "signature_date": "2027-01-11",
    "signed": True,
    "scan_reference": "GED-2027-31",
}
ON_PAPER = pb.AccessRequestForm(
    partner_denomination="Mairie de Valbrune",
    partner_representative="Baptiste ORVEILLAC",
    partner_representative_function="Maire",
    user=habilitation_pb.User(**USER),
    signatory_name="Baptiste ORVEILLAC",
    signature_place="Valbrune",
    signature_date=day("2027-01-11"),
    signed=True,
    scan_reference="GED-2027-31",
)
RECEIVE = ("request", "receive", "--convention", "con-1", "--kind", "creation", "--form", "-")


def request(**changes: Any) -> pb.AccessRequest:
    values: dict[str, Any] = {
        "access_request_id": "req-1",
        "kind": pb.ACCESS_REQUEST_KIND_CREATION,
        "state": pb.ACCESS_REQUEST_STATE_RECEIVED,
        "form": ON_PAPER,
        "etag": "request-2",
    }
    return pb.AccessRequest(**{**values, **changes})


@pytest.fixture
def known(fakes: Fakes) -> Fakes:
    """Fakes that know one complete form, and make credentials."""
    fakes.script.replies |= {
        "GetAccessRequest": lambda _: pb.GetAccessRequestResponse(access_request=request()),
        "ReceiveAccessRequest": lambda _: pb.ReceiveAccessRequestResponse(access_request=request()),
        "CompleteAccessRequest": lambda _: pb.CompleteAccessRequestResponse(access_request=request()),
        "RefuseAccessRequest": lambda _: pb.RefuseAccessRequestResponse(
            access_request=request(state=pb.ACCESS_REQUEST_STATE_REFUSED)
        ),
        "AcceptAccessRequest": lambda _: pb.AcceptAccessRequestResponse(
            access_request=request(state=pb.ACCESS_REQUEST_STATE_ACCEPTED), granted=HABILITATION
        ),
        "CreateAccount": account_made,
    }
    return fakes


def test_a_form_is_received_as_it_stands_on_the_paper(known: Fakes) -> None:
    result = known.qf(*RECEIVE, stdin=as_json(FORM))
    assert result.exit_code == 0, result.output
    assert "qf request accept req-1" in result.stderr
    assert known.script.requests == [
        pb.ReceiveAccessRequestRequest(
            convention_id="con-1",
            kind=pb.ACCESS_REQUEST_KIND_CREATION,
            form=ON_PAPER,
            bouquet=habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL,
        )
    ]


def test_what_is_missing_is_told_with_how_to_go_on(known: Fakes) -> None:
    known.script.replies["ReceiveAccessRequest"] = lambda _: pb.ReceiveAccessRequestResponse(
        access_request=request(
            state=pb.ACCESS_REQUEST_STATE_INCOMPLETE, missing=["signed", "user.email"], form=None
        )
    )
    result = known.qf(*RECEIVE, stdin="{}")
    assert "signed user.email" in result.stdout
    assert "qf request complete req-1 --form FILE" in result.stderr
    (sent,) = known.script.requests
    assert sent.form == pb.AccessRequestForm()


def test_a_departure_names_the_habilitation_and_nobody_who_follows_art_4_4(known: Fakes) -> None:
    result = known.qf(
        *("request", "receive", "--convention", "con-1", "--kind", "modification"),
        *("--habilitation", "hab-9", "--form", "-"),
        stdin=as_json({**FORM, "user": None}),
    )
    assert result.exit_code == 0, result.output
    (sent,) = known.script.requests
    assert (sent.kind, sent.habilitation_id) == (pb.ACCESS_REQUEST_KIND_MODIFICATION, "hab-9")
    assert not sent.form.HasField("user")


def test_a_scan_is_known_by_its_digest(known: Fakes, tmp_path: Path) -> None:
    scan = tmp_path / "form.pdf"
    scan.write_bytes(b"abc")
    assert known.qf(*RECEIVE, "--scan", str(scan), stdin=as_json(FORM)).exit_code == 0
    (sent,) = known.script.requests
    assert sent.form.scan_sha256.startswith("ba7816bf")


def test_nothing_is_recorded_without_the_scan_that_is_named(known: Fakes, tmp_path: Path) -> None:
    scan = tmp_path / "form.pdf"
    result = known.qf(*RECEIVE, "--scan", str(scan), stdin=as_json(FORM))
    assert result.exit_code == 2
    assert f"Cannot read {scan}. Nothing was recorded." in result.stderr
    assert known.script.requests == []


@pytest.mark.parametrize(
    "form",
    [
        {**FORM, "numero": "GARMELIN"},
        {**FORM, "signature_date": "GARMELIN"},
        {**FORM, "signed": "GARMELIN"},
        {**FORM, "user": "GARMELIN"},
        {**FORM, "user": {"nom": "GARMELIN", "age": 42}},
    ],
)
def test_a_form_that_is_not_described_is_refused_unrepeated(known: Fakes, form: Any) -> None:
    result = known.qf(*RECEIVE, stdin=as_json(form))
    assert result.exit_code == 2
    assert "The form is not described as it must be" in result.stderr
    assert "GARMELIN" not in result.output
    assert known.script.requests == []


def test_completing_adds_to_what_is_there_and_rests_on_what_was_read(known: Fakes) -> None:
    more = {"signature_place": "Montfaucelle", "user": {"email": "agathe@montfaucelle.example"}}
    assert known.qf("request", "complete", "req-1", "--form", "-", stdin=as_json(more)).exit_code == 0
    expected = pb.AccessRequestForm()
    expected.CopyFrom(ON_PAPER)
    expected.signature_place, expected.user.email = "Montfaucelle", "agathe@montfaucelle.example"
    assert known.changes() == [
        pb.CompleteAccessRequestRequest(access_request_id="req-1", form=expected, etag="request-2")
    ]


def test_a_scan_that_comes_later_needs_no_form(known: Fakes, tmp_path: Path) -> None:
    scan = tmp_path / "form.pdf"
    scan.write_bytes(b"abc")
    assert known.qf("request", "complete", "req-1", "--scan", str(scan)).exit_code == 0
    (sent,) = known.changes()
    assert (sent.form.scan_sha256[:8], sent.form.signature_place) == ("ba7816bf", "Valbrune")


def test_acceptance_makes_the_credentials_and_shows_the_password_once(known: Fakes) -> None:
    result = known.qf("request", "accept", "req-1", "--reason", "complete")
    assert result.exit_code == 0, result.output
    assert result.output.count(PASSWORD) == 1
    assert known.changes()[0] == pb.AcceptAccessRequestRequest(
        access_request_id="req-1", reason="complete", etag="request-2"
    )
    assert known.changes()[1].habilitation_id == "hab-1"


def test_acceptance_is_one_json_document(known: Fakes) -> None:
    told = known.json("request", "accept", "req-1")
    assert (told["state"], told["habilitation_id"], told["temporary_password"]) == (
        "ACCEPTED",
        "hab-1",
        PASSWORD,
    )


def test_an_acceptance_that_is_cut_short_says_how_to_go_on(known: Fakes) -> None:
    known.script.replies["CreateAccount"] = refuse(DependencyUnavailable())
    result = known.qf("request", "accept", "req-1")
    assert result.exit_code == 4
    assert "qf user credentials --habilitation hab-1" in result.stderr


def test_a_departure_ends_access_at_once_and_the_service_tells_identity(known: Fakes) -> None:
    leaving = request(kind=pb.ACCESS_REQUEST_KIND_WITHDRAWAL, habilitation_id="hab-9")
    ended = habilitation_pb.Habilitation(habilitation_id="hab-9")
    known.script.replies |= {
        "GetAccessRequest": lambda _: pb.GetAccessRequestResponse(access_request=leaving),
        "AcceptAccessRequest": lambda _: pb.AcceptAccessRequestResponse(access_request=leaving, ended=ended),
    }
    assert "Habilitation hab-9 ends at once" in known.qf("request", "accept", "req-1").stderr
    result = known.qf("request", "accept", "req-1", "--yes")
    assert result.exit_code == 0, result.output
    assert "hab-9" in result.stdout
    assert "Access is refused already; identity is being told." in result.stderr
    assert len(known.changes()) == 1


def test_a_refusal_gives_the_partner_its_reason(known: Fakes) -> None:
    assert known.json("request", "refuse", "req-1", "--reason", "not signed")["state"] == "REFUSED"
    assert known.changes() == [
        pb.RefuseAccessRequestRequest(
            access_request_id="req-1", refusal_reason="not signed", etag="request-2"
        )
    ]


def test_a_form_is_shown_with_every_field(known: Fakes) -> None:
    shown = known.json("request", "show", "req-1")
    assert (shown["nom"], shown["signature_place"], shown["signed"]) == ("GARMELIN", "Valbrune", True)


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ((), pb.ACCESS_REQUEST_STATE_UNSPECIFIED),
        (("--state", "incomplete"), pb.ACCESS_REQUEST_STATE_INCOMPLETE),
    ],
)
def test_forms_are_listed_by_where_they_stand(
    fakes: Fakes, options: tuple[str, ...], state: pb.AccessRequestState.ValueType
) -> None:
    fakes.script.replies["ListAccessRequests"] = lambda _: pb.ListAccessRequestsResponse(
        access_requests=[request()]
    )
    result = fakes.qf("request", "list", "--caisse", "21", "--convention", "con-1", *options)
    assert all(words in result.stdout for words in ("req-1", "RECEIVED", "Mairie de Valbrune"))
    assert fakes.script.requests == [
        pb.ListAccessRequestsRequest(caisse_code="21", convention_id="con-1", state=state, page_size=50)
    ]
