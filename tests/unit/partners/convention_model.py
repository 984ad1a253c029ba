"""A convention's life told a second time, day after day, as plainly as can be: what the tests compare with.

Nothing here is shared with the implementation but the facts themselves. An annulled fact is simply forgotten;
terms, thirty days and three months are walked, one day at a time.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from services.partners.conventions.facts import (
    AgreedEnd,
    Amendment,
    AnnexVersion,
    Annulment,
    Attestation,
    CnilDeclaration,
    Cure,
    Denunciation,
    Fact,
    ForceMajeureEnd,
    ForceMajeureNotification,
    ForceMajeureTermination,
    FormalNotice,
    ProviderDeclaration,
    ProviderDeparture,
    ProviderUndertaking,
    Signature,
)
from tests.unit.partners.convention_days import DAY

F = TypeVar("F", bound=Fact)
# No letter ends a convention later than at the second term after it.
_WALK_DAYS = 740


def is_anniversary(signed: date, day: date) -> bool:
    """Whether a year, or several, signed on `signed` are full when `day` begins."""
    if day <= signed:
        return False
    if (day.month, day.day) == (signed.month, signed.day):
        return True
    no_29th = (day.month, day.day) == (2, 28) and (day + DAY).month == 3
    return no_29th and (signed.month, signed.day) == (2, 29)


@cache
def term_after(signed: date, day: date) -> date:
    """The anniversary that follows `day`: the first day that is one."""
    day = max(day, signed)
    while True:
        day += DAY
        if is_anniversary(signed, day):
            return day


@cache
def last_letter_day(term: date) -> date:
    """Back from the term, a day at a time: into the third month before it, to a day whose number is no higher."""
    day, months = term, 0
    while months < 3 or day.day > term.day:
        months += (day - DAY).month != day.month
        day -= DAY
    return day


def sleeps(day: date, number: int) -> date:
    """The day after so many nights."""
    for _ in range(number):
        day += DAY
    return day


class Life:
    """What was told of a convention and not taken back, in order, with the day on which it was told."""

    def __init__(self) -> None:
        self.told: dict[UUID, tuple[Fact, date]] = {}
        # When the second party signed, and when the declaration went out, as told last.
        self.signed: date | None = None
        self.cnil: date | None = None
        self._end: date | None = None
        self._walked = True

    def tell(self, fact_id: UUID, fact: Fact, today: date) -> None:
        """Takes the fact as true."""
        if isinstance(fact, Annulment):
            del self.told[fact.annulled_fact_id]
        else:
            self.told[fact_id] = fact, today
        days = sorted(signature.signature_date for signature in self.all(Signature))
        self.signed = days[1] if len(days) > 1 else None
        self.cnil = None
        for declared in self.all(CnilDeclaration):
            self.cnil = declared.transmission_date
        self._walked = False

    def all(self, kind: type[F]) -> list[F]:
        """What was told of one kind."""
        return [fact for fact, _ in self.told.values() if isinstance(fact, kind)]

    @property
    def end(self) -> date | None:
        """The first day without effect."""
        if not self._walked:
            self._end, self._walked = self._walk(), True
        return self._end

    def over(self, day: date) -> bool:
        """Whether nothing is left of it."""
        return self.end is not None and self.end <= day

    def state(self, day: date) -> str:
        """Where it stands."""
        stillborn = self.end is not None and self.end == self.signed
        if self.over(day) or stillborn:
            return "ENDED"
        if self.signed is None:
            return "DRAFT"
        both = {signature.party for signature in self.all(Signature) if signature.signature_date <= day}
        declared = self.cnil is not None and self.cnil <= day
        return "IN_FORCE" if len(both) == 2 and declared else "PENDING"

    def force_majeure(self) -> date | None:
        """Since when it is known to go on."""
        since = None
        for fact, _ in self.told.values():
            match fact:
                case ForceMajeureNotification(notification_date=day):
                    since = day
                case ForceMajeureEnd():
                    since = None
        return since

    def attestation_is_due(self, today: date) -> bool:
        """Whether the partner, who could look into files, has yet to say what became of the data."""
        end, signed, cnil = self.end, self.signed, self.cnil
        if end is None or not self.over(today) or signed is None or cnil is None:
            return False
        if any(received.receipt_date >= end for received in self.all(Attestation)):
            return False
        opened = max(signed, cnil)
        kinds = (Denunciation, FormalNotice, ForceMajeureTermination, AgreedEnd)
        told_on = [day for fact, day in self.told.values() if isinstance(fact, kinds)]
        return opened < end or any(opened <= day for day in told_on)

    def allows(self, fact: Fact, today: date) -> bool:
        """Whether the convention allows that `fact` is recorded today."""
        return _ALLOWS[type(fact)](self, fact, today)

    def _walk(self) -> date | None:
        """Day after day from the signature: does anything end it today?"""
        agreed = {fact.end_date for fact in self.all(AgreedEnd)}
        signed = self.signed
        if signed is None:
            return min(agreed) if agreed else None
        stopped = agreed | {fact.termination_date for fact in self.all(ForceMajeureTermination)}
        stopped |= set(self._unheeded())
        letters = [fact.receipt_date for fact in self.all(Denunciation)]
        day, last = signed, sleeps(max([signed, *stopped, *letters]), _WALK_DAYS)
        while day <= last:
            if day in stopped:
                return day
            if is_anniversary(signed, day) and any(letter <= last_letter_day(day) for letter in letters):
                return day
            day += DAY
        return None

    def _unheeded(self) -> Iterator[date]:
        for fact_id, (fact, _) in self.told.items():
            if isinstance(fact, FormalNotice):
                cured = [cure.cure_date for cure in self.all(Cure) if cure.formal_notice_id == fact_id]
                due = sleeps(fact.receipt_date, 30)
                if not any(day < due for day in cured):
                    yield due

    def _took_place(self, day: date, today: date) -> bool:
        """Between two parties to a convention that had been signed and was not over, and not in days to come."""
        return self.signed is not None and self.signed <= day <= today and not self.over(day)

    def _is(self, fact_id: UUID, kind: type[F]) -> F | None:
        fact, _ = self.told.get(fact_id, (None, None))
        return fact if isinstance(fact, kind) else None

    def _signature(self, fact: Signature, today: date) -> bool:
        known = self.all(Signature)
        days = [today, fact.signature_date, *(signature.signature_date for signature in known)]
        return fact.party not in [signature.party for signature in known] and not any(map(self.over, days))

    def _letter(self, fact: Denunciation | FormalNotice, today: date) -> bool:
        return self._took_place(fact.receipt_date, today)

    def _cure(self, fact: Cure, today: date) -> bool:
        notice = self._is(fact.formal_notice_id, FormalNotice)
        if notice is None or fact.formal_notice_id in [cure.formal_notice_id for cure in self.all(Cure)]:
            return False
        in_time = [sleeps(notice.receipt_date, nights) for nights in range(30)]
        return fact.cure_date in in_time and fact.cure_date <= today

    def _notified(self, fact: ForceMajeureNotification, today: date) -> bool:
        return self._took_place(fact.notification_date, today) and self.force_majeure() is None

    def _force_majeure_over(self, fact: ForceMajeureEnd, today: date) -> bool:
        since = self.force_majeure()
        ended_for_it = bool(self.all(ForceMajeureTermination))
        return since is not None and since <= fact.over_date <= today and not ended_for_it

    def _terminated(self, fact: ForceMajeureTermination, today: date) -> bool:
        since, day = self.force_majeure(), fact.termination_date
        return since is not None and sleeps(since, 30) < day <= today and not self.over(day)

    def _agreed(self, fact: AgreedEnd, today: date) -> bool:
        after_signature = self.signed is None or self.signed <= fact.end_date
        not_later = self.end is None or fact.end_date <= self.end
        return after_signature and not_later and not self.over(today)

    def _amendment(self, fact: Amendment, today: date) -> bool:
        both = self._took_place(fact.caisse_signature_date, today) and self._took_place(
            fact.partner_signature_date, today
        )
        return both and fact.number - 1 == len(self.all(Amendment))

    def _annex(self, fact: AnnexVersion, today: date) -> bool:
        last = 1
        for known in self.all(AnnexVersion):
            last = known.version if known.annex == fact.annex else last
        signed = self.signed
        return (
            signed is not None
            and signed <= fact.effective_date
            and not self.over(today)
            and fact.version == last + 1
        )

    def _provider(self, fact: ProviderDeclaration, today: date) -> bool:
        return self.signed is not None and not self.over(today) and fact.since_date <= today

    def _undertaking(self, fact: ProviderUndertaking, today: date) -> bool:
        known = self._is(fact.provider_id, ProviderDeclaration) is not None
        first = fact.provider_id not in [one.provider_id for one in self.all(ProviderUndertaking)]
        return known and first and fact.receipt_date <= today

    def _departure(self, fact: ProviderDeparture, today: date) -> bool:
        provider = self._is(fact.provider_id, ProviderDeclaration)
        first = fact.provider_id not in [one.provider_id for one in self.all(ProviderDeparture)]
        return provider is not None and first and provider.since_date <= fact.departure_date <= today

    def _attestation(self, fact: Attestation, today: date) -> bool:
        return self.attestation_is_due(today) and self.over(fact.receipt_date) and fact.receipt_date <= today

    def _annulment(self, fact: Annulment, today: date) -> bool:
        """Whether the story can be told again without it."""
        if fact.annulled_fact_id not in self.told or self._is(fact.annulled_fact_id, Signature):
            return False
        again = Life()
        for fact_id, (one, day) in self.told.items():
            if fact_id != fact.annulled_fact_id:
                if not again.allows(one, day):
                    return False
                again.tell(fact_id, one, day)
        return True


# Any: each function takes the kind of fact that stands beside it.
_ALLOWS: Mapping[type[Any], Callable[[Life, Any, date], bool]] = {
    Signature: Life._signature,
    CnilDeclaration: lambda life, _, today: not life.over(today),
    Denunciation: Life._letter,
    FormalNotice: Life._letter,
    Cure: Life._cure,
    ForceMajeureNotification: Life._notified,
    ForceMajeureEnd: Life._force_majeure_over,
    ForceMajeureTermination: Life._terminated,
    AgreedEnd: Life._agreed,
    Amendment: Life._amendment,
    AnnexVersion: Life._annex,
    ProviderDeclaration: Life._provider,
    ProviderUndertaking: Life._undertaking,
    ProviderDeparture: Life._departure,
    Attestation: Life._attestation,
    Annulment: Life._annulment,
}
