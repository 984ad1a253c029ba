"""The statement as JSON: whole, of partners and not of their agents, and as its schema says (RGPD art. 15)."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import typer

from cli.commands.person import parse_known_on
from cli.statements import Statement, consultation, partner_ids, person_record, schema
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from msa.quotient.v1 import person_service_pb2 as pb
from services.kit.messages import to_date, to_timestamp
from tests.unit.cli.statement_samples import EVERYTHING, NOTHING

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "guides" / "person-statement.schema.json"
MOMENT = datetime(2026, 11, 24, 18, 51, tzinfo=UTC)
PARTNER, ACCOUNT, HABILITATION = "par-1", "acc-1", "hab-1"
PERIOD = dossier_pb.QuotientPeriod(valid_from=to_date(date(2026, 11, 1)), amount_cents=61234)
LINE = disclosure_pb.Disclosure(
    consultation_id="con-1",
    disclose_time=to_timestamp(MOMENT),
    account_id=ACCOUNT,
    habilitation_id=HABILITATION,
    partner_id=PARTNER,
    caisse_code="21",
    month=to_date(date(2026, 11, 1)),
    purpose=disclosure_pb.PURPOSE_OTHER,
    purpose_text="séjour de neige",
    case_reference="2026-118",
    outcome=disclosure_pb.DISCLOSURE_OUTCOME_AVAILABLE,
    period_starts=[PERIOD.valid_from],
    shown_periods=[PERIOD],
)
RECORD = pb.GetPersonRecordResponse(
    dossiers=[
        pb.HeldDossier(
            numero_dossier="D1",
            coordonnees=dossier_pb.Coordonnees(destinataire="Madame Jeanne VAUCLAIRON"),
            held_from=to_timestamp(MOMENT),
            periods=[
                pb.KnownPeriod(
                    period=PERIOD,
                    known_from=to_timestamp(MOMENT),
                    publication_id="pub-1",
                    publication_kind=dossier_pb.PUBLICATION_KIND_RECTIFICATION,
                    publication_reference="RECT-1",
                )
            ],
        )
    ],
    oppositions=[
        opposition_pb.Opposition(
            opposition_id="opp-1",
            scope=opposition_pb.OppositionScope(caisse_code="21", partner_id="par-2"),
            record_time=to_timestamp(MOMENT),
            withdraw_time=to_timestamp(MOMENT),
            withdrawal=opposition_pb.OppositionWithdrawal(
                channel=opposition_pb.OPPOSITION_CHANNEL_ONLINE, received_on=to_date(date(2026, 11, 23))
            ),
        )
    ],
    erasures=[pb.Erasure(erasure_id="era-1", erase_time=to_timestamp(MOMENT), reference="EFF-1")],
)


def test_the_schema_in_the_guides_is_that_of_the_statement() -> None:
    """It is made by `python -c "from cli.statements import schema; print(schema())"`."""
    assert SCHEMA.read_text(encoding="utf-8") == f"{schema()}\n"


@pytest.mark.parametrize("statement", [NOTHING, EVERYTHING], ids=["nothing", "everything"])
def test_a_statement_can_be_read_again(statement: Statement) -> None:
    assert Statement.model_validate_json(statement.model_dump_json()) == statement


def test_a_consultation_is_told_whole_and_names_the_partner_only() -> None:
    told = consultation(LINE, {PARTNER: "Mairie de Montfaucelle"}).model_dump(mode="json")
    assert told == {
        "consultation_id": "con-1",
        "disclose_time": "2026-11-24T18:51:00Z",
        "partner": {"partner_id": PARTNER, "denomination": "Mairie de Montfaucelle"},
        "purpose": "OTHER",
        "purpose_text": "séjour de neige",
        "case_reference": "2026-118",
        "month": "2026-11",
        "outcome": "AVAILABLE",
        "coordonnees_shown": True,
        "quotients_shown": [{"valid_from": "2026-11-01", "valid_to": None, "amount_cents": 61234}],
        "quotient_starts": ["2026-11-01"],
    }


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (disclosure_pb.DISCLOSURE_OUTCOME_NO_QUOTIENT, True),
        (disclosure_pb.DISCLOSURE_OUTCOME_OPPOSED, False),
        (disclosure_pb.DISCLOSURE_OUTCOME_UNSPECIFIED, False),
    ],
)
def test_coordonnees_are_told_as_shown_where_they_were(
    outcome: "disclosure_pb.DisclosureOutcome.ValueType", shown: bool
) -> None:
    line = disclosure_pb.Disclosure(
        disclose_time=to_timestamp(MOMENT), month=to_date(date(2026, 11, 1)), outcome=outcome
    )
    assert consultation(line, {}).coordonnees_shown == shown


def test_a_record_is_told_whole() -> None:
    told = person_record(RECORD, {"par-2": "Ville de Valbrune"})
    (dossier,), (opposition,), (erasure,) = told.dossiers, told.oppositions, told.erasures
    assert dossier.coordonnees is not None
    assert dossier.coordonnees.destinataire == "Madame Jeanne VAUCLAIRON"
    (quotient,) = dossier.quotients
    assert (quotient.publication_id, quotient.publication_kind, quotient.publication_reference) == (
        "pub-1",
        "RECTIFICATION",
        "RECT-1",
    )
    assert (quotient.known_from, quotient.known_to, dossier.held_to) == (MOMENT, None, None)
    assert opposition.partner is not None
    assert opposition.partner.denomination == "Ville de Valbrune"
    assert opposition.withdrawal is not None
    assert (opposition.withdrawal.channel, opposition.withdrawal.received_on) == (
        "ONLINE",
        date(2026, 11, 23),
    )
    assert erasure.reference == "EFF-1"


def test_every_partner_that_is_named_is_looked_up_once() -> None:
    assert partner_ids(RECORD, [LINE, LINE]) == {"par-1", "par-2"}
    assert partner_ids(pb.GetPersonRecordResponse()) == set()


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-10-01", datetime(2026, 10, 1, 21, 59, 59, 999999, tzinfo=UTC)),
        ("2026-10-25", datetime(2026, 10, 25, 22, 59, 59, 999999, tzinfo=UTC)),
        ("2026-10-01T09:00", datetime(2026, 10, 1, 7, tzinfo=UTC)),
        ("2026-10-01T09:00Z", datetime(2026, 10, 1, 9, tzinfo=UTC)),
    ],
)
def test_a_day_stands_for_its_end_in_paris_and_a_time_for_itself(text: str, instant: datetime) -> None:
    assert parse_known_on(text) == instant


@pytest.mark.parametrize("text", ["", "2026-13-01", "yesterday", "9999-12-31"])
def test_a_day_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_known_on(text)
