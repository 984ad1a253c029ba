"""The letter to a person: who looked, when, why, what was shown, what is kept, her rights (art. 6-3, RGPD art. 15)."""

import io
from datetime import date
from typing import Any

import pytest
from pypdf import PdfReader

from cli.letters.french import NO_BREAK_SPACE, euros, validity_in_words
from cli.letters.typesetting import render, render_png
from cli.statements import Allocataire
from tests.unit.cli import statement_samples as samples
from tests.unit.cli.letter_samples import pages_of, pdf_of, text_of
from tests.unit.cli.statement_samples import (
    EVERYTHING,
    MAIRIE,
    NOTHING,
    SIVU,
    consultation,
    letter,
    letter_of,
)

SIXTY = letter_of(*(consultation(number, samples.OUTCOMES[number % 6]) for number in range(60)))


@pytest.fixture(scope="module")
def text() -> str:
    """What the letter with everything says."""
    return text_of(letter(EVERYTHING))


def test_it_is_addressed_to_the_person_and_tells_of_which_moment_it_is(text: str) -> None:
    assert (
        "Madame Jeanne VAUCLAIRON APPARTEMENT 7 BÂTIMENT B 12 RUE DES ALISIERS LES GRANDS PRÉS "
        "21997 VALBRUNE-LES-BOIS" in text
    )
    assert "Valbrune, le 24 novembre 2026" in text
    assert "Ce relevé est à jour au 24 novembre 2026 à 19 h 51" in text
    assert "N° de dossier : D000000042" in text


def test_it_tells_who_looked_when_why_and_what_was_shown(text: str) -> None:
    assert "24 novembre 2026 à 14 h 51 Mairie de Montfaucelle Restauration scolaire réf. 2026-118" in text
    assert "novembre 2026 Vos coordonnées et votre QF : 612,34 € (à partir de novembre 2026)" in text
    assert "6, dont 1 a montré votre quotient familial" in text


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("OPPOSED", "Rien de votre dossier. Le partenaire a appris qu’une opposition est enregistrée."),
        ("NOT_FOUND", "Rien : aucun dossier ne répondait à votre numéro."),
        ("NO_QUOTIENT", "Vos coordonnées. Aucun QF n’était connu."),
        ("DOSSIER_CLOSED", "Rien : votre dossier était clos."),
        ("OUTSIDE_WINDOW", "Rien : ce mois ne peut pas être consulté."),
        ("LATER_RELEASE", "Rien."),
    ],
)
def test_a_consultation_that_showed_no_qf_is_told_too(outcome: str, said: str) -> None:
    told = text_of(letter_of(consultation(outcome=outcome)))
    assert f"novembre 2026 {said}" in told
    assert "1, dont 0 a montré votre quotient familial" in told
    assert "Vos coordonnées et votre QF" not in told


def test_an_amount_that_was_shown_and_erased_since_is_told_to_have_been_shown() -> None:
    told = text_of(letter_of(consultation(shown=())))
    assert "un montant qui n’est plus conservé, valable à partir du 1er novembre 2026" in told


def test_another_purpose_is_told_in_its_words() -> None:
    told = text_of(letter_of(consultation(purpose="OTHER", purpose_text="séjour de neige")))
    assert "Autre motif : séjour de neige" in told


def test_a_partner_that_the_register_does_not_know_is_told_by_its_id(text: str) -> None:
    assert "Partenaire qui n’est plus au registre (identifiant" in text
    assert samples.GONE.partner_id in "".join(text.split())


def test_no_agent_of_a_partner_is_named_and_it_says_so(text: str) -> None:
    assert "le nom de son agent ne vous est pas communiqué" in text


def test_it_tells_what_is_kept_in_both_times_and_what_brought_it(text: str) -> None:
    assert "Jeanne Hélène VAUCLAIRON, nom de naissance ROUSSERAC Étienne VAUCLAIRON" in text
    assert (
        "d’avril 2026 à octobre 2026 570,00 € du 8 mai 2026 au 27 juillet 2026 Fichier de la caisse" in text
    )
    assert (
        "d’avril 2026 à octobre 2026 1 234,56 € depuis le 27 juillet 2026 Rectification demandée "
        "(réf. RECT-2026-31)" in text
    )


def test_a_dossier_of_before_is_told_without_coordonnees(text: str) -> None:
    assert (
        "Dossier n° D000000007 À votre nom du 7 juin 2024 au 28 janvier 2026 Clos à compter du 1er février 2026"
        in text
    )
    assert "Coordonnées effacées, ou devenues celles d’une autre personne" in text
    assert "du 17 juin 2024 au 5 décembre 2024 0,00 € le 7 juin 2024, de 20 h 51 à 22 h 51" in text


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (date(2026, 11, 1), None, "à partir de novembre 2026"),
        (date(2026, 4, 1), None, "à partir d’avril 2026"),
        (date(2026, 11, 1), date(2026, 11, 30), "novembre 2026"),
        (date(2025, 10, 1), date(2026, 2, 28), "d’octobre 2025 à février 2026"),
        (date(2026, 11, 15), None, "à partir du 15 novembre 2026"),
        (date(2026, 11, 1), date(2026, 11, 14), "du 1er novembre 2026 au 14 novembre 2026"),
    ],
)
def test_a_qf_of_whole_months_is_told_by_its_months(first: date, last: date | None, words: str) -> None:
    assert validity_in_words(first, last).replace(NO_BREAK_SPACE, " ") == words


