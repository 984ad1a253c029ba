"""What the letters say, and what they never say."""

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from cli.letters.french import BOUQUETS
from cli.letters.records import Letter, LetterUser, PartnerIdentity, PartnerLetter, SuspensionEnd
from cli.letters.typesetting import UnprintableSign, render, render_png
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from tests.unit.cli import letter_samples as samples
from tests.unit.cli.letter_samples import LETTERS, pages_of, pdf_of, text_of

ARTICLES = (
    "Article 1 – Objet de la convention",
    "Article 2 – Documents conventionnels",
    "Article 3 – Description du service en ligne « Consultation du Quotient Familial »",
    "Article 4 – Accès au service en ligne « Consultation du Quotient Familial »",
    "Art. 4-1 – Formalités d’accès préalables",
    "Art. 4-2 – Habilitations",
    "Art. 4-3 – Accès au service",
    "Art. 4-4 – Modification d’accès au service",
    "Art. 4-5 – Modalités de désinscription",
    "Art. 4-6 – Disponibilité du service",
    "Art. 4-7 – Accès au dossier de l’allocataire",
    "Article 5 – Engagements des Parties",
    "Article 6 – Confidentialité et protection des données",
    "Art. 6-1 – Confidentialité et secret professionnel",
    "Art. 6-2 – Protection des données",
    "Art. 6-3 – Droit des personnes",
    "Article 7 – Sécurité",
    "Art. 7-1 – Sécurité des informations échangées",
    "Art. 7-2 – Sécurisation en matière d’accès",
    "Article 8 – Propriété intellectuelle des logiciels, applications et matériels",
    "Article 9 – Durée et résiliation de la convention",
    "Art. 9-1 – Durée et date d’effet de la convention",
    "Art. 9-2 – Résiliation de la convention",
    "Article 10 – Force majeure",
    "Article 11 – Responsabilité et assurance",
    "Article 12 – Dispositions financières",
    "Article 13 – Dispositions générales",
    *(f"13-{number} " for number in range(1, 9)),
    "Article 14 – Loi applicable et règlement des litiges",
    "Annexe 1 Partage des données dans le domaine social",
    "Annexe 2 Demande d’accès au service en ligne",
)


@pytest.fixture(params=LETTERS)
def letter(request: pytest.FixtureRequest) -> PartnerLetter:
    return LETTERS[request.param]


def test_every_letter_is_readable_by_everybody_and_kept(letter: Letter) -> None:
    document = PdfReader(io.BytesIO(pdf_of(letter)))
    root: Any = document.root_object
    assert root["/Lang"] == "fr-FR"
    assert root["/MarkInfo"]["/Marked"]
    assert document.metadata is not None
    assert document.metadata.title
    declared = root["/Metadata"].get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in declared
    assert "<pdfaid:part>2</pdfaid:part>" in declared


def test_the_same_letter_is_the_same_bytes(letter: Letter) -> None:
    assert render(letter) == render(letter)


def test_only_the_fonts_that_come_with_typst_are_used(letter: Letter) -> None:
    pages: Any = PdfReader(io.BytesIO(pdf_of(letter))).pages
    fonts = {
        font.get_object()["/BaseFont"] for page in pages for font in page["/Resources"]["/Font"].values()
    }
    assert {font.split("+")[1].split("-")[0] for font in fonts} <= {"LibertinusSerif", "DejaVuSansMono"}


def test_letters_of_the_usual_length_take_one_sheet() -> None:
    pages = {name: len(render_png(letter, ppi=10)) for name, letter in LETTERS.items()}
    assert pages.pop("password") == 2
    assert pages.pop("convention") == 6
    assert set(pages.values()) == {1}


