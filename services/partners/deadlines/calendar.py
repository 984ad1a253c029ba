"""Deadlines as an iCalendar file (RFC 5545). No person is named in it: a calendar is easily passed on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Component, Event
from icalendar.prop import vText

from services.partners.deadlines.domain import Deadline, DeadlineKind, Detail

_PRODUCT = "-//MSA//Consultation du quotient familial//FR"
_DOMAIN = "qf.msa.fr"
_CLOSING = b"END:VCALENDAR\r\n"
_ALARM_BEFORE = timedelta(days=7)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Wording:
    """How a kind of deadline is told; `category` groups it in a calendar."""

    summary: str
    description: str
    category: str


_CONVENTIONS, _USERS, _DUTIES = "Conventions", "Utilisateurs", "Obligations"

_WORDINGS: Mapping[DeadlineKind, _Wording] = {
    DeadlineKind.RENEWAL: _Wording(
        "Renouvellement de la convention",
        "La convention se renouvelle ce jour pour un an, par tacite reconduction (art. 9-1).",
        _CONVENTIONS,
    ),
    DeadlineKind.LAST_DAY_TO_DENOUNCE: _Wording(
        "Dernier jour pour dénoncer la convention",
        "Une dénonciation doit être reçue ce jour au plus tard, par lettre recommandée avec accusé de réception, trois"
        " mois avant l’échéance (art. 9-2). Passé ce jour, la convention se renouvelle pour un an (art. 9-1).",
        _CONVENTIONS,
    ),
    DeadlineKind.CONVENTION_END: _Wording(
        "Fin de la convention",
        "La convention cesse ce jour de produire effet (art. 9-2, 10) : ses utilisateurs n’ont plus accès au service."
        " Le partenaire doit alors attester le retour ou la destruction des données (art. 6-1).",
        _CONVENTIONS,
    ),
    DeadlineKind.CURE_END: _Wording(
        "Terme d’une mise en demeure",
        "Si le manquement n’a pas cessé avant ce jour, trente jours après la réception de la mise en demeure adressée"
        " par {party}, la convention est résiliée sans autre formalité (art. 9-2).",
        _CONVENTIONS,
    ),
    DeadlineKind.FORCE_MAJEURE_TERMINATION: _Wording(
        "Force majeure : résiliation possible",
        "Si la force majeure dure encore, plus de trente jours après sa notification par {party}, chacune des parties"
        " peut résilier la convention à compter de ce jour (art. 10).",
        _CONVENTIONS,
    ),
    DeadlineKind.SUSPENSION_END: _Wording(
        "Fin d’une suspension d’accès",
        "La suspension de l’accès {whose} prend fin ce jour d’elle-même (art. 7-2).",
        _USERS,
    ),
    DeadlineKind.RECERTIFICATION: _Wording(
        "Utilisateurs à confirmer",
        "Faute de confirmation par le partenaire avant ce jour, {users} (art. 4-4, 9-1).",
        _USERS,
    ),
    DeadlineKind.ATTESTATION: _Wording(
        "Attestation de retour ou de destruction due",
        "La convention est terminée : l’attestation du retour ou de la destruction des données est due depuis ce jour"
        " (art. 6-1).",
        _DUTIES,
    ),
    DeadlineKind.UNDERTAKING: _Wording(
        "Engagement de confidentialité d’un prestataire dû",
        "Un prestataire du partenaire peut avoir connaissance de données depuis ce jour : son engagement de"
        " confidentialité n’a pas été reçu (art. 6-1).",
        _DUTIES,
    ),
}

_PARTIES = {Detail.CAISSE: "la caisse", Detail.PARTNER: "le partenaire"}


def calendar_of(caisse_name: str, deadlines: Sequence[Deadline], now: datetime) -> bytes:
    """The deadlines as text/calendar in UTF-8; the same deadline has the same UID, whenever it is written."""
    # Event by event: thousands of them as objects would hold up the whole process.
    frame = _written(_frame(caisse_name)).removesuffix(_CLOSING)
    return b"".join((frame, *(_written(_event(deadline, now)) for deadline in deadlines), _CLOSING))


def _written(component: Component) -> bytes:
    written: bytes = component.to_ical()
    return written


def _frame(caisse_name: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", vText(f"Échéances « Quotient familial » – {caisse_name}"))
    return calendar


def _event(deadline: Deadline, now: datetime) -> Event:
    wording = _WORDINGS[deadline.kind]
    summary = f"{wording.summary} – {deadline.partner_denomination}"
    event = Event()
    event.add("uid", f"{deadline.kind}-{deadline.subject_id}-{deadline.due_date}@{_DOMAIN}".lower())
    event.add("dtstamp", now)
    event.add("dtstart", deadline.due_date)
    event.add("dtend", deadline.due_date + _DAY)
    event.add("summary", summary)
    event.add("description", _description(deadline, wording))
    event.add("categories", [wording.category])
    # It occupies nobody's day.
    event.add("transp", "TRANSPARENT")
    event.add_component(_alarm(summary))
    return event


def _alarm(summary: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -_ALARM_BEFORE)
    alarm.add("description", summary)
    return alarm


def _description(deadline: Deadline, wording: _Wording) -> str:
    return wording.description.format(
        party=_PARTIES.get(deadline.detail, ""),
        whose="du partenaire" if deadline.detail is Detail.PARTNER else "d’un utilisateur",
        users=_users(deadline.user_count),
    )


def _users(count: int) -> str:
    return (
        f"{count} utilisateurs perdent leur habilitation"
        if count > 1
        else "un utilisateur perd son habilitation"
    )
