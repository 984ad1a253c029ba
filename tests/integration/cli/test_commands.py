"""Commands against fakes: what is asked before it is done, what is shown once, what is said when it is half done."""

import json
from typing import Any

import pytest

from msa.identity.v1 import account_service_pb2 as identity_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.kit.errors import DependencyUnavailable, RecordAlreadyExists, RecordNotFound
from services.kit.status import to_status
from tests.integration.cli.fakes import Fakes, Refusal
from tests.unit.cli.lines import NIR

USER = json.dumps({"nom": "GARMELIN", "prenom": "Agathe", "email": "agathe.garmelin@valbrune.example"})
PASSWORD = "Xy7-temporary-password"
# No password of the user may hold his names.
CREATE_ACCOUNT = identity_pb.CreateAccountRequest(
    habilitation_id="hab-1", partner_id="par-1", caisse_code="21", personal_words=["GARMELIN", "Agathe"]
)


HABILITATION = habilitation_pb.Habilitation(
    habilitation_id="hab-1",
    partner_id="par-1",
    caisse_code="21",
    user=habilitation_pb.User(nom="GARMELIN", prenom="Agathe"),
)


def habilitation(_: Any) -> habilitation_pb.RegisterHabilitationResponse:
    return habilitation_pb.RegisterHabilitationResponse(habilitation=HABILITATION)


def account(_: Any) -> identity_pb.CreateAccountResponse:
    return identity_pb.CreateAccountResponse(
        account=identity_pb.Account(account_id="acc-1", login="21-GARM"), temporary_password=PASSWORD
    )


def test_a_user_gets_his_password_once(fakes: Fakes) -> None:
    fakes.script.replies |= {"RegisterHabilitation": habilitation, "CreateAccount": account}
    result = fakes.qf("user", "register", "--convention", "con-1", stdin=USER)
    assert result.exit_code == 0, result.output
    assert result.output.count(PASSWORD) == 1
    assert "shown this once" in result.stderr
    registered, created = fakes.script.requests
    assert (registered.user.nom, registered.bouquet) == (
        "GARMELIN",
        habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL,
    )
    assert created == CREATE_ACCOUNT


def test_a_registration_that_is_cut_short_says_how_to_go_on(fakes: Fakes) -> None:
    def away(_: Any) -> Any:
        raise Refusal(to_status(DependencyUnavailable()))

    fakes.script.replies |= {"RegisterHabilitation": habilitation, "CreateAccount": away}
    result = fakes.qf("user", "register", "--convention", "con-1", stdin=USER)
    assert result.exit_code == 4
    assert "hab-1 is registered, but it has no credentials yet" in result.stderr
    assert "qf user credentials --habilitation hab-1" in result.stderr

    fakes.script.replies |= {
        "GetHabilitation": lambda _: habilitation_pb.GetHabilitationResponse(habilitation=HABILITATION),
        "CreateAccount": account,
    }
    result = fakes.qf("user", "credentials", "--habilitation", "hab-1")
    assert result.exit_code == 0
    assert PASSWORD in result.stdout
    assert fakes.script.requests[-1] == CREATE_ACCOUNT


def test_credentials_are_made_only_once(fakes: Fakes) -> None:
    def exists(_: Any) -> Any:
        raise Refusal(to_status(RecordAlreadyExists()))

    fakes.script.replies |= {
        "GetHabilitation": lambda _: habilitation_pb.GetHabilitationResponse(),
        "CreateAccount": exists,
    }
    result = fakes.qf("user", "credentials", "--habilitation", "hab-1")
    assert result.exit_code == 1
    assert "qf user new-password --habilitation hab-1" in result.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nom": "A"}', '{"nom": 1, "prenom": "B", "email": "c"}'])
def test_a_user_that_is_not_described_is_refused(fakes: Fakes, text: str) -> None:
    result = fakes.qf("user", "register", "--convention", "con-1", stdin=text)
    assert result.exit_code == 2
    assert fakes.script.requests == []


def test_a_withdrawal_disables_the_account_too(fakes: Fakes) -> None:
    fakes.script.replies |= {
        "WithdrawHabilitation": lambda _: habilitation_pb.WithdrawHabilitationResponse(),
        "GetAccount": lambda _: identity_pb.GetAccountResponse(
            account=identity_pb.Account(account_id="acc-1")
        ),
        "DisableAccount": lambda _: identity_pb.DisableAccountResponse(),
    }
    result = fakes.qf("user", "withdraw", "--habilitation", "hab-1", "--reason", "left", "--yes")
    assert result.exit_code == 0, result.output
    assert fakes.script.requests[-1] == identity_pb.DisableAccountRequest(account_id="acc-1")


def test_a_withdrawal_without_an_account_is_complete(fakes: Fakes) -> None:
    def missing(_: Any) -> Any:
        raise Refusal(to_status(RecordNotFound()))

    fakes.script.replies |= {
        "WithdrawHabilitation": lambda _: habilitation_pb.WithdrawHabilitationResponse(),
        "GetAccount": missing,
    }
    assert fakes.qf("user", "withdraw", "--habilitation", "h", "--reason", "left", "--yes").exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["convention", "end", "con-1", "--date", "today", "--reason", "over"],
        ["user", "withdraw", "--habilitation", "hab-1", "--reason", "left"],
        ["opposition", "withdraw", "--caisse", "21"],
    ],
)
def test_what_cannot_be_taken_back_is_not_done_unasked(fakes: Fakes, arguments: list[str]) -> None:
    result = fakes.qf(*arguments, stdin=NIR)
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert fakes.script.requests == []


@pytest.mark.parametrize("text", ["", "\n", "1234", NIR[:-2] + "00"])
def test_a_nir_that_is_none_is_refused_by_rule_unrepeated(fakes: Fakes, text: str) -> None:
    result = fakes.qf("opposition", "list", "--caisse", "21", stdin=text)
    assert result.exit_code in {1, 2}
    assert not text.strip() or text.strip() not in result.output
    assert fakes.script.requests == []


def test_lists_are_read_page_by_page_up_to_the_limit(fakes: Fakes) -> None:
    def page(request: partner_pb.ListPartnersRequest) -> partner_pb.ListPartnersResponse:
        start = int(request.page_token or 0)
        numbers = range(start, start + min(request.page_size, 3))
        return partner_pb.ListPartnersResponse(
            partners=[partner_pb.Partner(partner_id=str(number)) for number in numbers],
            next_page_token=str(start + 3),
        )

    fakes.script.replies["ListPartners"] = page
    result = fakes.qf("partner", "list", "--caisse", "21", "--limit", "7", "--json")
    assert [row["partner_id"] for row in json.loads(result.stdout)] == list("0123456")


def test_a_record_cannot_drive_the_terminal(fakes: Fakes) -> None:
    fakes.script.replies["GetPartner"] = lambda _: partner_pb.GetPartnerResponse(
        partner=partner_pb.Partner(denomination="\x1b[2J[red]Mairie")
    )
    result = fakes.qf("partner", "show", "some-id")
    assert "\x1b" not in result.stdout
    assert "[red]Mairie" in result.stdout
