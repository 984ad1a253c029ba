"""Races of Authenticate against what ends sessions, and the one who watches that none is won too late (N3)."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID

from services.identity.accounts.domain import (
    EVERYBODY,
    OfAccount,
    OfHabilitation,
    OneSession,
    of_caisse,
    of_partner,
)
from services.identity.sessions.domain import Decision
from services.kit.errors import DependencyUnavailable
from services.kit.identifiers import new_uuid7
from services.kit.redaction import SessionToken
from tests.integration.identity.composed import CAISSE, OWN_PASSWORD, START, Identity, User

PARTNERS = 4
ASKERS = 3
# Less than a batch holds, so that the batches of the askers overlap the revocations.
BATCH = 25


@dataclass(frozen=True)
class Racer:
    """A user, his live session, and what the security events call it."""

    user: User
    token: SessionToken
    session_id: UUID


@dataclass
class Watch:
    """When each session was acknowledged to be over, and who got in afterwards."""

    over: dict[SessionToken, float] = field(default_factory=dict)
    answered: int = 0
    accepted: int = 0
    won_too_late: list[SessionToken] = field(default_factory=list)

    def end(self, tokens: Sequence[SessionToken]) -> None:
        """Somebody was just told that these are over."""
        now = monotonic()
        for token in tokens:
            self.over.setdefault(token, now)

    def answer(self, token: SessionToken, started: float, decision: Decision) -> None:
        """A call that started then was answered so."""
        self.answered += 1
        if decision is not Decision.REFUSED:
            self.accepted += 1
            if started > self.over.get(token, float("inf")):
                self.won_too_late.append(token)


async def settle(identity: Identity, count: int) -> list[User]:
    """Users of a few partners, with a password of their own and no live session."""
    partners = [new_uuid7(START) for _ in range(PARTNERS)]
    users = []
    for partner_id in itertools.islice(itertools.cycle(partners), count):
        user, token = await identity.settled_user(partner_id)
        await identity.sign_out(token)
        users.append(user)
    return users


async def start(identity: Identity, users: Sequence[User]) -> list[Racer]:
    """Everybody signs in."""
    racers = []
    for user in users:
        session = (await identity.sign_in(user, OWN_PASSWORD)).session
        racers.append(Racer(user, session.token, session.session_id))
    return racers


@asynccontextmanager
async def asked_all_the_while(
    identity: Identity, racers: Sequence[Racer], watch: Watch
) -> AsyncIterator[None]:
    """Keeps asking whether the sessions live. Where a store is away nobody is told anything (N8)."""
    tokens = [racer.token for racer in racers]
    batches = [tokens[at : at + BATCH] for at in range(0, len(tokens), BATCH)]

    async def ask(first: int) -> None:
        for turn in itertools.count(first):
            await ask_once(identity, batches[turn % len(batches)], watch)
            await asyncio.sleep(0)

    askers = [asyncio.create_task(ask(number)) for number in range(ASKERS)]
    try:
        yield
    finally:
        for asker in askers:
            asker.cancel()
        await asyncio.gather(*askers, return_exceptions=True)


async def ask_once(identity: Identity, tokens: Sequence[SessionToken], watch: Watch) -> None:
    """One call of Authenticate, seen by the watch."""
    started = monotonic()
    with suppress(DependencyUnavailable):
        verdicts = await identity.authenticate_all(tokens)
        for token, verdict in zip(tokens, verdicts, strict=True):
            watch.answer(token, started, verdict.decision)


async def end_each(identity: Identity, racers: Sequence[Racer], watch: Watch) -> None:
    """Ends one session after the other, each by another of `_WAYS`."""
    for number, racer in enumerate(racers):
        await _WAYS[number % len(_WAYS)](identity, racer)
        watch.end([racer.token])


async def end_by_partner(identity: Identity, racers: Sequence[Racer], watch: Watch) -> None:
    """Ends the sessions of one partner after the other."""
    by_partner: dict[UUID, list[SessionToken]] = {}
    for racer in racers:
        by_partner.setdefault(racer.user.partner_id, []).append(racer.token)
    for partner_id, tokens in by_partner.items():
        await identity.accounts.revoke_sessions(of_partner(partner_id))
        watch.end(tokens)


async def end_by_caisse(identity: Identity, racers: Sequence[Racer], watch: Watch) -> None:
    """Ends the sessions of the caisse at once."""
    await identity.accounts.revoke_sessions(of_caisse(CAISSE))
    watch.end([racer.token for racer in racers])


async def end_all(identity: Identity, racers: Sequence[Racer], watch: Watch) -> None:
    """Ends every session there is."""
    await identity.accounts.revoke_sessions(EVERYBODY)
    watch.end([racer.token for racer in racers])


ENDINGS = (end_each, end_by_partner, end_each, end_by_caisse, end_each, end_all)


async def _signed_in_again(identity: Identity, racer: Racer) -> None:
    await identity.sign_in(racer.user, OWN_PASSWORD)


async def _signed_out(identity: Identity, racer: Racer) -> None:
    await identity.sign_out(racer.token)


async def _by_session(identity: Identity, racer: Racer) -> None:
    await identity.accounts.revoke_sessions(OneSession(racer.session_id))


async def _by_account(identity: Identity, racer: Racer) -> None:
    await identity.accounts.revoke_sessions(OfAccount(racer.user.account_id))


async def _by_habilitation(identity: Identity, racer: Racer) -> None:
    await identity.accounts.revoke_sessions(OfHabilitation(racer.user.habilitation_id))


_WAYS: Sequence[Callable[[Identity, Racer], Awaitable[None]]] = (
    _by_session,
    _signed_out,
    _by_account,
    _signed_in_again,
    _by_habilitation,
)
