"""Use cases: a user sets up, renews and removes his second factor, within the hours (art. 5, 7-1)."""

from collections.abc import Sequence
from typing import Protocol

from gateway.domain import ClientContext, OpenedSession
from gateway.hours import OpeningHours
from gateway.second_factor.domain import BegunEnrolment, ConfirmedEnrolment
from services.kit.redaction import OneTimeCode, Password, RecoveryCode, SessionToken


class SecondFactor(Protocol):
    """Identity's part."""

    async def begin_enrolment(
        self, token: SessionToken, current_password: Password, client: ClientContext
    ) -> BegunEnrolment:
        """Makes a secret."""
        ...

    async def confirm_enrolment(
        self, token: SessionToken, one_time_code: OneTimeCode, client: ClientContext
    ) -> ConfirmedEnrolment:
        """Enrols it, and replaces every session."""
        ...

    async def renew_recovery_codes(
        self, token: SessionToken, one_time_code: OneTimeCode, client: ClientContext
    ) -> Sequence[RecoveryCode]:
        """Replaces the recovery codes."""
        ...

    async def remove(
        self,
        token: SessionToken,
        current_password: Password,
        one_time_code: OneTimeCode,
        client: ClientContext,
    ) -> OpenedSession:
        """Removes the factor, and replaces every session."""
        ...


class SecondFactors:
    """The second factor of whoever is signed in."""

    def __init__(self, hours: OpeningHours, second_factor: SecondFactor) -> None:
        self._hours = hours
        self._second_factor = second_factor

    async def begin_enrolment(
        self, token: SessionToken, current_password: Password, client: ClientContext
    ) -> BegunEnrolment:
        """A secret for an authenticator app; it counts once confirmed."""
        self._hours.require_open()
        return await self._second_factor.begin_enrolment(token, current_password, client)

    async def confirm_enrolment(
        self, token: SessionToken, one_time_code: OneTimeCode, client: ClientContext
    ) -> ConfirmedEnrolment:
        """Enrols the secret by a code made with it; every earlier session is over."""
        self._hours.require_open()
        return await self._second_factor.confirm_enrolment(token, one_time_code, client)

    async def renew_recovery_codes(
        self, token: SessionToken, one_time_code: OneTimeCode, client: ClientContext
    ) -> Sequence[RecoveryCode]:
        """New recovery codes; those before are void."""
        self._hours.require_open()
        return await self._second_factor.renew_recovery_codes(token, one_time_code, client)

    async def remove(
        self,
        token: SessionToken,
        current_password: Password,
        one_time_code: OneTimeCode,
        client: ClientContext,
    ) -> OpenedSession:
        """Removes the factor; every earlier session is over."""
        self._hours.require_open()
        return await self._second_factor.remove(token, current_password, one_time_code, client)
