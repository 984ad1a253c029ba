"""Use cases of partners: hours → session → right → opposition → disclosure."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from gateway.domain import (
    Caller,
    ClientContext,
    Consultation,
    Disclosure,
    OpenedSession,
    OppositionScope,
    Right,
    SessionState,
    SignedIn,
    parse_consultation,
)
from gateway.hours import OpeningHours
from gateway.opposition import is_opposed, withheld
from services.kit import telemetry
from services.kit.clock import Clock, paris_date
from services.kit.errors import DependencyUnavailable
from services.kit.redaction import OneTimeCode, Password, SessionToken

# Hears, once a session has proved itself, how long it lives if nothing more is called.
SessionNotice = Callable[[timedelta], None]


class Identity(Protocol):
    """Who calls: accounts and sessions."""

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

    async def authenticate(self, token: SessionToken) -> Caller:
        """Whose session it is.

        Raises SessionNotValid, PasswordChangeRequired, SecondFactorEnrolmentRequired or RateLimited.
        """
        ...


class Partners(Protocol):
    """What the caller may do."""

    async def authorize(self, habilitation_id: str) -> Right:
        """The right; raises HabilitationNotValid, ConventionNotInForce or PartnerSuspended."""
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


class Consultations:
    """The consultation of a quotient familial (art. 3)."""

    def __init__(
        self,
        clock: Clock,
        hours: OpeningHours,
        identity: Identity,
        partners: Partners,
        quotient: Quotient,
        budget_seconds: float,
    ) -> None:
        self._clock = clock
        self._hours = hours
        self._identity = identity
        self._partners = partners
        self._quotient = quotient
        self._budget_seconds = budget_seconds

    async def consult(
        self,
        token: SessionToken,
        notice: SessionNotice,
        *,
        nir: str,
        month: str,
        purpose: int,
        purpose_text: str,
        case_reference: str,
    ) -> Disclosure:
        """What may be shown of a family's QF; every outcome has its line in the journal (N2).

        `notice` hears what is left of the session, however the consultation ends (art. 7-1).

        Raises ServiceClosed, what `Identity.authenticate` and `Partners.authorize` raise, InvalidField, and
        DependencyUnavailable when an answer within the budget is not to be had (N8).
        """
        self._hours.require_open()
        try:
            async with asyncio.timeout(self._budget_seconds):
                caller = await self._identity.authenticate(token)
                notice(caller.remaining)
                consultation = parse_consultation(
                    nir=nir,
                    month=month,
                    purpose=purpose,
                    purpose_text=purpose_text,
                    case_reference=case_reference,
                    today=paris_date(self._clock.now()),
                )
                return await self._disclose(caller, consultation)
        except TimeoutError:
            raise DependencyUnavailable from None

    async def _disclose(self, caller: Caller, consultation: Consultation) -> Disclosure:
        right, scopes = await asyncio.gather(
            self._partners.authorize(caller.habilitation_id), self._quotient.check_oppositions(consultation)
        )
        opposed = is_opposed(scopes, right)
        disclosure = await self._quotient.disclose(consultation, caller, right, opposed=opposed)
        shown = withheld(disclosure) if opposed else disclosure
        telemetry.annotate("qf.outcome", shown.outcome.name)
        return shown
