"""Hashes passwords with argon2id (RFC 9106), a bounded number at a time, where they hold up nothing else."""

import asyncio
import base64
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

import argon2
import structlog
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from services.identity.config import PasswordSettings
from services.identity.passwords.folding import normalised
from services.identity.passwords.turns import Turns
from services.kit import telemetry
from services.kit.redaction import Password

T = TypeVar("T")

# A tenth of what others get of a core they both want.
_NICENESS = 10

_log = structlog.get_logger()


class Passwords:
    """Makes and checks password hashes. An unknown account costs what a known one costs.

    Whatever asks for more than the settings let wait raises SignInsOverloaded, at once.
    """

    def __init__(self, settings: PasswordSettings, threads: ThreadPoolExecutor) -> None:
        self._settings = settings
        self._hasher = argon2.PasswordHasher(
            time_cost=settings.iterations,
            memory_cost=settings.memory_kib,
            parallelism=settings.parallelism,
        )
        self._threads = threads
        self._turns = Turns(settings.concurrent_hashes, settings.maximum_waiting_hashes)
        self._dummy_hash = _hash_of_nothing(settings)

    async def hash(self, password: Password) -> str:
        """The argon2id hash of `password`, with its salt and cost. Only for who proved to be somebody: is urgent."""
        return await self._run("hash", lambda: self._hasher.hash(normalised(password)), urgent=True)

    def require_room(self) -> None:
        """Raises SignInsOverloaded where a hash that is not urgent would be refused: before anything is done for it."""
        self._turns.require_room()

    async def matches(self, password_hash: str | None, password: Password, *, urgent: bool = False) -> bool:
        """Whether `password` has this hash. None never matches, and takes as long to say so.

        `urgent` is for who is known to be a user: he does not wait behind those who may be guessing.
        """
        return await self._run("verify", lambda: self._verify(password_hash, password), urgent=urgent)

    async def matches_any(self, password_hashes: Sequence[str], password: Password) -> bool:
        """Whether `password` has one of these hashes, each of which takes what `matches` takes. Is urgent."""
        if not password_hashes:
            return False
        return await self._run(
            "verify former",
            lambda: any(self._verify(password_hash, password) for password_hash in password_hashes),
            urgent=True,
        )

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash took less memory, iterations or parallelism than is set now."""
        cost = argon2.extract_parameters(password_hash)
        return (
            cost.memory_cost < self._settings.memory_kib
            or cost.time_cost < self._settings.iterations
            or cost.parallelism < self._settings.parallelism
        )

    def _verify(self, password_hash: str | None, password: Password) -> bool:
        try:
            return self._hasher.verify(password_hash or self._dummy_hash, normalised(password))
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError) as error:
            _log.error("password_hash_unreadable", error_type=type(error).__name__)
            # So that this account answers no sooner than others; the hash of nothing is readable.
            return password_hash is not None and self._verify(None, password)

    async def _run(self, operation: str, work: Callable[[], T], *, urgent: bool) -> T:
        with telemetry.span(f"argon2 {operation}"):
            await self._turns.take(urgent=urgent)
            job = asyncio.get_running_loop().run_in_executor(self._threads, work)
            # A thread at work cannot be stopped: the turn lasts as long, whether or not somebody still waits.
            job.add_done_callback(lambda _: self._turns.give_back())
            return await asyncio.shield(job)


@asynccontextmanager
async def open_passwords(settings: PasswordSettings) -> AsyncIterator[Passwords]:
    """Passwords with threads of their own."""
    threads = ThreadPoolExecutor(
        settings.concurrent_hashes, thread_name_prefix="argon2", initializer=_give_way
    )
    try:
        yield Passwords(settings, threads)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _give_way() -> None:
    """Leaves one core to everything else, and most of the others; argon2's own threads inherit both.

    A lower priority would keep sign-ins waiting for as long as the machine is busy; and with none of the cores left
    free, a thread that holds the interpreter's lock would wait for a core while the event loop waits for the lock.
    """
    try:
        os.nice(_NICENESS)
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[1:] or cores)
    except OSError as error:
        _log.warning("hashing_priority_unchanged", error_type=type(error).__name__)


def _hash_of_nothing(settings: PasswordSettings) -> str:
    """A well-formed hash that no password has; making it costs nothing, checking it costs the usual."""
    cost = f"m={settings.memory_kib},t={settings.iterations},p={settings.parallelism}"
    salt, digest = (base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=") for length in (16, 32))
    return f"$argon2id$v=19${cost}${salt}${digest}"
