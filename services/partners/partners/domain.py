"""Partners: what a caisse's register knows of an organisation (référentiel des tiers, art. 4-2)."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from stdnum.exceptions import ValidationError
from stdnum.fr import siret as siret_number

from services.kit.errors import RecordAlreadyExists
from services.kit.identifiers import decode_page_token
from services.partners.fields import email_address, folded_words, invalid, optional_text
from services.partners.suspensions.domain import Suspension

_NUMERO_TIERS = re.compile(r"[0-9A-Za-z-]{1,20}")
_POSTAL_CODE = re.compile(r"[0-9]{5}")
_SIRET = re.compile(r"[0-9]{14}")
_NAME_LENGTH = 200
_STREET_LENGTH = 200
_COMMUNE_LENGTH = 100
_QUERY_LENGTH = 100
_LARGEST_DEPARTMENTS = 20


class StructureKind(StrEnum):
    """What kind of structure a partner is."""

    COMMUNE = "COMMUNE"
    INTERCOMMUNALITE = "INTERCOMMUNALITE"
    DEPARTEMENT = "DEPARTEMENT"
    CCAS = "CCAS"
    CENTRE_DE_LOISIRS = "CENTRE_DE_LOISIRS"
    ASSOCIATION = "ASSOCIATION"
    AUTRE = "AUTRE"


@dataclass(frozen=True)
class PartnerProfile:
    """What is known beside name, number and seat; empty where it was not told. No person in the repr (N5)."""

    representative: str = field(default="", repr=False)
    representative_function: str = ""
    structure_kind: StructureKind | None = None
    departments: tuple[str, ...] = ()
    siret: str = ""
    email: str = field(default="", repr=False)


@dataclass(frozen=True)
class Seat:
    """Where a partner is; changed by registered letter only (art. 13-7)."""

    street: str = ""
    postal_code: str = ""
    commune: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether a letter can go there."""
        return bool(self.street and self.postal_code and self.commune)


NO_PROFILE = PartnerProfile()
NO_SEAT = Seat()


@dataclass(frozen=True)
class Partner:
    """An organisation in the register of one caisse. `suspension` is one that was not lifted (art. 7-2)."""

    partner_id: UUID
    caisse_code: str
    numero_tiers: str
    denomination: str
    create_time: datetime
    profile: PartnerProfile = NO_PROFILE
    seat: Seat = NO_SEAT
    version: int = 1
    suspension: Suspension | None = None

    def suspension_on(self, day: date) -> Suspension | None:
        """The suspension that bears on `day`, if there is one (art. 7-2)."""
        return self.suspension if self.suspension and self.suspension.bears_on(day) else None

    @property
    def record(self) -> "Partner":
        """What the register itself holds: a suspension is a record of its own."""
        return replace(self, suspension=None)


class NumeroTiersTaken(RecordAlreadyExists):
    """Each numéro de tiers names one partner of its caisse (art. 4-2)."""

    message = "The register of this caisse has a partner under this numéro de tiers already (art. 4-2)."


def numero_tiers(text: str, field: str = "numero_tiers") -> str:
    """A numéro de tiers: 1 to 20 letters, digits or dashes. Raises InvalidField naming `field`."""
    if _NUMERO_TIERS.fullmatch(text) is None:
        raise invalid(field, "NUMERO_TIERS", "must be 1 to 20 letters, digits or dashes")
    return text


def numero_tiers_after(page_token: str) -> str:
    """The numéro de tiers behind which a page begins; empty for the first. Raises InvalidField."""
    key = decode_page_token(page_token)
    return numero_tiers(key, field="page_token") if key else ""


