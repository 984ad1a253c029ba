"""Statements of an invented person: with everything that one can have, and with nothing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from cli.letters.records import StatementLetter
from cli.letters.statement import statement_letter
from cli.statements import (
    Allocataire,
    Consultation,
    Coordonnees,
    Dossier,
    Erasure,
    KnownQuotient,
    Opposition,
    Partner,
    Quotient,
    Statement,
    Withdrawal,
)
from tests.unit.cli.letter_samples import CAISSE

# 19 h 51 in Paris.
WRITTEN = datetime(2026, 11, 24, 18, 51, tzinfo=UTC)
OUTCOMES = ("AVAILABLE", "OPPOSED", "NOT_FOUND", "NO_QUOTIENT", "DOSSIER_CLOSED", "OUTSIDE_WINDOW")
MAIRIE = Partner(partner_id="01a20ad8-c240-7b97-a73d-4452fa6be677", denomination="Mairie de Montfaucelle")
SIVU = Partner(
    partner_id="01a20ad8-c240-7b97-a73d-4452fa6be678",
    denomination=(
        "Syndicat intercommunal à vocation unique des accueils de loisirs de Saint-Ormel-le-Vieil et communes "
        "associées"
    ),
)
GONE = Partner(partner_id="01a20ad8-c240-7b97-a73d-4452fa6be679", denomination=None)
NOVEMBER = Quotient(valid_from=date(2026, 11, 1), valid_to=None, amount_cents=61234)


def consultation(
    number: int = 1,
    outcome: str = "AVAILABLE",
    partner: Partner = MAIRIE,
    purpose: str = "CANTEEN",
    purpose_text: str = "",
    case_reference: str = "2026-118",
    shown: tuple[Quotient, ...] = (NOVEMBER,),
    starts: tuple[date, ...] = (NOVEMBER.valid_from,),
) -> Consultation:
    """The consultation so many times thirty hours before the statement."""
    shows = outcome == "AVAILABLE"
    return Consultation(
        consultation_id=f"01a20ad8-c240-7b97-a73d-{number:012d}",
        disclose_time=WRITTEN - timedelta(hours=30 * number + 5),
        partner=partner,
        purpose=purpose,
        purpose_text=purpose_text,
        case_reference=case_reference,
        month="2026-11",
        outcome=outcome,
        coordonnees_shown=shows or outcome == "NO_QUOTIENT",
        quotients_shown=list(shown) if shows else [],
        quotient_starts=list(starts) if shows else [],
    )


def known_quotient(
    quotient: Quotient,
    since: datetime,
    until: datetime | None = None,
    kind: str | None = None,
    reference: str = "",
) -> KnownQuotient:
    """A QF with the time in which it was known."""
    return KnownQuotient(
        **quotient.model_dump(),
        known_from=since,
        known_to=until,
        publication_id=None,
        publication_kind=kind,
        publication_reference=reference,
    )


def days_before(days: int) -> datetime:
    """So many days before the statement."""
    return WRITTEN - timedelta(days=days)


COORDONNEES = Coordonnees(
    allocataires=[
        Allocataire(nom_naissance="ROUSSERAC", nom_usage="VAUCLAIRON", prenoms="Jeanne Hélène"),
        Allocataire(nom_naissance="VAUCLAIRON", nom_usage="", prenoms="Étienne"),
    ],
    destinataire="Madame Jeanne VAUCLAIRON",
    complement_information="APPARTEMENT 7",
    complement_information_geographique="BÂTIMENT B",
    numero_libelle_voie="12 RUE DES ALISIERS",
    lieu_dit="LES GRANDS PRÉS",
    code_postal_ville="21997 VALBRUNE-LES-BOIS",
    pays="FRANCE",
)
_SUMMER = Quotient(valid_from=date(2026, 4, 1), valid_to=date(2026, 10, 31), amount_cents=57000)
DOSSIER = Dossier(
    numero_dossier="D000000042",
    coordonnees=COORDONNEES,
    held_from=days_before(300),
    held_to=None,
    closed_from=None,
    quotients=[
        known_quotient(_SUMMER, days_before(200), days_before(120), "REGULAR", "2026-04"),
        known_quotient(
            _SUMMER.model_copy(update={"amount_cents": 123456}),
            days_before(120),
            kind="RECTIFICATION",
            reference="RECT-2026-31",
        ),
        known_quotient(NOVEMBER, days_before(20), kind="REGULAR", reference="2026-11"),
    ],
)
PAST_DOSSIER = Dossier(
    numero_dossier="D000000007",
    coordonnees=None,
    held_from=days_before(900),
    held_to=days_before(300),
    closed_from=date(2026, 2, 1),
    quotients=[
        known_quotient(
            Quotient(valid_from=date(2024, 6, 17), valid_to=date(2024, 12, 5), amount_cents=0),
            days_before(900),
            days_before(900) + timedelta(hours=2),
        )
    ],
)
OPPOSITIONS = [
    Opposition(
        opposition_id="01a20ad8-c240-7b97-a73d-4452fa6be680",
        partner=SIVU,
        requester="PERSON",
        declarant="PARTNER",
        channel="COUNTER",
        received_on=date(2026, 10, 2),
        reference="SIVU-9",
        record_time=days_before(50),
        withdrawal=None,
    ),
    Opposition(
        opposition_id="01a20ad8-c240-7b97-a73d-4452fa6be681",
        partner=None,
        requester="REPRESENTATIVE",
        declarant="CAISSE",
        channel="LETTER",
        received_on=date(2026, 2, 1),
        reference="",
        record_time=days_before(290),
        withdrawal=Withdrawal(
            withdraw_time=days_before(250),
            requester="PERSON",
            channel="ONLINE",
            received_on=date(2026, 3, 16),
            reference="",
        ),
    ),
]
ERASURE = Erasure(
    erasure_id="01a20ad8-c240-7b97-a73d-4452fa6be682",
    erase_time=days_before(10),
    reference="EFF-2026-7",
    dossier_count=1,
    period_count=4,
)

NOTHING = Statement(
    caisse_code="21",
    caisse_name=CAISSE.name,
    written_time=WRITTEN,
    journal_retention_months=36,
    dossiers=[],
    oppositions=[],
    erasures=[],
    consultations=[],
)
EVERYTHING = NOTHING.model_copy(
    update={
        "dossiers": [DOSSIER, PAST_DOSSIER],
        "oppositions": OPPOSITIONS,
        "erasures": [ERASURE],
        "consultations": [
            consultation(number, outcome, partner)
            for number, (outcome, partner) in enumerate(zip(OUTCOMES, (MAIRIE, SIVU, GONE) * 2, strict=True))
        ],
    }
)


def letter(statement: Statement) -> StatementLetter:
    """The letter of the sample caisse."""
    return statement_letter(CAISSE, statement)


def letter_of(*consultations: Consultation) -> StatementLetter:
    """The letter to the person with one dossier and these consultations."""
    return letter(NOTHING.model_copy(update={"dossiers": [DOSSIER], "consultations": list(consultations)}))


def bare(statement: Statement) -> StatementLetter:
    """The letter of a caisse of which nothing is configured."""
    return replace(letter(statement), caisse=replace(CAISSE, address_lines=(), city="", contact=""))
