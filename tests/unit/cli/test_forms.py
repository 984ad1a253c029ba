"""What is never an argument is asked for on a terminal, field by field."""

from collections.abc import Callable
from typing import Annotated, TypeVar

import pytest
import typer
from typer.testing import CliRunner

from cli import forms
from cli.forms import AccessForm, Identity, Record, SignedForm, User
from msa.partners.v1 import access_request_service_pb2 as pb

R = TypeVar("R", bound=Record)
Ask = Callable[[type[Record], str], Record]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Reads a record as if the lines were typed on a terminal."""

    def asked(kind: type[Record], lines: str) -> Record:
        app, found = typer.Typer(), []

        @app.command()
        def read(_: Annotated[bool, typer.Option()] = False) -> None:
            monkeypatch.setattr("sys.stdin.isatty", lambda: True)
            found.append(forms.read_record(kind, None, "It"))

        result = CliRunner().invoke(app, [], input=lines)
        assert result.exit_code == 0, result.output
        return found[0]

    return asked


def test_a_user_is_asked_for(ask: Ask) -> None:
    user = ask(User, "GARMELIN\nAgathe\nagathe@valbrune.example\n")
    assert user == User(nom="GARMELIN", prenom="Agathe", email="agathe@valbrune.example")


def test_an_agent_is_asked_for(ask: Ask) -> None:
    agent = ask(Identity, "odile.agents.qf.internal\nFALBRUSSE\nOdile\n")
    assert agent == Identity(agent_name="odile.agents.qf.internal", nom="FALBRUSSE", prenom="Odile")


def test_a_day_that_is_none_is_asked_for_again(ask: Ask) -> None:
    form = ask(SignedForm, "Baptiste ORVEILLAC\nValbrune\n11/01/2027\n2027-01-11\n\n")
    assert form == SignedForm.model_validate_json(
        '{"signatory_name": "Baptiste ORVEILLAC", "signature_place": "Valbrune", "signature_date": "2027-01-11"}'
    )


def test_enter_leaves_out_what_the_paper_leaves_out(ask: Ask) -> None:
    form = ask(AccessForm, "Mairie\n\n\nGARMELIN\n\n\n\nValbrune\n\ny\n\n")
    assert isinstance(form, AccessForm)
    assert form.model_fields_set == {"partner_denomination", "user", "signature_place", "signed"}
    sent = form.onto(pb.AccessRequestForm())
    assert (sent.partner_denomination, sent.user.nom, sent.user.prenom, sent.signed) == (
        "Mairie",
        "GARMELIN",
        "",
        True,
    )
    assert not sent.HasField("signature_date")


def test_what_is_left_out_stays_as_it_was() -> None:
    before = pb.AccessRequestForm(signature_place="Valbrune", signatory_name="Baptiste ORVEILLAC")
    after = AccessForm.model_validate_json('{"signature_place": "Montfaucelle"}').onto(before)
    assert after == pb.AccessRequestForm(signature_place="Montfaucelle", signatory_name="Baptiste ORVEILLAC")
