"""Makes letters of what the services and the configuration say."""

from datetime import date

from cli import views
from cli.connection import LettersSettings
from cli.errors import CommandFailed
from cli.letters.french import BOUQUETS, seat_lines
from cli.letters.records import (
    CaisseIdentity,
    HabilitationLetter,
    LetterUser,
    PartnerIdentity,
    SuspensionEnd,
    SuspensionLetter,
)
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.kit.clock import paris_date
from services.kit.errors import Reason

_ENDED = (habilitation_pb.HABILITATION_STATE_LAPSED, habilitation_pb.HABILITATION_STATE_WITHDRAWN)


class NothingToTell(CommandFailed):
    """The record does not stand where the letter would say that it stands."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy, reason=Reason.RECORD_STATE)


def require_in_force(convention: convention_pb.Convention) -> None:
    """Nobody consults under another one (art. 9-1, 9-2). Raises NothingToTell."""
    if convention.state != convention_pb.CONVENTION_STATE_IN_FORCE:
        raise NothingToTell(
            "The convention is not in force (art. 9-1, 9-2).", "`qf convention show` tells where it stands."
        )


def caisse_identity(caisse: partner_pb.Caisse, settings: LettersSettings) -> CaisseIdentity:
    """The caisse under its name in the register, with what the configuration says of it."""
    return CaisseIdentity(
        name=caisse.name,
        address_lines=settings.address,
        city=settings.city,
        director_name=settings.director_name,
        director_function=settings.director_function,
        contact=settings.contact,
    )


def partner_identity(partner: partner_pb.Partner) -> PartnerIdentity:
    """The partner as it is registered."""
    return PartnerIdentity(
        denomination=partner.denomination,
        numero_tiers=partner.numero_tiers,
        seat_lines=seat_lines(partner.seat.street, partner.seat.postal_code, partner.seat.commune),
        representative=partner.profile.representative,
        representative_function=partner.profile.representative_function,
    )


def letter_user(user: habilitation_pb.User) -> LetterUser:
    """The user, as on the form (annexe 2)."""
    return LetterUser(nom=user.nom, prenom=user.prenom)


def habilitation_letter(
    written_date: date,
    caisse: CaisseIdentity,
    partner: PartnerIdentity,
    habilitation: habilitation_pb.Habilitation,
    login: str,
) -> HabilitationLetter:
    """The notification of a habilitation that has not ended (art. 4-2). Raises NothingToTell."""
    if habilitation.state in _ENDED or habilitation.HasField("withdraw_time"):
        raise NothingToTell("The habilitation has ended (art. 4-4).", "Notify one that is live.")
    return HabilitationLetter(
        written_date=written_date,
        caisse=caisse,
        partner=partner,
        user=letter_user(habilitation.user),
        login=login,
        habilitation_id=habilitation.habilitation_id,
        bouquet=BOUQUETS[_bouquet_name(habilitation)],
        habilitation_date=paris_date(views.utc(habilitation.create_time)),
        lapse_date=views.day(habilitation, "lapse_date"),
    )


def suspension_letter(
    written_date: date,
    caisse: CaisseIdentity,
    partner: PartnerIdentity,
    suspended: partner_pb.Partner | habilitation_pb.Habilitation,
) -> SuspensionLetter:
    """The notification of the suspension that bears on a partner or a user (art. 7-2). Raises NothingToTell."""
    if not suspended.HasField("suspension"):
        raise NothingToTell("There is no suspension to notify (art. 7-2).", "Suspend first, or check the id.")
    suspension = suspended.suspension
    if isinstance(suspended, habilitation_pb.Habilitation):
        user, reference = letter_user(suspended.user), suspended.habilitation_id
    else:
        user, reference = None, suspended.partner_id
    return SuspensionLetter(
        written_date=written_date,
        caisse=caisse,
        partner=partner,
        user=user,
        reference=reference,
        ends=_suspension_end(suspension),
        since_date=paris_date(views.utc(suspension.suspend_time)),
        until_date=views.day(suspension, "until_date"),
        reason=suspension.suspension_reason,
    )


def _bouquet_name(habilitation: habilitation_pb.Habilitation) -> str:
    """The name of its bouquet. Raises NothingToTell for one that this release does not know."""
    name = str(views.fields(habilitation, "bouquet")["bouquet"])
    if name not in BOUQUETS:
        raise NothingToTell(
            "The habilitation's bouquet is of another release.", "Bring qf to the same release."
        )
    return name


def _suspension_end(suspension: habilitation_pb.Suspension) -> SuspensionEnd:
    if suspension.kind == habilitation_pb.SUSPENSION_KIND_DEFINITIVE:
        return SuspensionEnd.NEVER
    return SuspensionEnd.ON_A_DAY if suspension.HasField("until_date") else SuspensionEnd.WHEN_LIFTED
