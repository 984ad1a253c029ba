"""What falls due, and when one is reminded of it. Days are those of Europe/Paris.

A day on which something begins by itself, such as the next term, lies ahead until it comes; then it is over. A day on
which something can still be done lies ahead to its midnight. What is owed stays due until it is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from services.partners.conventions.domain import (
    Convention,
    ConventionState,
    Ledger,
    force_majeure_termination_date,
    next_term,
    notice_end,
)
from services.partners.conventions.facts import ForceMajeureNotification
from services.partners.fields import invalid

# The most urgent first.
REMINDED_DAYS_BEFORE = (7, 15, 30, 60, 90)

_DEFAULT_HORIZON_DAYS = 90
_LONGEST_HORIZON_DAYS = 400


class DeadlineKind(StrEnum):
    """What falls due."""

    RENEWAL = "RENEWAL"
    LAST_DAY_TO_DENOUNCE = "LAST_DAY_TO_DENOUNCE"
    CONVENTION_END = "CONVENTION_END"
    CURE_END = "CURE_END"
    FORCE_MAJEURE_TERMINATION = "FORCE_MAJEURE_TERMINATION"
    SUSPENSION_END = "SUSPENSION_END"
    RECERTIFICATION = "RECERTIFICATION"
    ATTESTATION = "ATTESTATION"
    UNDERTAKING = "UNDERTAKING"


# What is due until it is there, however long ago it fell due (art. 6-1).
OWED_KINDS = frozenset({DeadlineKind.ATTESTATION, DeadlineKind.UNDERTAKING})


class Audience(StrEnum):
    """Who is reminded."""

    CAISSE = "CAISSE"
    PARTNER = "PARTNER"


# Who is reminded of what. Force majeure and suspensions are for the caisse to watch.
AUDIENCES: Mapping[Audience, frozenset[DeadlineKind]] = {
    Audience.CAISSE: frozenset(DeadlineKind),
    Audience.PARTNER: frozenset(DeadlineKind)
    - {DeadlineKind.FORCE_MAJEURE_TERMINATION, DeadlineKind.SUSPENSION_END},
}


class Detail(StrEnum):
    """What a deadline says beside its kind: what is at stake, who gave notice, or whose access is suspended."""

    NONE = ""
    RENEWS = "RENEWS"
    ENDS = "ENDS"
    PARTNER = "PARTNER"
    CAISSE = "CAISSE"


DeadlineKey = tuple[str, UUID, date]


@dataclass(frozen=True)
class Deadline:
    """One thing that falls due.

    `convention_id` is absent for the suspension of a partner, `user_count` 0 where it is about no user. `subject_id`
    is what it is about: the convention, the formal notice, the provider, the suspension.
    """

    kind: DeadlineKind
    due_date: date
    partner_id: UUID
    partner_denomination: str
    convention_id: UUID | None
    user_count: int
    detail: Detail
    subject_id: UUID

    @property
    def key(self) -> DeadlineKey:
        """By which it is known again: one subject has one deadline of a kind on a day."""
        return self.kind, self.subject_id, self.due_date

    def days_left(self, today: date) -> int:
        """Days from `today`; negative when it is overdue."""
        return (self.due_date - today).days


@dataclass(frozen=True)
class PartnerLine:
    """What is told of a partner. Its e-mail, empty where it has none, is never in the repr (N5)."""

    partner_id: UUID
    denomination: str
    email: str = field(repr=False)


@dataclass(frozen=True)
class Lapse:
    """How many users of a convention have no habilitation from `lapse_date` on, unless the partner confirms them."""

    lapse_date: date
    user_count: int


@dataclass(frozen=True)
class TimedSuspension:
    """A suspension that was not lifted and ends by itself; `until_date` is the first day with access (art. 7-2)."""

    suspension_id: UUID
    until_date: date


@dataclass(frozen=True)
class Matters:
    """All of a convention that something can fall due of; the suspensions are those of its users."""

    convention: Convention
    ledger: Ledger
    partner: PartnerLine
    lapses: Sequence[Lapse] = ()
    suspensions: Sequence[TimedSuspension] = ()


@dataclass(frozen=True)
class Addressed:
    """A deadline, and the partner who may be told of it."""

    deadline: Deadline
    partner: PartnerLine

    @property
    def audiences(self) -> list[Audience]:
        """Who is reminded of it: a partner only where it has an e-mail."""
        return [
            audience
            for audience, kinds in AUDIENCES.items()
            if self.deadline.kind in kinds and (audience is Audience.CAISSE or self.partner.email)
        ]


@dataclass(frozen=True)
class DeadlineList:
    """Deadlines as they are on the day `today`, the earliest first."""

    today: date
    deadlines: Sequence[Deadline]


def deadlines_of(matters: Matters, today: date, horizon: date) -> list[Deadline]:
    """What falls due of a convention until `horizon`, that day included, and what is overdue.

    Nothing of a draft, which binds nobody (art. 9-1); of one that runs, its terms and the last day to denounce it
    (art. 9-2); of one that is over, what is still owed (art. 6-1).
    """
    state = matters.convention.state_on(today)
    if state is ConventionState.DRAFT:
        return []
    found = [*_owed(matters, today)]
    if state is not ConventionState.ENDED:
        found += _coming(matters, today)
    return [deadline for deadline in found if deadline.due_date <= horizon]


def suspension_deadlines(
    partner: PartnerLine, suspensions: Sequence[TimedSuspension], today: date, horizon: date
) -> list[Deadline]:
    """The ends of a partner's own suspensions until `horizon` (art. 7-2)."""
    return [
        Deadline(
            kind=DeadlineKind.SUSPENSION_END,
            due_date=suspension.until_date,
            partner_id=partner.partner_id,
            partner_denomination=partner.denomination,
            convention_id=None,
            user_count=0,
            detail=Detail.PARTNER,
            subject_id=suspension.suspension_id,
        )
        for suspension in suspensions
        if today < suspension.until_date <= horizon
    ]


