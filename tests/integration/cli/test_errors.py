"""What goes wrong is told in one line with its remedy, never as a traceback, with the exit status that says what."""

import json
import os
import time
from typing import Any

import pytest
import trustme
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import code_pb2
from typer.testing import CliRunner

from cli.root import app
from msa.partners.v1 import partner_service_pb2 as pb
from services.kit.errors import (
    DependencyUnavailable,
    DomainError,
    FieldViolation,
    InvalidField,
    Reason,
    RecordAlreadyExists,
    RecordChanged,
    RecordNotFound,
)
from services.kit.interceptors import ClientNotAllowed
from services.kit.status import new_status
from tests.integration.cli.fakes import Fakes, Refusal, foreign_status, refuse
from tests.unit.cli.lines import NIR


class AgentNotHabilitated(DomainError):
    reason = Reason.AGENT_NOT_HABILITATED
    message = "This needs a habilitated agent of the caisse."


class UserSuspended(DomainError):
    reason = Reason.USER_SUSPENDED
    message = "This user's access is suspended."


@pytest.mark.parametrize(
    ("error", "exit_status", "words"),
    [
        (RecordNotFound(), 1, "Check the identifier"),
        (RecordAlreadyExists(), 1, "Use the record that is there"),
        (RecordChanged(), 1, "Somebody else changed it since you looked: show it again and decide anew."),
        (AgentNotHabilitated(), 1, "--agent NAME, QF_AGENT, or [agent] name in the configuration"),
        (UserSuspended(), 1, "`qf user lift` ends it"),
        (ClientNotAllowed(), 1, "[tls] certificate_file"),
        (DependencyUnavailable(), 4, "a store it needs is away"),
    ],
)
def test_a_refusal_names_its_remedy(fakes: Fakes, error: DomainError, exit_status: int, words: str) -> None:
    fakes.script.replies["GetPartner"] = refuse(error)
    result = fakes.qf("partner", "show", "some-id")
    assert result.exit_code == exit_status
    assert result.stderr.startswith(f"qf: partners: {error.message}")
    assert words in result.stderr
    assert result.stdout == ""


def test_broken_rules_are_shown_as_a_table(fakes: Fakes) -> None:
    violation = FieldViolation("numero_tiers", "NUMERO_TIERS", "must be 1 to 20 letters, digits or dashes")
    fakes.script.replies["RegisterPartner"] = refuse(InvalidField(violation))
    result = fakes.qf(
        "partner", "register", "--caisse", "21", "--numero-tiers", "?", "--denomination", "Mairie"
    )
    assert result.exit_code == 1
    assert [line.split()[:2] for line in result.stderr.splitlines()[-2:]] == [
        ["field", "rule"],
        ["numero_tiers", "NUMERO_TIERS"],
    ]


def test_with_json_the_error_is_json_too(fakes: Fakes) -> None:
    fakes.script.replies["GetPartner"] = refuse(RecordNotFound())
    result = fakes.qf("partner", "show", "some-id", "--json")
    error = json.loads(result.stderr)["error"]
    assert (error["reason"], error["exit_status"]) == ("RECORD_NOT_FOUND", 1)
    assert result.stdout == ""


def test_a_service_that_is_away_is_named_with_its_address(fakes: Fakes) -> None:
    fakes.stop("partners")
    result = fakes.qf("caisse", "list")
    assert result.exit_code == 4
    assert f"partners is away: nothing answers at {fakes.addresses['partners']}" in result.stderr
    assert "make up" in result.stderr


def test_a_service_that_is_too_slow_is_told(fakes: Fakes) -> None:
    def hang(_: Any) -> pb.ListCaissesResponse:
        fakes.script.is_stopping.wait(5)
        return pb.ListCaissesResponse()

    fakes.script.replies["ListCaisses"] = hang
    start = time.monotonic()
    result = fakes.qf("caisse", "list")
    assert time.monotonic() - start < 4
    assert result.exit_code == 4
    assert "did not answer in time" in result.stderr
    assert "timeout_seconds" in result.stderr


def test_a_certificate_of_another_ca_is_told(fakes: Fakes) -> None:
    fakes.write_config(ca=trustme.CA())
    assert_certificates_are_told(fakes)


def test_a_service_of_another_ca_is_told(fakes: Fakes) -> None:
    (fakes.folder / "ca.pem").write_bytes(trustme.CA().cert_pem.bytes())
    assert_certificates_are_told(fakes)


