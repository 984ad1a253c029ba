"""Drains an outbox: leases a message, delivers it, acknowledges it. What is not acknowledged comes back."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import date
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import structlog

from services.kit.clock import Clock, paris_date
from services.mailer.domain import (
    AccountWarning,
    Audience,
    CaisseAddresses,
    DormancyWarning,
    EmailAddress,
    Leased,
    Letter,
    NothingToTell,
    PutOff,
    RecipientRefused,
    Reminder,
    Text,
    UnusualUse,
    User,
)
from services.mailer.letters import reminder_text, unusual_use_text, warning_text

Content = TypeVar("Content")
Content_contra = TypeVar("Content_contra", contravariant=True)
_log = structlog.get_logger()


class Outbox(Protocol[Content]):
    """Where messages wait. Both methods raise DependencyUnavailable."""

    async def lease(self) -> Leased[Content] | None:
        """The first message that nobody holds, if there is one."""
        ...

    async def acknowledge(self, message_ids: Sequence[UUID]) -> None:
        """Says that messages are dealt with."""
        ...


class Users(Protocol):
    """Who knows the users of the habilitations."""

    async def find_user(self, habilitation_id: UUID) -> User | None:
        """Whom a habilitation belongs to. Raises DependencyUnavailable."""
        ...


class Writer(Protocol[Content_contra]):
    """Makes letters of messages."""

    async def write(self, message_id: UUID, content: Content_contra, today: date) -> Letter:
        """The letter. Raises NothingToTell, PutOff, DependencyUnavailable."""
        ...


class Line(Protocol):
    """An open way to the mail server."""

    async def send(self, letter: Letter) -> None:
        """Hands a letter over. Raises RecipientRefused, PutOff, PostUnavailable."""
        ...


class Post(Protocol):
    """The way to the mail server."""

    def open(self) -> AbstractAsyncContextManager[Line]:
        """Opens it. Raises PostUnavailable."""
        ...


class ReminderWriter:
    """Writes to caisses and partners of what falls due."""

    def __init__(self, caisses: CaisseAddresses) -> None:
        self._caisses = caisses

    async def write(self, message_id: UUID, content: Reminder, today: date) -> Letter:
        """The letter of a reminder."""
        caisse = self._caisses.find(content.caisse_code)
        to_partner = content.audience is Audience.PARTNER
        text = reminder_text(content.deadline, content.audience, today, takes_replies=caisse is not None)
        recipient = content.partner_address if to_partner else caisse
        return _letter(message_id, recipient, caisse if to_partner else None, text)


class WarningWriter:
    """Writes to users whose accounts will be disabled, and to caisses of unusual use."""

    def __init__(self, users: Users, caisses: CaisseAddresses) -> None:
        self._users = users
        self._caisses = caisses

    async def write(self, message_id: UUID, content: AccountWarning, today: date) -> Letter:
        """The letter of a warning."""
        match content:
            case DormancyWarning():
                return await self._to_user(message_id, content, today)
            case UnusualUse():
                recipient = self._caisses.find(content.caisse_code)
                return _letter(message_id, recipient, None, unusual_use_text(content))

    async def _to_user(self, message_id: UUID, warning: DormancyWarning, today: date) -> Letter:
        """There is nothing to tell on the day itself, nor to whom the access is over."""
        if today >= warning.disable_date:
            raise NothingToTell
        user = await self._users.find_user(warning.habilitation_id)
        if user is None or user.is_over:
            raise NothingToTell
        caisse = self._caisses.find(user.caisse_code)
        text = warning_text(warning.disable_date, today, takes_replies=caisse is not None)
        return _letter(message_id, user.address, caisse, text)


class Delivery(Generic[Content]):
    """Empties one outbox, one message at a time."""

    def __init__(self, outbox: Outbox[Content], writer: Writer[Content], post: Post, clock: Clock) -> None:
        self._outbox = outbox
        self._writer = writer
        self._post = post
        self._clock = clock
        self._dealt_with: list[UUID] = []

    async def deliver_waiting(self) -> None:
        """Delivers what waits. What is begun when this is cancelled is brought to its end.

        Raises PostUnavailable, DependencyUnavailable; what was not acknowledged until then comes back.
        """
        await self._acknowledge()
        leased = await self._outbox.lease()
        if leased is None:
            return
        async with self._post.open() as line:
            while leased is not None:
                await _to_its_end(self._deal_with(leased, line))
                leased = await self._outbox.lease()

    async def _deal_with(self, leased: Leased[Content], line: Line) -> None:
        message_id = str(leased.message_id)
        try:
            await line.send(await self._written(leased))
        except PutOff as problem:
            _log.warning("message_put_off", message_id=message_id, reason=problem.reason)
            return
        except RecipientRefused as refusal:
            _log.warning("recipient_refused", message_id=message_id, smtp_code=refusal.code)
        except NothingToTell:
            _log.info("message_without_object", message_id=message_id)
        else:
            _log.info("message_delivered", message_id=message_id)
        self._dealt_with.append(leased.message_id)
        await self._acknowledge()

    async def _written(self, leased: Leased[Content]) -> Letter:
        if leased.content is None:
            raise PutOff("message_unknown")
        return await self._writer.write(leased.message_id, leased.content, paris_date(self._clock.now()))

    async def _acknowledge(self) -> None:
        """Acknowledges what was dealt with, and what an outbox that was away could not be told before."""
        if self._dealt_with:
            await self._outbox.acknowledge(self._dealt_with)
            self._dealt_with.clear()


def _letter(
    message_id: UUID, recipient: EmailAddress | None, reply_to: EmailAddress | None, text: Text
) -> Letter:
    if recipient is None:
        raise PutOff("address_not_usable")
    return Letter(message_id, recipient, reply_to, text)


async def _to_its_end(work: Awaitable[None]) -> None:
    """Awaits `work`, and goes on to its end where this is cancelled: a letter that is sent is acknowledged too."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await task
        raise