def test_a_name_of_two_lines_takes_no_second_sheet() -> None:
    user = LetterUser(
        "Lardivel de la Roche-Guimont d’Armoiseau de Montraveau", "Jean-Marc Népomucène Balthazar"
    )
    named = replace(samples.HABILITATION, user=user), replace(samples.USER_SUSPENSION, user=user)
    assert [len(render_png(letter, ppi=10)) for letter in named] == [1, 1]


def test_what_is_not_known_is_a_dotted_line(letter: PartnerLetter) -> None:
    bare = replace(letter, caisse=samples.BARE_CAISSE, partner=samples.BARE_PARTNER)
    text = text_of(bare)
    assert samples.BARE_CAISSE.name in text
    assert "None" not in text
    assert _dotted_lines(bare) > _dotted_lines(letter)


@pytest.mark.parametrize("partner", [samples.PARTNER, samples.LONG_PARTNER], ids=["usual", "200 characters"])
@pytest.mark.parametrize("name", ["habilitation", "denunciation", "suspension"])
def test_the_address_lies_in_the_window_of_an_envelope(name: str, partner: PartnerIdentity) -> None:
    placed = list(_placed(replace(LETTERS[name], partner=partner)))
    first = next(top for text, left, top in placed if text in partner.denomination and left > 100)
    last = next(top for text, left, top in placed if text.startswith("21998") and left > 100)
    assert 45 < first < last < 79


@pytest.mark.parametrize(
    "name",
    [
        r"#panic() *gras* _i_ $x^2$ \ @renvoi <label> `code`",
        r"// fin /* non */ [b] {c} ~ -- ... 'x' \"y\" \u{41} 100 %",
        "= titre",
        "- #sys.inputs.letter",
    ],
)
def test_a_name_with_markup_prints_as_it_is(name: str) -> None:
    partner = replace(samples.PARTNER, denomination=name, representative=name, seat_lines=(name,))
    letter = replace(samples.SUSPENSION, partner=partner, user=LetterUser(name, name), reason=name)
    assert _without_spaces(text_of(letter)).count(_without_spaces(name)) == 6


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=r"#*_$\@<>`=+-/~'\"[](){}.:;!?%&«»’éÉç1erABxyz 0", min_size=1, max_size=60))
def test_any_name_prints_as_it_is(name: str) -> None:
    letter = replace(samples.HABILITATION, user=LetterUser("FIN", f"DEBUT{name}"))
    assert _without_spaces(f"DEBUT{name} FIN") in _without_spaces(text_of(letter))


@pytest.mark.parametrize("sign", ["m", "W", "M"])
def test_a_word_without_an_end_stays_within_its_column(sign: str) -> None:
    """The widest sign is an em wide; the column of the facts is 109 mm."""
    letter = replace(samples.SUSPENSION, reason=sign * 500)
    lines = [text for text, _, _ in _placed(letter) if set(text.replace("\u200b", "")) == {sign}]
    assert sum(len(line.replace("\u200b", "")) for line in lines) == 500
    assert max(len(line.replace("\u200b", "")) for line in lines) * 10.5 * 25.4 / 72 < 109


def test_a_sign_without_a_glyph_is_refused_and_not_quoted() -> None:
    with pytest.raises(UnprintableSign) as refused:
        render(replace(samples.HABILITATION, user=LetterUser("漢字", "Jean")))
    assert not str(refused.value)
    assert refused.value.__suppress_context__


def test_no_confidential_value_is_in_a_repr() -> None:
    shown = " ".join(map(repr, LETTERS.values()))
    confidential = (samples.PASSWORD, samples.LOGIN, "Lardivel", "Jean-Marc", "Odette", "Bellavoine")
    assert [value for value in confidential if value in shown] == []


# Notification of a habilitation (art. 4-2).


def test_the_notification_names_the_bouquet_of_who_is_answerable_for_the_users() -> None:
    """Art. 4-2: the notification says what it opens, on one page as ever."""
    for bouquet in BOUQUETS.values():
        letter = replace(samples.HABILITATION, bouquet=bouquet)
        assert _without_spaces(f"Bouquet de services {bouquet}") in _without_spaces(text_of(letter))
        assert len(render_png(letter, ppi=10)) == 1