@pytest.mark.parametrize(
    ("amount_cents", "words"),
    [(0, "0,00 €"), (5, "0,05 €"), (61234, "612,34 €"), (10_000_000, "100 000,00 €")],
)
def test_an_amount_is_told_as_french_writes_it(amount_cents: int, words: str) -> None:
    assert euros(amount_cents).replace(NO_BREAK_SPACE, " ") == words


def test_it_tells_oppositions_with_their_history(text: str) -> None:
    assert "2, dont 1 en vigueur" in text
    assert (
        "Enregistrée le 5 octobre 2026 à 20 h 51, exprimée le 2 octobre 2026 à l’accueil auprès de ce partenaire "
        "(réf. SIVU-9) en vigueur" in text
    )
    assert "exprimée le 1er février 2026 par courrier par une personne qui vous représente" in text
    assert "Retirée le 19 mars 2026 à 19 h 51, exprimée le 16 mars 2026 en ligne" in text


def test_it_tells_erasures(text: str) -> None:
    assert "Le 14 novembre 2026 à 19 h 51 : 1 dossier et 4 montants de QF (réf. EFF-2026-7)" in text


def test_it_tells_how_long_it_is_kept_and_how_to_use_ones_rights(text: str) -> None:
    assert "Chaque ligne est conservée 36 mois, puis supprimée" in text
    for right in ("Rectification", "Opposition", "Effacement", "Limitation"):
        assert f"– {right} (article" in text
    assert "elle vous répond dans le délai d’un mois" in text
    assert "3 place de Fontenoy, TSA 80715, 75334 Paris Cedex 07" in text


def test_of_nobody_known_it_says_that_there_is_nothing() -> None:
    text = text_of(letter(NOTHING))
    assert "Consultations aucune Dossiers aucun Oppositions aucune" in text
    assert "Aucune consultation n’est enregistrée à votre numéro de sécurité sociale" in text
    assert "Aucun dossier n’est conservé à votre nom" in text
    assert "Aucune opposition n’est enregistrée à votre nom" in text
    assert "Effacements faits" not in text
    assert "Commission nationale de l’informatique et des libertés" in text


def test_a_name_with_markup_prints_as_it_is() -> None:
    name = r"#panic() *gras* _i_ $x^2$ \ @renvoi"
    partner = MAIRIE.model_copy(update={"denomination": name})
    coordonnees = samples.COORDONNEES.model_copy(
        update={"allocataires": [Allocataire(nom_naissance=name, nom_usage="", prenoms="X")]}
    )
    dossier = samples.DOSSIER.model_copy(update={"coordonnees": coordonnees})
    statement = NOTHING.model_copy(
        update={"dossiers": [dossier], "consultations": [consultation(partner=partner, case_reference=name)]}
    )
    assert "".join(text_of(letter(statement)).split()).count("".join(name.split())) == 3


@pytest.mark.parametrize(("name", "sheets"), [("nothing", 2), ("one", 2), ("everything", 4), ("sixty", 7)])
def test_it_takes_no_more_pages_than_it_needs(name: str, sheets: int) -> None:
    letters = {
        "nothing": letter(NOTHING),
        "one": letter_of(consultation()),
        "everything": letter(EVERYTHING),
        "sixty": SIXTY,
    }
    assert len(render_png(letters[name], ppi=10)) <= sheets


def test_sixty_consultations_go_on_under_the_same_head_on_every_page() -> None:
    pages = pages_of(SIXTY)
    listing = [page for page in pages if "Mairie de Montfaucelle" in page]
    assert len(listing) > 2
    assert all(
        "Date et heure Partenaire Motif Mois demandé et ce qui a été montré" in page for page in listing
    )
    assert sum(page.count("Mairie de Montfaucelle") for page in pages) == 60
    assert f"Page 2 sur {len(pages)}" in pages[1]


def test_a_long_name_of_a_partner_is_told_whole(text: str) -> None:
    assert SIVU.denomination is not None
    assert "".join(SIVU.denomination.split()) in "".join(text.split())


@pytest.mark.parametrize("statement", [NOTHING, EVERYTHING], ids=["nothing", "everything"])
def test_it_is_readable_by_everybody_and_kept(statement: Any) -> None:
    document = PdfReader(io.BytesIO(pdf_of(letter(statement))))
    root: Any = document.root_object
    declared = root["/Metadata"].get_data().decode()
    assert root["/Lang"] == "fr-FR"
    assert "<pdfuaid:part>1</pdfuaid:part>" in declared
    assert "<pdfaid:part>2</pdfaid:part>" in declared
    assert document.metadata is not None
    assert document.metadata.title == "Relevé de vos données et de leurs consultations"


def test_the_same_statement_is_the_same_bytes() -> None:
    assert render(letter(EVERYTHING)) == render(letter(EVERYTHING))


def test_what_is_not_known_is_a_dotted_line() -> None:
    def dotted(one: Any) -> int:
        contents = [page.get_contents() for page in PdfReader(io.BytesIO(pdf_of(one))).pages]
        return sum(content.get_data().count(b"[0.7 2]0 d") for content in contents if content is not None)

    assert dotted(samples.bare(NOTHING)) > dotted(letter(NOTHING)) > dotted(letter(EVERYTHING))


def test_no_confidential_value_is_in_a_repr() -> None:
    shown = (
        repr(EVERYTHING)
        + repr(letter(EVERYTHING))
        + repr(EVERYTHING.dossiers)
        + repr(EVERYTHING.consultations)
    )
    secrets = (
        "VAUCLAIRON",
        "ROUSSERAC",
        "61234",
        "612,34",
        "ALISIERS",
        "2026-118",
        "EFF-2026-7",
        "D000000042",
    )
    assert [secret for secret in secrets if secret in shown] == []
