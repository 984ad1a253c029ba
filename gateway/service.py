"""Use cases of partners: hours → session → right → opposition → disclosure."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.admission import Admission, Notice
from gateway.domain import (
    Caller,
    ClientContext,
    Consultation,
    Disclosure,
    OpenedSession,
    OppositionScope,
    Outcome,
    Query,
    Right,
    SessionState,
    SignedIn,
    parse_consultation,
    require_case_reference,
    require_query_count,
)
from gateway.hours import OpeningHours
from gateway.opposition import is_opposed, withheld
from gateway.turns import Turns
from services.kit import telemetry
from services.kit.clock import Clock, paris_date
from services.kit.errors import DomainError, InvalidField
from services.kit.redaction import OneTimeCode, Password, SessionToken
from services.kit.status import PeerError


class Identity(Protocol):
    """Accounts and sessions."""

    async def sign_in(
        self, login: str, password: Password, one_time_code: OneTimeCode, client: ClientContext
    ) -> SignedIn:
        """Opens a session."""
        ...

    async def change_password(
        self,
        token: SessionToken,
        current_password: Password,
        new_password: Password,
        client: ClientContext,
    ) -> OpenedSession:
        """Replaces the password and every session."""
        ...

    async def get_session(self, token: SessionToken) -> SessionState:
        """What is left of the session."""
        ...

    async def sign_out(self, token: SessionToken, client: ClientContext) -> None:
        """Ends the session."""
        ...


class Quotient(Protocol):
    """Oppositions and disclosures."""

    async def check_oppositions(self, consultation: Consultation) -> Sequence[OppositionScope]:
        """The standing oppositions of the person."""
        ...

    async def disclose(
        self, consultation: Consultation, caller: Caller, right: Right, *, opposed: bool
    ) -> Disclosure:
        """Commits the journal line, then tells what may be shown."""
        ...


class Sessions:
    """Sign-in to sign-out (art. 4-3, 7-1)."""

    def __init__(self, hours: OpeningHours, identity: Identity) -> None:
        self._hours = hours
        self._identity = identity

    async def sign_in(
        self, login: str, password: Password, one_time_code: OneTimeCode, client: ClientContext
    ) -> SignedIn:
        """Opens a session, within the hours (art. 4-3, 5)."""
        self._hours.require_open()
        return await self._identity.sign_in(login, password, one_time_code, client)

    async def change_password(
        self,
        token: SessionToken,
        current_password: Password,
        new_password: Password,
        client: ClientContext,
    ) -> OpenedSession:
        """Replaces the password, within the hours (art. 4-3, 5)."""
        self._hours.require_open()
        return await self._identity.change_password(token, current_password, new_password, client)

    async def get_session(self, token: SessionToken) -> SessionState:
        """What is left of the session, at any hour."""
        return await self._identity.get_session(token)

    async def sign_out(self, token: SessionToken, client: ClientContext) -> None:
        """Ends the session, at any hour: nobody is kept signed in."""
        await self._identity.sign_out(token, client)


class UseObserver(Protocol):
    """Hears of each consultation that was answered, for what is unusual about an account's use (art. 7-2)."""

    def note(self, account_id: str, network_prefix: str, *, not_found: bool) -> None:
        """Counts it; at once, and never fails."""
        ...


@dataclass(frozen=True)
class Unanswered:
    """Why a query of many was not answered."""

    error: DomainError | PeerError


class Consultations:
    """The consultation of a quotient familial (art. 3)."""

    def __init__(self, clock: Clock, admission: Admission, quotient: Quotient, use: UseObserver) -> None:
        self._clock = clock
        self._admission = admission
        self._quotient = quotient
        self._use = use
        self._turns = Turns()

    async def consult(
        self, token: SessionToken, client: ClientContext, notice: Notice, query: Query
    ) -> Disclosure:
        """What may be shown of a family's QF; every outcome has its line in the journal (N2).

        `notice` hears what is left of session and limits, however the consultation ends (art. 7-1).

        Raises ServiceClosed, what `Admission` raises, InvalidField, and DependencyUnavailable when an answer within
        the budget is not to be had (N8).
        """
        self._admission.require_open()
        with self._turns.single():
            async with self._admission.budget():
                caller = await self._admission.authenticate(token, client, notice)
                consultation = self._parsed(query)
                right = self._admission.authorize(caller)
                disclosure = await self._disclose(client, caller, consultation, right)
        telemetry.annotate("qf.outcome", disclosure.outcome.name)
        return disclosure

    async def consult_many(
        self, token: SessionToken, client: ClientContext, notice: Notice, queries: Sequence[Query]
    ) -> AsyncIterator[Disclosure | Unanswered]:
        """The answer to each query, in order: each a consultation of its own, made when its turn comes.

        Nothing is disclosed ahead of the turn: where the caller goes away, the journal has what was sent, and at most
        the one that was on its way (N2). An error that is not of the query itself answers all that follow too. Single
        consultations go first.

        Raises before the first answer what `consult` raises, but InvalidField only for the number of queries.
        """
        require_query_count(len(queries))
        caller, _ = await self._admission.admit(token, client, notice, consultation_count=len(queries))
        telemetry.annotate("qf.query.count", len(queries))
        stopped: Unanswered | None = None
        for query in queries:
            answer = stopped or await self._answer_in_turn(token, client, caller, query)
            if isinstance(answer, Unanswered) and not isinstance(answer.error, InvalidField):
                stopped = answer
            yield answer

    async def _answer_in_turn(
        self, token: SessionToken, client: ClientContext, caller: Caller, query: Query
    ) -> Disclosure | Unanswered:
        await self._turns.row()
        try:
            self._admission.require_open()
            async with self._admission.budget():
                consultation = self._parsed(query)
                right = self._admission.readmit(token, client, caller)
                return await self._disclose(client, caller, consultation, right)
        except (DomainError, PeerError) as error:
            return Unanswered(error)

    def _parsed(self, query: Query) -> Consultation:
        return parse_consultation(query, paris_date(self._clock.now()))

    async def _disclose(
        self, client: ClientContext, caller: Caller, consultation: Consultation, admitted: Awaitable[Right]
    ) -> Disclosure:
        right, scopes = await asyncio.gather(admitted, self._quotient.check_oppositions(consultation))
        require_case_reference(consultation, right)
        opposed = is_opposed(scopes, right)
        disclosure = await self._quotient.disclose(consultation, caller, right, opposed=opposed)
        shown = withheld(disclosure) if opposed else disclosure
        self._use.note(caller.account_id, client.network_prefix, not_found=shown.outcome is Outcome.NOT_FOUND)
        return shown
