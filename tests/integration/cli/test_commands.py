"""Commands against fakes: what is asked before it is done, how much is shown, and how."""

import json

import pytest

from cli.parameters import today
from msa.partners.v1 import access_request_service_pb2 as request_pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.kit.messages import to_date
from tests.integration.cli.fakes import Fakes
from tests.integration.cli.records import as_json, convention
from tests.unit.cli.lines import NIR

IDENTITY = as_json({"agent_name": "odile.agents.qf.internal", "nom": "FALBRUSSE", "prenom": "Odile"})
OF_USER = ("--habilitation", "hab-1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["agent", "appoint-director", "--caisse", "21", "--reason", "named"],
        ["agent", "withdraw", "age-1", "--reason", "left"],
        ["convention", "denounce", "con-1", "--by", "partner", "--received", "today"],
        ["convention", "formal-notice", "con-1", "--by", "caisse", "--received", "today"],
        ["convention", "force-majeure", "terminate", "con-1", "--by", "caisse", "--date", "today"],
        ["convention", "annul", "con-1", "fac-1", "--reason", "mistaken"],
        ["convention", "end", "con-1", "--date", "today", "--reason", "over"],
        ["partner", "suspend", "par-1", "--definitive", "--reason", "misuse"],
        ["request", "accept", "req-1"],
        ["user", "confirm", "--convention", "con-1", "--all"],
        ["user", "suspend", *OF_USER, "--definitive", "--reason", "misuse"],
        ["user", "withdraw", *OF_USER, "--reason", "left"],
        ["opposition", "withdraw", "--caisse", "21"],
    ],
)
def test_what_cannot_be_taken_back_is_not_done_unasked(fakes: Fakes, arguments: list[str]) -> None:
    due = habilitation_pb.Habilitation(
        habilitation_id="hab-1", state=habilitation_pb.HABILITATION_STATE_LIVE, lapse_date=to_date(today())
    )
    withdrawal = request_pb.AccessRequest(access_request_id="req-1", habilitation_id="hab-1")
    fakes.script.replies |= {
        "GetConvention": lambda _: convention_pb.GetConventionResponse(convention=convention()),
        "GetAccessRequest": lambda _: request_pb.GetAccessRequestResponse(access_request=withdrawal),
        "ListHabilitations": lambda _: habilitation_pb.ListHabilitationsResponse(habilitations=[due]),
    }
    result = fakes.qf(*arguments, stdin=IDENTITY)
    assert result.exit_code == 2, result.output
    assert "--yes" in result.stderr
    assert fakes.changes() == []


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
