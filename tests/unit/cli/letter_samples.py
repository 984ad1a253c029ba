"""One letter of each kind, with invented people, and what a PDF says."""

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cache

from pypdf import PageObject, PdfReader

from cli.letters.records import (
    CaisseIdentity,
    ConventionLetter,
    DenouncingParty,
    DenunciationLetter,
    HabilitationLetter,
    Letter,
    LetterUser,
    PartnerIdentity,
    PartnerLetter,
    PasswordLetter,
    SuspensionEnd,
    SuspensionLetter,
)
from cli.letters.typesetting import render
from services.kit.redaction import Password

WRITTEN = date(2027, 3, 1)
LOGIN = "x21-v9jwsb"
PASSWORD = "h26mx-jqr6e-p6pe7-jjfdb"
RECORD_ID = "01a20ad8-c240-7b97-a73d-4452fa6be677"

CAISSE = CaisseIdentity(
    name="MSA Bourgogne",
    address_lines=("12 rue des Trois Fontaines", "21997 VALBRUNE CEDEX"),
    city="Valbrune",
    director_name="Bérengère Falbrusse",
    director_function="Directrice générale",
    contact="03 00 00 00 00, partenaires@msa.example",
)
PARTNER = PartnerIdentity(
    denomination="Mairie de Montfaucelle",
    numero_tiers="T-0042",
    seat_lines=("3 place du Marché", "21998 MONTFAUCELLE"),
    representative="Odette Bellavoine",
    representative_function="Maire",
)
USER = LetterUser(nom="Lardivel", prenom="Jean-Marc")

HABILITATION = HabilitationLetter(
    written_date=WRITTEN,
    caisse=CAISSE,
    partner=PARTNER,
    user=USER,
    login=LOGIN,
    habilitation_id=RECORD_ID,
    bouquet="Consultation du quotient familial",
    habilitation_date=date(2027, 2, 26),
    lapse_date=date(2028, 3, 15),
)
PASSWORD_LETTER = PasswordLetter(
    written_date=WRITTEN,
    caisse=CAISSE,
    partner=PARTNER,
    user=USER,
    password=Password(PASSWORD),
    expire_date=date(2027, 4, 1),
)
CONVENTION = ConventionLetter(written_date=WRITTEN, caisse=CAISSE, partner=PARTNER)
DENUNCIATION = DenunciationLetter(
    written_date=WRITTEN,
    caisse=CAISSE,
    partner=PARTNER,
    convention_id=RECORD_ID,
    signature_date=date(2026, 6, 1),
    denounced_by=DenouncingParty.PARTNER,
    registered_letter="1A2045781234",
    receipt_date=date(2027, 2, 26),
    missed_term_date=None,
    last_date=date(2027, 5, 31),
    end_date=date(2027, 6, 1),
    secrecy_end_date=date(2032, 6, 1),
)
LATE_DENUNCIATION = replace(
    DENUNCIATION,
    denounced_by=DenouncingParty.CAISSE,
    registered_letter="",
    receipt_date=date(2027, 3, 2),
    missed_term_date=date(2027, 6, 1),
    last_date=date(2028, 5, 31),
    end_date=date(2028, 6, 1),
    secrecy_end_date=date(2033, 6, 1),
)
SUSPENSION = SuspensionLetter(
    written_date=WRITTEN,
    caisse=CAISSE,
    partner=PARTNER,
    user=None,
    reference=RECORD_ID,
    ends=SuspensionEnd.ON_A_DAY,
    since_date=date(2027, 2, 27),
    until_date=date(2027, 4, 1),
    reason="consultations sans rapport avec les inscriptions",
)
USER_SUSPENSION = replace(SUSPENSION, user=USER, ends=SuspensionEnd.NEVER, until_date=None)

LETTERS: Mapping[str, PartnerLetter] = {
    "habilitation": HABILITATION,
    "password": PASSWORD_LETTER,
    "convention": CONVENTION,
    "denunciation": DENUNCIATION,
    "late denunciation": LATE_DENUNCIATION,
    "suspension": SUSPENSION,
    "user suspension": USER_SUSPENSION,
}
LONG_PARTNER = PartnerIdentity(
    denomination=("Syndicat intercommunal à vocation unique des accueils de loisirs de Saint-Ormel " * 3)[
        :200
    ],
    numero_tiers="SIVU-2026-0000000042",
    seat_lines=(
        ("Bâtiment B, deuxième étage, 128 bis avenue de la Croix-Haute, " * 4)[:200],
        "21998 SAINT-ORMEL-LE-VIEIL-LÈS-MONTFAUCELLE",
    ),
    representative="Marie-Ange Hippolyte de la Bréchine d’Armoiseau de Montraveau",
    representative_function="Présidente du syndicat, déléguée à l’enfance, à la jeunesse et aux loisirs",
)
# What neither the register nor the configuration knows.
BARE_CAISSE = CaisseIdentity(name="MSA Bourgogne")
BARE_PARTNER = PartnerIdentity(denomination="Mairie de Montfaucelle", numero_tiers="T-0042")


@cache
def pdf_of(letter: Letter) -> bytes:
    """The letter as PDF, set once."""
    return render(letter)


@cache
def pages_of(letter: Letter) -> tuple[str, ...]:
    """What each page of the letter says."""
    return tuple(map(_on_one_line, PdfReader(io.BytesIO(pdf_of(letter))).pages))


def text_of(letter: Letter) -> str:
    """What the letter says, on one line, with plain spaces."""
    return " ".join(pages_of(letter))


def text_in(pdf: bytes) -> str:
    """What a PDF says, on one line, with plain spaces."""
    return " ".join(map(_on_one_line, PdfReader(io.BytesIO(pdf)).pages))


def _on_one_line(page: PageObject) -> str:
    return " ".join(page.extract_text().replace("\u200b", "").split())