def test_a_server_with_another_name_is_told(fakes: Fakes) -> None:
    fakes.config.write_text(fakes.config.read_text().replace("partners.qf.internal", "other.qf.internal"))
    assert_certificates_are_told(fakes)


def assert_certificates_are_told(fakes: Fakes) -> None:
    result = fakes.qf_process("--config", str(fakes.config), "caisse", "list")
    assert result.returncode == 1
    (told,) = result.stderr.decode().splitlines()
    assert "do not accept each other's certificates" in told


def test_what_is_not_ours_is_not_quoted(fakes: Fakes) -> None:
    def fail(_: Any) -> Any:
        raise Refusal(foreign_status(code_pb2.UNKNOWN, f"row ({NIR}) violates"))

    fakes.script.replies["ListCaisses"] = fail
    result = fakes.qf("caisse", "list")
    assert result.exit_code == 1
    assert NIR not in result.output
    assert "UNKNOWN" in result.stderr


def test_an_unknown_method_points_at_the_releases(fakes: Fakes) -> None:
    result = fakes.qf("opposition", "list", "--caisse", "21", stdin=NIR)
    assert result.exit_code == 1
    assert "does not know this call" in result.stderr


def test_a_defect_of_a_service_is_told_with_its_trace(fakes: Fakes) -> None:
    def fail(_: Any) -> Any:
        raise Refusal(new_status(Reason.INTERNAL, "An internal error occurred."))

    fakes.script.replies["ListCaisses"] = fail
    result = fakes.qf("caisse", "list")
    traceparent = str(fakes.script.metadata[0]["traceparent"])
    assert f"report trace {traceparent.split('-')[1]}" in result.stderr


def test_a_defect_of_qf_is_no_traceback(fakes: Fakes) -> None:
    beyond_all_time = Timestamp(seconds=2**62)
    fakes.script.replies["GetPartner"] = lambda _: pb.GetPartnerResponse(
        partner=pb.Partner(create_time=beyond_all_time)
    )
    result = fakes.qf("partner", "show", "some-id")
    assert result.exit_code == 1
    assert result.stderr.startswith("qf: qf has a defect (")
    assert "Traceback" not in result.output


def test_an_unknown_key_of_the_configuration_is_named(fakes: Fakes) -> None:
    fakes.write_config(more="colour = true\n")
    result = fakes.qf("status")
    assert result.exit_code == 2
    assert "colour: unknown key" in result.stderr


def test_a_missing_configuration_says_how_to_get_one(fakes: Fakes) -> None:
    result = fakes.qf("--config", "missing.toml", "caisse", "list")
    assert result.exit_code == 2
    assert "There is no configuration missing.toml" in result.stderr
    assert "QF_CONFIG" in result.stderr


def test_a_missing_certificate_file_is_named(fakes: Fakes) -> None:
    (fakes.folder / "qf.pem").unlink()
    result = fakes.qf("caisse", "list")
    assert result.exit_code == 2
    assert "qf.pem" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["caisse", "list", "--json", "--config", "@"],
        ["--json", "--config", "@", "caisse", "list"],
        ["--config", "missing.toml", "caisse", "list", "--json", "--config", "@"],
    ],
)
def test_global_options_stand_before_or_after(fakes: Fakes, arguments: list[str]) -> None:
    fakes.script.replies["ListCaisses"] = lambda _: pb.ListCaissesResponse(
        caisses=[pb.Caisse(caisse_code="21", name="MSA Bourgogne", departments=["21", "58"])]
    )
    given = [str(fakes.config) if argument == "@" else argument for argument in arguments]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == [
        {"caisse_code": "21", "name": "MSA Bourgogne", "departments": ["21", "58"]}
    ]


def test_the_environment_names_the_configuration(fakes: Fakes) -> None:
    result = fakes.qf_process("status", "--json", environ={**os.environ, "QF_CONFIG": str(fakes.config)})
    assert result.returncode == 0, result.stderr
    assert {row["service"]: row["state"] for row in json.loads(result.stdout)} == {
        "identity": "SERVING",
        "partners": "SERVING",
        "quotient": "SERVING",
    }


def test_status_tells_which_service_is_away(fakes: Fakes) -> None:
    fakes.stop("quotient")
    result = fakes.qf("status", "--json")
    assert result.exit_code == 4
    assert [row["state"] for row in json.loads(result.stdout)] == ["SERVING", "SERVING", "AWAY"]
