"""`qf report` and `qf retention` against fakes: what is counted, by the names of the register, on screen, in files."""

import json
import stat
from collections.abc import Mapping
from typing import Any

import pytest
from google.type.date_pb2 import Date
from pypdf import PdfReader

from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import journal_service_pb2 as pb
from services.kit.errors import DependencyUnavailable, FieldViolation, InvalidField, RecordNotFound
from tests.integration.cli.fakes import Fakes, refuse

NOVEMBER = ("--caisse", "21", "--from", "2026-10", "--to", "2026-11")
NAMES = {"par-1": "Mairie de Valbrune", "par-2": "Accueil de loisirs Les Tilleuls"}


def count(month: int, partner_id: str, number: int, **more: Any) -> pb.ConsultationCount:
    """A count of 2026."""
    return pb.ConsultationCount(
        month=Date(year=2026, month=month, day=1),
        partner_id=partner_id,
        consultation_count=number,
        **{
            "purpose": disclosure_pb.PURPOSE_CANTEEN,
            "outcome": disclosure_pb.DISCLOSURE_OUTCOME_AVAILABLE,
            **more,
        },
    )


COUNTS = [
    count(10, "par-1", 1200),
    count(11, "par-1", 34, outcome=disclosure_pb.DISCLOSURE_OUTCOME_OPPOSED),
    count(11, "par-2", 7),
    count(11, "par-9", 5),
]


def partner(partner_id: str, names: Mapping[str, str]) -> partner_pb.Partner:
    """A partner of the register."""
    return partner_pb.Partner(partner_id=partner_id, denomination=names[partner_id])


@pytest.fixture
def counted(fakes: Fakes) -> Fakes:
    """Fakes that counted; `par-1` is the caisse's own partner, `par-2` another's, `par-9` nobody's."""

    def get(request: partner_pb.GetPartnerRequest) -> partner_pb.GetPartnerResponse:
        if request.partner_id != "par-2":
            refuse(RecordNotFound())(request)
        return partner_pb.GetPartnerResponse(partner=partner("par-2", NAMES))

    fakes.script.replies |= {
        "GetConsultationReport": lambda _: pb.GetConsultationReportResponse(counts=COUNTS),
        "GetRetention": lambda _: pb.GetRetentionResponse(months=120),
        "ListPartners": lambda _: partner_pb.ListPartnersResponse(partners=[partner("par-1", NAMES)]),
        "GetPartner": get,
        "ListCaisses": lambda _: partner_pb.ListCaissesResponse(
            caisses=[partner_pb.Caisse(caisse_code="21", name="MSA Bourgogne")]
        ),
    }
    return fakes


def test_a_report_shows_bars_by_month_partner_and_purpose(counted: Fakes) -> None:
    result = counted.qf("report", *NOVEMBER)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["Caisse", "21,", "2026-10", "to", "2026-11:", "1,246", "consultations"]
    for shown in (
        ["2026-10", "1,200", "█" * 30],
        ["2026-11", "46", "╱"],
        ["Accueil", "de", "loisirs", "Les", "Tilleuls", "7"],
        ["par-9", "5"],
    ):
        assert shown in lines
    assert counted.sent(pb.GetConsultationReportRequest) == [
        pb.GetConsultationReportRequest(
            caisse_code="21",
            first_month=Date(year=2026, month=10, day=1),
            last_month=Date(year=2026, month=11, day=1),
        )
    ]


def test_a_report_is_one_json_document_of_every_count(counted: Fakes) -> None:
    rows = counted.json("report", *NOVEMBER)
    assert rows[1] == {
        "month": "2026-11",
        "partner_id": "par-1",
        "partner": "Mairie de Valbrune",
        "purpose": "CANTEEN",
        "outcome": "OPPOSED",
        "consultation_count": 34,
    }
    assert [row["partner"] for row in rows] == [NAMES["par-1"], NAMES["par-1"], NAMES["par-2"], None]


def test_partners_have_their_ids_where_their_register_is_away_and_that_is_said(counted: Fakes) -> None:
    counted.script.replies["ListPartners"] = refuse(DependencyUnavailable())
    result = counted.qf("report", *NOVEMBER)
    assert result.exit_code == 0, result.output
    assert "  par-1 " in result.stdout
    assert "Partners are shown by their ids." in result.stderr