def profile(
    *,
    representative: str,
    representative_function: str,
    structure_kind: StructureKind | None,
    departments: Sequence[str],
    siret: str,
    email: str,
) -> PartnerProfile:
    """A partner's profile, each field checked where it is given. Raises InvalidField; repeats nothing (N5)."""
    return PartnerProfile(
        representative=optional_text("profile.representative", representative, _NAME_LENGTH),
        representative_function=optional_text(
            "profile.representative_function", representative_function, _NAME_LENGTH
        ),
        structure_kind=structure_kind,
        departments=tuple(departments),
        siret=_siret(siret),
        email=email_address("profile.email", email) if email.strip() else "",
    )


def seat(street: str, postal_code: str, commune: str) -> Seat:
    """A seat, each field checked where it is given. Raises InvalidField."""
    if postal_code and _POSTAL_CODE.fullmatch(postal_code) is None:
        raise invalid("seat.postal_code", "POSTAL_CODE", "must have five digits")
    return Seat(
        optional_text("seat.street", street, _STREET_LENGTH),
        postal_code,
        optional_text("seat.commune", commune, _COMMUNE_LENGTH),
    )


@dataclass(frozen=True)
class SeatRecord:
    """What the history keeps of a seat, and of the letter that told it (art. 13-7)."""

    seat: Seat
    version: int
    letter_receipt_date: date | None = None


def new_seat(known: Seat, moved: Seat, letter_receipt_date: date | None, today: date) -> Seat:
    """The seat that a registered letter tells, received by `today` (art. 13-7). Raises InvalidField.

    The first one of a partner whose seat was not known is no change: it needs no letter.
    """
    if not moved.is_complete:
        raise invalid("seat", "SEAT_INCOMPLETE", "must have street, postal code and commune (art. 13-7)")
    if letter_receipt_date is None and known.is_complete:
        raise invalid(
            "letter_receipt_date",
            "DATE_REQUIRED",
            "must be given: a change of seat is told by registered letter (art. 13-7)",
        )
    if letter_receipt_date is not None and letter_receipt_date > today:
        raise invalid(
            "letter_receipt_date",
            "DATE_IN_FUTURE",
            "must not lie after today: the letter is received (art. 13-7)",
        )
    return moved


def require_departments(
    departments: Collection[str], of_the_caisse: Collection[str], known: Collection[str]
) -> None:
    """A partner's competence: known departments, one of them the caisse's at least (art. 7-1). Raises InvalidField."""
    if not departments:
        return
    if len(departments) > _LARGEST_DEPARTMENTS or not set(departments) <= set(known):
        raise invalid(
            "profile.departments", "DEPARTMENT", "must be departments that ListCaisses shows, at most 20"
        )
    if set(departments).isdisjoint(of_the_caisse):
        raise invalid(
            "profile.departments",
            "DEPARTMENT_OF_CAISSE",
            "must hold a department of the caisse; another caisse's partner registers there (art. 4-7, 7-1)",
        )


def search_text(partner: Partner) -> str:
    """What a partner is found by: each word of number, dénomination and commune, folded, behind a space."""
    return "".join(
        f" {word}"
        for word in folded_words(f"{partner.numero_tiers} {partner.denomination} {partner.seat.commune}")
    )


def search_words(query: str) -> list[str]:
    """The words that a query asks for; each must begin a word of a partner's text. Raises InvalidField."""
    if len(query) > _QUERY_LENGTH:
        raise invalid("query", "LENGTH", f"must be at most {_QUERY_LENGTH} characters")
    return folded_words(query)


def _siret(text: str) -> str:
    digits = text.replace(" ", "")
    if not digits:
        return ""
    if _SIRET.fullmatch(digits) is None or not _is_siret(digits):
        raise invalid(
            "profile.siret", "SIRET", "must be 14 digits whose check digit fits; check for a typing error"
        )
    return digits


def _is_siret(digits: str) -> bool:
    """Whether the check digits fit: those of La Poste have a rule of their own. Zeros alone name nobody."""
    if not digits.strip("0"):
        return False
    try:
        siret_number.validate(digits)
    except (ValidationError, ValueError):
        return False
    return True
