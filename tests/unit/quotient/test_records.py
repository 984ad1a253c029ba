"""What a record of a publication may say, rule by rule."""

from dataclasses import replace
from datetime import date

import pytest

from services.kit.errors import FieldViolation, InvalidField
from services.kit.redaction import Confidential
from services.quotient.dossiers.domain import (
    Allocataire,
    Coordonnees,
    Day,
    PeriodDraft,
    QuotientPeriod,
    RecordDraft,
    parse_record,
)

COORDONNEES = Coordonnees(
    allocataires=(Allocataire("Mirabelle", "", "Capucine"),),
    destinataire="Madame Capucine Mirabelle",
    complement_information="",
    complement_information_geographique="",
    numero_libelle_voie="3 chemin des Orties",
    lieu_dit="",
    code_postal_ville="21999 VALLOMBREUSE",
    pays="FRANCE",
)
PERIOD = PeriodDraft("quotient_period", Day(2026, 1, 1), None, 61234)
NIR, OTHER_NIR = Confidential("269054958815780"), Confidential("285072100900153")
DRAFT = RecordDraft(
    caisse_code="21",
    numero_dossier="D0042",
    nirs=(NIR,),
    holders_complete=False,
    coordonnees=COORDONNEES,
    periods=(PERIOD,),
    periods_complete=False,
    closed_from=None,
)


def violation_of(draft: RecordDraft) -> FieldViolation:
    with pytest.raises(InvalidField) as refused:
        parse_record(draft)
    (violation,) = refused.value.violations
    return violation


def with_coordonnees(**fields: object) -> RecordDraft:
    return replace(DRAFT, coordonnees=replace(COORDONNEES, **fields))  # type: ignore[arg-type]  # any field


def with_period(**fields: object) -> RecordDraft:
    return replace(DRAFT, periods=(replace(PERIOD, **fields),))  # type: ignore[arg-type]  # any field


def with_periods(*periods: tuple[Day, Day | None]) -> RecordDraft:
    """The first one in a field of its own, as it travels."""
    drafts = [
        PeriodDraft(f"further_quotient_periods[{number - 1}]" if number else "quotient_period", *days, 1)
        for number, days in enumerate(periods)
    ]
    return replace(DRAFT, periods=drafts)


def test_a_good_record_is_taken_as_it_was_sent() -> None:
    record = parse_record(DRAFT)
    assert record.key == ("21", "D0042")
    assert record.coordonnees == COORDONNEES
    assert [nir.reveal() for nir in record.nirs] == [NIR.reveal()]
    assert record.periods == [QuotientPeriod(date(2026, 1, 1), None, 61234)]
    assert (record.holders_complete, record.periods_complete, record.closed_from) == (False, False, None)


def test_a_caisse_may_know_no_qf_yet() -> None:
    assert parse_record(replace(DRAFT, periods=())).periods == []


def test_a_dossier_has_several_allocataires_and_is_closed_on_a_day() -> None:
    record = parse_record(replace(DRAFT, nirs=(NIR, OTHER_NIR), closed_from=Day(2026, 7, 1)))
    assert [nir.reveal() for nir in record.nirs] == [NIR.reveal(), OTHER_NIR.reveal()]
    assert record.closed_from == date(2026, 7, 1)


JANUARY, JUNE, JULY = Day(2026, 1, 1), Day(2026, 6, 30), Day(2026, 7, 1)


@pytest.mark.parametrize(
    "periods",
    [
        [(JANUARY, JUNE), (JULY, None)],
        [(JULY, None), (JANUARY, JUNE)],
        # Without a last day a period holds until a later one begins.
        [(JANUARY, None), (JULY, None)],
        [(JANUARY, JANUARY), (JULY, JULY)],
    ],
)
def test_periods_that_follow_one_another_are_taken(periods: list[tuple[Day, Day | None]]) -> None:
    assert len(parse_record(with_periods(*periods)).periods) == len(periods)


@pytest.mark.parametrize(
    ("periods", "field"),
    [
        ([(JANUARY, JULY), (JULY, None)], "further_quotient_periods[0]"),
        ([(JULY, None), (JANUARY, JULY)], "quotient_period"),
        ([(JANUARY, None), (JANUARY, None)], "further_quotient_periods[0]"),
        ([(JANUARY, Day(2026, 12, 31)), (JUNE, JULY)], "further_quotient_periods[0]"),
    ],
)
def test_periods_that_overlap_are_refused(periods: list[tuple[Day, Day | None]], field: str) -> None:
    violation = violation_of(with_periods(*periods))
    assert (violation.field, violation.rule) == (field, "PERIODS_OVERLAP")