def test_every_bouquet_has_its_words() -> None:
    """Art. 4-2."""
    known = {name.removeprefix("BOUQUET_") for name in habilitation_pb.Bouquet.keys()}  # noqa: SIM118  # no mapping
    assert set(BOUQUETS) == known - {"UNSPECIFIED"}


def test_the_notification_tells_who_may_do_what_under_which_login() -> None:
    text = text_of(samples.HABILITATION)
    assert "Jean-Marc Lardivel" in text
    assert "Identifiant de connexion x21-v9jwsb" in text
    assert "Bouquet de services Consultation du quotient familial" in text
    assert "À l’attention d’Odette Bellavoine" in text
    assert "Valbrune, le 1er mars 2027" in text


def test_the_notification_tells_how_the_access_is_used() -> None:
    text = text_of(samples.HABILITATION)
    assert "de 5 h à 23 h (article 5)" in text
    assert "doit aussitôt en choisir un autre (article 4-3)" in text
    assert "Prévenez-nous immédiatement (article 5)" in text
    assert "la présente habilitation prend fin le 15 mars 2028" in text


def test_the_notification_does_without_a_lapse_date() -> None:
    text = text_of(replace(samples.HABILITATION, lapse_date=None))
    assert "Confirmation annuelle" in text
    assert "prend fin le" not in text


# The sealed letter (art. 4-3).


def test_the_password_letter_holds_the_password_once_and_until_when() -> None:
    text = text_of(samples.PASSWORD_LETTER)
    assert text.count(samples.PASSWORD) == 1
    assert "À utiliser avant le 1er avril 2027" in text
    assert "À remettre en main propre" in text
    assert "d’au moins douze caractères" in text


def test_the_outer_face_of_the_password_letter_has_the_name_and_not_the_password() -> None:
    outer, inner = pages_of(samples.PASSWORD_LETTER)
    assert "Jean-Marc Lardivel" in outer
    assert samples.PASSWORD not in outer
    assert samples.PASSWORD in inner


def test_the_password_lies_behind_the_dense_pattern_of_the_outer_face() -> None:
    left, top = next(
        (left, top) for text, left, top in _placed(samples.PASSWORD_LETTER) if text == samples.PASSWORD
    )
    width = len(samples.PASSWORD) * 0.602 * 14 * 25.4 / 72
    # As seen from behind, where the pattern lies between 12 and 98 mm from the left, 141 and 191 mm from the top.
    assert 12 + 5 < 210 - left - width < 210 - left < 98 - 5
    assert 141 + 15 < top < 191 - 15


# The convention.


@pytest.fixture(scope="module")
def convention() -> str:
    return text_of(samples.CONVENTION)


def test_the_convention_has_every_article_under_its_number_and_title(convention: str) -> None:
    places = [convention.find(title) for title in ARTICLES]
    assert [title for title, place in zip(ARTICLES, places, strict=True) if place < 0] == []
    assert places == sorted(places)


@pytest.mark.parametrize(
    "known",
    [
        "N° de tiers du Partenaire : T-0042",
        "3 place du Marché, 21998 MONTFAUCELLE",
        "que représente Odette Bellavoine, en qualité de Maire",
        "12 rue des Trois Fontaines, 21997 VALBRUNE CEDEX",
        "que représente Bérengère Falbrusse, en qualité de Directrice générale",
        "Dénomination : Mairie de Montfaucelle",
        "Création Modification Suppression",
    ],
)
def test_the_convention_is_prefilled(convention: str, known: str) -> None:
    assert known in convention


