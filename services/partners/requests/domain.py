"""Access requests: the form of annexe 2, what is missing on it, and what its acceptance needs (art. 4-1, 4-4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.kit.errors import DomainError, FieldViolation, InvalidField, Reason
from services.partners.agents.domain import CaisseAgent
from services.partners.fields import email_address, folded_words, invalid, optional_text, sha256_text
from services.partners.habilitations.domain import Bouquet, User, named_user

_NAME_LENGTH = 100
_TEXT_LENGTH = 200
_CIVILITIES = frozenset({"m", "mr", "mme", "mlle", "monsieur", "madame", "mademoiselle"})


class RequestKind(StrEnum):
    """What a form asks for."""

    CREATION = "CREATION"
    MODIFICATION = "MODIFICATION"
    WITHDRAWAL = "WITHDRAWAL"


class RequestState(StrEnum):
    """Where a form stands."""

    RECEIVED = "RECEIVED"
    INCOMPLETE = "INCOMPLETE"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class Form:
    """What is on the paper (annexe 2); an empty field is missing. No person is ever in its repr (N5)."""

    partner_denomination: str = ""
    partner_representative: str = field(default="", repr=False)
    partner_representative_function: str = ""
    user_nom: str = field(default="", repr=False)
    user_prenom: str = field(default="", repr=False)
    user_email: str = field(default="", repr=False)
    signatory_name: str = field(default="", repr=False)
    signature_place: str = ""
    signature_date: date | None = None
    signed: bool = False
    scan_sha256: str = ""
    scan_reference: str = ""

    @property
    def names_user(self) -> bool:
        """Whether any field of the user is filled in."""
        return bool(self.user_nom or self.user_prenom or self.user_email)

    def user(self) -> User:
        """The user, all of whose fields are filled in. Raises InvalidField."""
        return named_user(self.user_nom, self.user_prenom, self.user_email)


@dataclass(frozen=True)
class AccessRequest:
    """A form that was received; `habilitation_id` is the one to end, on a modification or withdrawal."""

    access_request_id: UUID
    convention_id: UUID
    partner_id: UUID
    caisse_code: str
    kind: RequestKind
    bouquet: Bouquet
    form: Form
    receive_time: datetime
    habilitation_id: UUID | None = None
    decide_time: datetime | None = None
    refusal_reason: str = ""
    granted_habilitation_id: UUID | None = None
    version: int = 1

    @property
    def missing(self) -> Sequence[str]:
        """The fields that the form lacks."""
        return missing_fields(self.form, self.kind)

    @property
    def state(self) -> RequestState:
        """Where the form stands."""
        if self.decide_time is not None:
            return RequestState.REFUSED if self.refusal_reason else RequestState.ACCEPTED
        return RequestState.INCOMPLETE if self.missing else RequestState.RECEIVED

    @property
    def grants(self) -> bool:
        """Whether its acceptance habilitates a user."""
        return self.kind is RequestKind.CREATION or (
            self.kind is RequestKind.MODIFICATION and self.form.names_user
        )


class RequestDecided(DomainError):
    """The form was accepted or refused already (art. 4-1)."""

    reason = Reason.RECORD_STATE
    message = "The form has been accepted or refused already; a new one is needed (art. 4-1)."


class RequestIncomplete(DomainError):
    """Something is missing on the form (annexe 2)."""

    reason = Reason.RECORD_STATE
    message = "The form is incomplete; its missing fields are listed with it (annexe 2, art. 4-1)."


class OtherConvention(DomainError):
    """The habilitation to end is under another convention (art. 4-4)."""

    reason = Reason.RECORD_STATE
    message = "The habilitation to modify or end is not under this convention (art. 4-4)."


# The form's fields by their names in the interface; those of the user only where one is asked for.
_ALWAYS: Mapping[str, str] = {
    "partner_denomination": "partner_denomination",
    "partner_representative": "partner_representative",
    "partner_representative_function": "partner_representative_function",
    "signatory_name": "signatory_name",
    "signature_place": "signature_place",
    "signature_date": "signature_date",
    "signed": "signed",
    "scan_sha256": "scan_sha256",
    "scan_reference": "scan_reference",
}
_USER: Mapping[str, str] = {"user_nom": "user.nom", "user_prenom": "user.prenom", "user_email": "user.email"}


def missing_fields(form: Form, kind: RequestKind) -> Sequence[str]:
    """The fields that a form of this kind lacks, as the interface names them (annexe 2)."""
    needs_user = kind is RequestKind.CREATION or (kind is RequestKind.MODIFICATION and form.names_user)
    needed = {**_ALWAYS, **(_USER if needs_user else {})}
    return [name for attribute, name in needed.items() if not getattr(form, attribute)]


def checked(form: Form, today: date) -> Form:
    """A form whose filled-in fields keep their rules. Raises InvalidField; repeats nothing of it (N5)."""
    if form.signature_date is not None and form.signature_date > today:
        raise invalid("form.signature_date", "DATE_IN_FUTURE", "must not lie after today (annexe 2)")
    return Form(
        partner_denomination=_text("partner_denomination", form.partner_denomination),
        partner_representative=_text("partner_representative", form.partner_representative),
        partner_representative_function=_text(
            "partner_representative_function", form.partner_representative_function
        ),
        user_nom=optional_text("form.user.nom", form.user_nom, _NAME_LENGTH),
        user_prenom=optional_text("form.user.prenom", form.user_prenom, _NAME_LENGTH),
        user_email=email_address("form.user.email", form.user_email) if form.user_email.strip() else "",
        signatory_name=_text("signatory_name", form.signatory_name),
        signature_place=_text("signature_place", form.signature_place),
        signature_date=form.signature_date,
        signed=form.signed,
        scan_sha256=sha256_text("form.scan_sha256", form.scan_sha256),
        scan_reference=_text("scan_reference", form.scan_reference),
    )


def require_open(request: AccessRequest) -> None:
    """The form is not decided yet. Raises RequestDecided."""
    if request.decide_time is not None:
        raise RequestDecided


def require_whole(request: AccessRequest) -> None:
    """Nothing is missing on the form. Raises InvalidField that names each missing field (annexe 2)."""
    if request.missing:
        raise InvalidField(
            *(
                FieldViolation(
                    f"form.{name}", "MISSING", "must be on the form, or in the register (annexe 2)"
                )
                for name in request.missing
            )
        )


def require_acceptable(request: AccessRequest, agent: CaisseAgent | None) -> None:
    """A form that is open and complete, and by which nobody registers himself (art. 4-1).

    Neither may the representative sign for himself as the user, nor the agent habilitate himself. Raises
    RequestDecided, RequestIncomplete, InvalidField.
    """
    require_open(request)
    if request.missing:
        raise RequestIncomplete
    if not request.grants:
        return
    user = _person(request.form.user_nom, request.form.user_prenom)
    if _person(request.form.signatory_name) == user:
        raise invalid(
            "form.signatory_name",
            "SELF_REGISTRATION",
            "must not be the user: nobody registers himself (art. 4-1)",
        )
    if agent is not None and _person(agent.identity.nom, agent.identity.prenom) == user:
        raise invalid("form.user", "SELF_REGISTRATION", "must not be the agent who registers him (art. 4-1)")


def _person(*names: str) -> list[str]:
    """A person's names in any order, without accents, capitals and the civility before them."""
    return sorted(word for word in folded_words(" ".join(names)) if word not in _CIVILITIES)


def _text(name: str, text: str) -> str:
    return optional_text(f"form.{name}", text, _TEXT_LENGTH)