def test_a_record_has_a_period_and_120_more_at_most() -> None:
    days = [(Day(2026 + number // 12, number % 12 + 1, 1), None) for number in range(122)]
    assert len(parse_record(with_periods(*days[:-1])).periods) == 121
    violation = violation_of(with_periods(*days))
    assert (violation.field, violation.rule) == ("further_quotient_periods", "PERIODS_COUNT")


def test_a_refusal_names_which_of_several_periods_it_is() -> None:
    assert violation_of(with_periods((JANUARY, None), (JULY, JUNE))).field == (
        "further_quotient_periods[0].valid_to"
    )


@pytest.mark.parametrize("amount_cents", [0, 10_000_000])
def test_the_bounds_of_an_amount_are_amounts(amount_cents: int) -> None:
    record = parse_record(with_period(amount_cents=amount_cents))
    assert [period.amount_cents for period in record.periods] == [amount_cents]


@pytest.mark.parametrize(
    ("draft", "field", "rule"),
    [
        (replace(DRAFT, caisse_code="2"), "caisse_code", "CAISSE_CODE"),
        (replace(DRAFT, caisse_code="2٣"), "caisse_code", "CAISSE_CODE"),
        (replace(DRAFT, numero_dossier=""), "numero_dossier", "NUMERO_DOSSIER"),
        (replace(DRAFT, numero_dossier="D 42"), "numero_dossier", "NUMERO_DOSSIER"),
        (replace(DRAFT, numero_dossier="D" * 21), "numero_dossier", "NUMERO_DOSSIER"),
        (replace(DRAFT, numero_dossier="D42\n"), "numero_dossier", "NUMERO_DOSSIER"),
        (replace(DRAFT, nirs=[Confidential("269054958815781")]), "nir", "NIR_KEY_MISMATCH"),
        (replace(DRAFT, nirs=[NIR, Confidential("")]), "other_nirs[0]", "NIR_LENGTH"),
        (replace(DRAFT, nirs=[NIR, OTHER_NIR, NIR]), "other_nirs", "NIR_TWICE"),
        (replace(DRAFT, nirs=[NIR] * 11), "other_nirs", "ALLOCATAIRES_COUNT"),
        (replace(DRAFT, closed_from=Day(2026, 2, 30)), "closed_from", "DATE_NOT_REAL"),
        (replace(DRAFT, coordonnees=None), "coordonnees", "REQUIRED"),
        (with_coordonnees(destinataire="x" * 201), "coordonnees.destinataire", "TEXT_LENGTH"),
        (with_coordonnees(lieu_dit="a\nb"), "coordonnees.lieu_dit", "CONTROL_CHARACTERS"),
        (with_coordonnees(pays="FRANCE\u202e"), "coordonnees.pays", "CONTROL_CHARACTERS"),
        (
            with_coordonnees(allocataires=(Allocataire("A", "", ""), Allocataire("B", "\x00", ""))),
            "coordonnees.allocataires[1].nom_usage",
            "CONTROL_CHARACTERS",
        ),
        (
            with_coordonnees(allocataires=(Allocataire("A", "", ""),) * 11),
            "coordonnees.allocataires",
            "ALLOCATAIRES_COUNT",
        ),
        (with_period(valid_from=None), "quotient_period.valid_from", "REQUIRED"),
        (with_period(valid_from=Day(2026, 2, 29)), "quotient_period.valid_from", "DATE_NOT_REAL"),
        (with_period(valid_from=Day(0, 0, 0)), "quotient_period.valid_from", "DATE_NOT_REAL"),
        (with_period(valid_from=Day(202, 1, 1)), "quotient_period.valid_from", "DATE_RANGE"),
        (with_period(valid_to=Day(2026, 13, 1)), "quotient_period.valid_to", "DATE_NOT_REAL"),
        (with_period(valid_to=Day(2025, 12, 31)), "quotient_period.valid_to", "PERIOD_ORDER"),
        (with_period(amount_cents=-1), "quotient_period.amount_cents", "AMOUNT_RANGE"),
        (with_period(amount_cents=10_000_001), "quotient_period.amount_cents", "AMOUNT_RANGE"),
    ],
)
def test_a_refusal_names_field_and_rule(draft: RecordDraft, field: str, rule: str) -> None:
    violation = violation_of(draft)
    assert (violation.field, violation.rule) == (field, rule)
    assert violation.description


def test_a_refusal_never_repeats_the_value() -> None:
    violation = violation_of(with_coordonnees(destinataire="Mirabelle\n"))
    assert "Mirabelle" not in repr(violation)


def test_names_of_any_script_and_hard_spaces_are_text() -> None:
    draft = with_coordonnees(destinataire="Mme Anaïs\u00a0Łuczak-Ö’Neïl 李")
    assert parse_record(draft).coordonnees == draft.coordonnees


def test_records_do_not_print_what_they_hold() -> None:
    assert "Mirabelle" not in f"{DRAFT} {DRAFT!r} {parse_record(DRAFT)!r}"
    assert "269054958815780" not in f"{DRAFT!r} {parse_record(DRAFT)!r}"


def test_coordonnees_are_kept_whole() -> None:
    assert Coordonnees.decode(COORDONNEES.encode()) == COORDONNEES


def test_the_stored_text_of_coordonnees_stays_as_it_is() -> None:
    coordonnees = replace(COORDONNEES, lieu_dit='LE "MOULIN" \\ BRÛLÉ\u00a0李')
    assert coordonnees.encode().decode() == (
        '{"allocataires":[{"nom_naissance":"Mirabelle","nom_usage":"","prenoms":"Capucine"}],'
        '"destinataire":"Madame Capucine Mirabelle","complement_information":"",'
        '"complement_information_geographique":"","numero_libelle_voie":"3 chemin des Orties",'
        '"lieu_dit":"LE \\"MOULIN\\" \\\\ BRÛLÉ\u00a0李","code_postal_ville":"21999 VALLOMBREUSE",'
        '"pays":"FRANCE"}'
    )