@pytest.mark.parametrize(
    "rule",
    [
        "5 h à 23 h",
        "plus de 98 %",
        "cinq (5) ans",
        "trois (3) mois",
        "trente (30) jours calendaires",
        "soixante (60) jours",
        "deux (2) exemplaires",
        "articles 226-13 et suivants du Code pénal",
        "règlement (UE) 2016/679",
        "article 1218 du Code civil",
        "articles 1231-3 et suivants du Code civil",
        "article 1112 du Code civil",
        "n° 78-17 du 6 janvier 1978",
        "octobre 2002",
    ],
)
def test_the_convention_keeps_every_number_of_the_agreement(convention: str, rule: str) -> None:
    assert rule in convention


# Acknowledgement of a denunciation (art. 9-2).


def test_a_denunciation_in_time_is_acknowledged_for_its_term() -> None:
    text = text_of(samples.DENUNCIATION)
    assert "Nous avons reçu le 26 février 2027 votre lettre recommandée n° 1A2045781234" in text
    assert "parvenue à temps pour l’échéance du 1er juin 2027" in text
    assert "Dernier jour de la convention 31 mai 2027" in text
    assert "cinq ans encore, jusqu’au 1er juin 2032 inclus" in text
    assert "vous nous l’attestez par écrit" in text


def test_a_late_denunciation_is_told_which_term_it_missed() -> None:
    text = text_of(samples.LATE_DENUNCIATION)
    assert "Notre lettre recommandée, que vous avez reçue le 2 mars 2027" in text
    assert "trop tard pour l’échéance du 1er juin 2027" in text
    assert "prend fin à l’échéance suivante, celle du 1er juin 2028" in text
    assert "Dernier jour de la convention 31 mai 2028" in text


# Notification of a suspension (art. 7-2).


def test_the_suspension_of_a_partner_until_a_day_tells_since_when_until_when_and_why() -> None:
    text = text_of(samples.SUSPENSION)
    assert "suspension temporaire d’un accès" in text
    assert "Mairie de Montfaucelle, toutes personnes habilitées" in text
    assert "Suspendu depuis le 27 février 2027" in text
    assert "sera de nouveau ouvert le 1er avril 2027" in text
    assert "Motif consultations sans rapport avec les inscriptions" in text
    assert "Votre interlocuteur : 03 00 00 00 00, partenaires@msa.example" in text


def test_a_suspension_that_must_be_lifted_says_so() -> None:
    text = text_of(replace(samples.SUSPENSION, ends=SuspensionEnd.WHEN_LIFTED, until_date=None))
    assert "suspension temporaire" in text
    assert "dure jusqu’à ce que la caisse la lève" in text


def test_the_definitive_suspension_of_a_user_names_him_and_leaves_the_others() -> None:
    text = text_of(samples.USER_SUSPENSION)
    assert "suspension définitive d’un accès" in text
    assert "Accès suspendu Jean-Marc Lardivel" in text
    assert "L’accès de vos autres utilisateurs n’est pas touché" in text
    assert "L’accès ne sera pas rétabli" in text


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def _dotted_lines(letter: Letter) -> int:
    pages = PdfReader(io.BytesIO(pdf_of(letter))).pages
    contents = [page.get_contents() for page in pages]
    return sum(content.get_data().count(b"[0.7 2]0 d") for content in contents if content is not None)


def _placed(letter: Letter) -> Iterator[tuple[str, float, float]]:
    """Each text of the letter with its place: millimetres from the left and from the top of its page."""
    placed: list[tuple[str, float, float]] = []
    for page in PdfReader(io.BytesIO(pdf_of(letter))).pages:
        height = float(page.mediabox.height)

        def note(
            text: str, cm: list[float], tm: list[float], _font: object, _size: float, height: float = height
        ) -> None:
            left, bottom = tm[4] * cm[0] + cm[4], tm[5] * cm[3] + cm[5]
            placed.append((" ".join(text.split()), left * 25.4 / 72, (height - bottom) * 25.4 / 72))

        page.extract_text(visitor_text=note)
    return iter([place for place in placed if place[0]])