def test_a_report_is_written_for_a_spreadsheet_and_a_director(counted: Fakes) -> None:
    csv, pdf = counted.folder / "report.csv", counted.folder / "report.pdf"
    written = counted.json("report", *NOVEMBER, "--csv", str(csv), "--pdf", str(pdf))
    assert written == {"consultation_count": 1246, "csv_file": str(csv), "pdf_file": str(pdf)}
    assert csv.read_text(encoding="utf-8-sig").splitlines()[3] == (
        "2026-11;par-2;Accueil de loisirs Les Tilleuls;CANTEEN;AVAILABLE;7"
    )
    text = " ".join(page.extract_text() for page in PdfReader(pdf).pages)
    for said in ("MSA Bourgogne", "Rapport d’octobre à novembre 2026", "Mairie de Valbrune", "par-9"):
        assert said in " ".join(text.split())
    assert {stat.S_IMODE(file.stat().st_mode) for file in (csv, pdf)} == {0o600}


def test_a_file_that_is_there_is_replaced_only_if_asked(counted: Fakes) -> None:
    csv = counted.folder / "report.csv"
    csv.write_text("mine")
    result = counted.qf("report", *NOVEMBER, "--csv", str(csv))
    assert (result.exit_code, csv.read_text()) == (2, "mine")
    assert counted.qf("report", *NOVEMBER, "--csv", str(csv), "--overwrite").exit_code == 0
    assert csv.read_text(encoding="utf-8-sig").startswith("month;")


def test_months_that_may_be_purged_are_told(counted: Fakes) -> None:
    arguments = ("report", "--caisse", "21", "--from", "2020-01", "--to", "2020-06")
    counted.script.replies["GetRetention"] = lambda _: pb.GetRetentionResponse(months=12)
    counted.script.replies["GetConsultationReport"] = lambda _: pb.GetConsultationReportResponse()
    assert "Lines up to 2020-06 may be purged by now" in counted.qf(*arguments).stderr
    pdf = counted.folder / "report.pdf"
    assert counted.qf(*arguments, "--pdf", str(pdf)).exit_code == 0
    assert "peuvent être incomplets" in " ".join(PdfReader(pdf).pages[0].extract_text().split())


def test_a_report_of_nothing_says_so_and_is_an_empty_document(counted: Fakes) -> None:
    counted.script.replies["GetConsultationReport"] = lambda _: pb.GetConsultationReportResponse()
    assert "Nothing was consulted in these months." in counted.qf("report", *NOVEMBER).stderr
    assert counted.json("report", *NOVEMBER) == []
    assert not counted.sent(partner_pb.ListPartnersRequest)


@pytest.mark.parametrize("month", ["2026-13", "2026", "2026-1", "2026-11-01", "0000-01", "november"])
def test_a_month_is_given_as_year_and_month(counted: Fakes, month: str) -> None:
    result = counted.qf("report", "--caisse", "21", "--from", month)
    assert result.exit_code == 2
    assert "give a month as YYYY-MM" in " ".join(result.stderr.split())
    assert counted.script.requests == []


def test_what_the_service_refuses_is_told_with_its_rule(counted: Fakes) -> None:
    violation = FieldViolation("last_month", "REPORT_LENGTH", "is not before first_month")
    counted.script.replies["GetConsultationReport"] = refuse(InvalidField(violation))
    result = counted.qf("report", *NOVEMBER, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stderr)["error"]["violations"][0]["rule"] == "REPORT_LENGTH"


def test_a_retention_is_shown_and_set(counted: Fakes) -> None:
    counted.script.replies["SetRetention"] = lambda asked: pb.SetRetentionResponse(months=asked.months)
    counted.script.replies["GetRetention"] = lambda _: pb.GetRetentionResponse(months=36)
    assert counted.json("retention", "--caisse", "21") == {"caisse_code": "21", "months": 36}
    assert counted.json("retention", "--caisse", "21", "--months", "48")["months"] == 48
    assert counted.changes() == [pb.SetRetentionRequest(caisse_code="21", months=48)]


def test_a_shorter_retention_is_confirmed_first_for_what_is_purged_is_gone(counted: Fakes) -> None:
    counted.script.replies["SetRetention"] = lambda asked: pb.SetRetentionResponse(months=asked.months)
    refused = counted.qf("retention", "--caisse", "21", "--months", "12")
    assert (refused.exit_code, counted.changes()) == (2, [])
    assert "older than 12 months" in refused.stderr
    assert counted.qf("retention", "--caisse", "21", "--months", "12", "--yes").exit_code == 0
    assert counted.changes() == [pb.SetRetentionRequest(caisse_code="21", months=12)]
