"""The three services as a test wants them: each answers as it was told, and all that is asked is remembered."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from gateway.admission import Admission
from gateway.domain import (
    Caller,
    ClientContext,
    Consultation,
    Coordonnees,
    Disclosure,
    Dossier,
    OnlineService,
    OpenedSession,
    OppositionScope,
    Outcome,
    Query,
    QuotientPeriod,
    RateLimit,
    RateLimitScope,
    Right,
    SessionState,
    SignedIn,
)
from gateway.hours import OpeningHours
from gateway.oppositions.domain import Declaration, RecordedOpposition
from gateway.review.domain import JournalPage, PastConsultation, UserName
from gateway.service import Consultations
from services.kit.clock import Clock
from services.kit.redaction import DeviceToken, OneTimeCode, Password, SessionToken

NIR = "284052123100106"
NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 23, tzinfo=UTC)
TOKEN = SessionToken("t")
NOWHERE = ClientContext("")
RIGHT = Right("partner-1", "convention-1", "21")
OPENED = OpenedSession(TOKEN, timedelta(minutes=15), NOON)
REMAINING = timedelta(minutes=15)
AVAILABLE = Disclosure(
    Outcome.AVAILABLE,
    "line-1",
    Dossier("D1", Coordonnees([], "x", "", "", "", "", "", "")),
    [QuotientPeriod(date(2026, 11, 1), None, 61234)],
)
LIMIT = RateLimit(RateLimitScope.ACCOUNT, 600, 599, timedelta(milliseconds=100), timedelta(minutes=1))


class Services:
    """Identity, partners and quotient."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure: dict[str, Exception] = {}
        self.scopes: list[OppositionScope] = []
        self.delay_seconds = 0.0
        self.right = RIGHT
        self.outcome = Outcome.AVAILABLE
        self.counted: list[int] = []
        """The consultations that each Authenticate was to count; 0 where they were counted before."""
        self.noted: list[tuple[str, str, bool]] = []
        self.online_services: list[OnlineService] = []
        self.disclosed: list[str] = []
        """The case references of what was disclosed."""
        self.opposed: bool | None = None
        self.month: date | None = None
        self.declared: list[tuple[Declaration, Right]] = []
        self.consultations: Sequence[PastConsultation] = ()
        self.reviewed: list[tuple[Right, str | None, int, str]] = []
        self.named: list[tuple[str, Collection[str]]] = []

    async def sign_in(
        self, login: str, password: Password, one_time_code: OneTimeCode, client: ClientContext
    ) -> SignedIn:
        await self._ask("sign_in")
        return SignedIn(
            OPENED,
            password_change_required=False,
            previous_sign_in_time=None,
            earlier_session_ended=False,
            password_renewal_advised=False,
            device_token=DeviceToken("d"),
            refused_sign_in_count=0,
        )

    async def change_password(
        self,
        token: SessionToken,
        current_password: Password,
        new_password: Password,
        client: ClientContext,
    ) -> OpenedSession:
        await self._ask("change_password")
        return OPENED

    async def get_session(self, token: SessionToken) -> SessionState:
        await self._ask("get_session")
        return SessionState(
            password_change_required=False,
            second_factor_enrolment_required=False,
            idle_timeout=REMAINING,
            idle_expire_time=NOON,
            expire_time=NOON,
            remaining=REMAINING,
            expiring_soon=False,
            previous_sign_in_time=None,
        )

    async def sign_out(self, token: SessionToken, client: ClientContext) -> None:
        await self._ask("sign_out")

    async def authenticate(
        self,
        token: SessionToken,
        client: ClientContext,
        *,
        consultation_count: int = 1,
        counted_before: bool = False,
    ) -> Caller:
        await self._ask("authenticate")
        self.counted.append(0 if counted_before else consultation_count)
        return Caller("account-1", "habilitation-1", REMAINING, () if counted_before else [LIMIT])

    async def authorize(self, habilitation_id: str, online_service: OnlineService) -> Right:
        self.online_services.append(online_service)
        await self._ask("authorize")
        return self.right

    def note(self, account_id: str, network_prefix: str, *, not_found: bool) -> None:
        self.noted.append((account_id, network_prefix, not_found))

    async def check_oppositions(self, consultation: Consultation) -> Sequence[OppositionScope]:
        await self._ask("check_oppositions")
        return self.scopes

    async def disclose(
        self, consultation: Consultation, caller: Caller, right: Right, *, opposed: bool
    ) -> Disclosure:
        await self._ask("disclose")
        self.opposed = opposed
        self.month = consultation.month
        self.disclosed.append(consultation.case_reference)
        return AVAILABLE if self.outcome is Outcome.AVAILABLE else Disclosure(self.outcome, "line-1")

    async def record(self, declaration: Declaration, right: Right) -> RecordedOpposition:
        await self._ask("record")
        self.declared.append((declaration, right))
        return RecordedOpposition("opposition-1", NOON)

    async def page(
        self, right: Right, account_id: str | None, page_size: int, page_token: str
    ) -> JournalPage:
        await self._ask("page")
        self.reviewed.append((right, account_id, page_size, page_token))
        return JournalPage(self.consultations, "next")

    async def names(self, partner_id: str, habilitation_ids: Collection[str]) -> Mapping[str, UserName]:
        await self._ask("names")
        self.named.append((partner_id, habilitation_ids))
        return {"habilitation-1": UserName("Pâquerette", "Zoé")}

    async def _ask(self, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(self.delay_seconds)
        if what in self.failure:
            raise self.failure[what]


class Heard:
    """A notice that remembers what it heard."""

    def __init__(self) -> None:
        self.remaining: list[timedelta] = []
        self.limits: list[Sequence[RateLimit]] = []

    def session(self, remaining: timedelta) -> None:
        self.remaining.append(remaining)

    def rate_limits(self, rate_limits: Sequence[RateLimit]) -> None:
        self.limits.append(rate_limits)


def admission(
    services: Services, clock: Clock, budget_seconds: float = 5, *, always_open: bool = False
) -> Admission:
    """The way in, by the clock that a test turns."""
    hours = OpeningHours(clock, always_open=always_open)
    return Admission(clock, hours, services, services, budget_seconds)


def consultations(
    services: Services, clock: Clock, budget_seconds: float = 5, *, always_open: bool = False
) -> Consultations:
    """The use case over the services."""
    way_in = admission(services, clock, budget_seconds, always_open=always_open)
    return Consultations(clock, way_in, services, services)


def query(nir: str = NIR, case_reference: str = "") -> Query:
    """A query that keeps every rule, but for what is said otherwise."""
    return Query(nir, month="", purpose=1, purpose_text="", case_reference=case_reference)