def due_reminder(deadline: Deadline, today: date) -> int | None:
    """The reminder that is due today, by its days before; None where it is too early for the first.

    Of those that were missed, only the most urgent; what is overdue has one left, the most urgent of all.
    """
    left = deadline.days_left(today)
    return next((days_before for days_before in REMINDED_DAYS_BEFORE if left <= days_before), None)


def reminded_until(today: date) -> date:
    """The last day on which something can fall due that a reminder is due of today."""
    return today + timedelta(days=max(REMINDED_DAYS_BEFORE))


def read_horizon(asked_days: int, today: date) -> date:
    """The last day to list: so many days from today, 90 for 0. Raises InvalidField."""
    if not 0 <= asked_days <= _LONGEST_HORIZON_DAYS:
        raise invalid("horizon_days", "RANGE", f"must be between 0 and {_LONGEST_HORIZON_DAYS}")
    return today + timedelta(days=asked_days or _DEFAULT_HORIZON_DAYS)


def urgency(deadline: Deadline) -> tuple[date, str, str, int]:
    """The order in which deadlines are shown: by day, then by partner."""
    return deadline.due_date, deadline.partner_denomination, deadline.kind, deadline.subject_id.int


def _owed(matters: Matters, today: date) -> Iterator[Deadline]:
    """What the partner owes and has not brought (art. 6-1). Secrecy outlasts the convention by five years."""
    convention = matters.convention
    if convention.end_date is not None and matters.ledger.attestation_due_on(today):
        yield _deadline(matters, DeadlineKind.ATTESTATION, convention.end_date)
    if convention.secrecy_end_date is None or today <= convention.secrecy_end_date:
        for provider in matters.ledger.missing_undertakings():
            yield _deadline(
                matters, DeadlineKind.UNDERTAKING, provider.since_date, subject_id=provider.provider_id
            )


def _coming(matters: Matters, today: date) -> Iterator[Deadline]:
    """What comes of a convention that both parties have signed and that is not over."""
    yield from _of_the_term(matters, today)
    yield from _of_the_end(matters, today)
    yield from _of_the_users(matters, today)


def _of_the_term(matters: Matters, today: date) -> Iterator[Deadline]:
    convention = matters.convention
    if convention.signature_date is None:
        return
    term_date = next_term(convention.signature_date, today)
    if convention.lasts_until(term_date):
        yield _deadline(matters, DeadlineKind.RENEWAL, term_date, detail=Detail.RENEWS)
    last_day = convention.next_denunciation_date_from(today)
    if last_day is not None:
        yield _deadline(matters, DeadlineKind.LAST_DAY_TO_DENOUNCE, last_day, detail=Detail.RENEWS)


def _of_the_end(matters: Matters, today: date) -> Iterator[Deadline]:
    convention, ledger = matters.convention, matters.ledger
    if convention.end_date is not None:
        yield _deadline(matters, DeadlineKind.CONVENTION_END, convention.end_date, detail=Detail.ENDS)
    for notice_id, notice in ledger.open_notices():
        yield _deadline(
            matters,
            DeadlineKind.CURE_END,
            notice_end(notice),
            detail=Detail(notice.party),
            subject_id=notice_id,
        )
    since = ledger.force_majeure_since()
    if since is not None:
        opens = force_majeure_termination_date(since)
        if today <= opens and convention.lasts_until(opens):
            notified = ledger.of(ForceMajeureNotification)[-1]
            kind = DeadlineKind.FORCE_MAJEURE_TERMINATION
            yield _deadline(matters, kind, opens, detail=Detail(notified.party))


def _of_the_users(matters: Matters, today: date) -> Iterator[Deadline]:
    """What comes of the users while there is a convention to use."""
    convention = matters.convention
    for lapse in matters.lapses:
        if today < lapse.lapse_date and convention.lasts_until(lapse.lapse_date):
            yield _deadline(
                matters, DeadlineKind.RECERTIFICATION, lapse.lapse_date, user_count=lapse.user_count
            )
    for suspension in matters.suspensions:
        if today < suspension.until_date and convention.lasts_until(suspension.until_date):
            yield _deadline(
                matters,
                DeadlineKind.SUSPENSION_END,
                suspension.until_date,
                user_count=1,
                subject_id=suspension.suspension_id,
            )


def _deadline(
    matters: Matters,
    kind: DeadlineKind,
    due_date: date,
    *,
    user_count: int = 0,
    detail: Detail = Detail.NONE,
    subject_id: UUID | None = None,
) -> Deadline:
    return Deadline(
        kind=kind,
        due_date=due_date,
        partner_id=matters.partner.partner_id,
        partner_denomination=matters.partner.denomination,
        convention_id=matters.convention.convention_id,
        user_count=user_count,
        detail=detail,
        subject_id=subject_id or matters.convention.convention_id,
    )
