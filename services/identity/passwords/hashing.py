"""Hashes passwords with argon2id, off the event loop and a bounded number at a time."""

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

import argon2
from argon2.exceptions import VerifyMismatchError

from services.identity.config import PasswordSettings
from services.identity.passwords.domain import normalised
from services.kit import telemetry
from services.kit.redaction import Password

T = TypeVar("T")


class Passwords:
    """Makes and checks password hashes. An unknown account costs what a known one costs."""

    def __init__(self, settings: PasswordSettings, threads: ThreadPoolExecutor) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=settings.iterations,
            memory_cost=settings.memory_kib,
            parallelism=settings.parallelism,
        )
        self._threads = threads
        self._dummy_hash = _hash_of_nothing(settings)

    async def hash(self, password: Password) -> str:
        """The argon2id hash of `password`, with its salt and cost."""
        return await self._run("hash", lambda: self._hasher.hash(normalised(password)))

    async def matches(self, password_hash: str | None, password: Password) -> bool:
        """Whether `password` has this hash. None never matches, and takes as long to say so."""
        return await self._run("verify", lambda: self._verify(password_hash or self._dummy_hash, password))

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made at another cost than is set now."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password_hash: str, password: Password) -> bool:
        try:
            return self._hasher.verify(password_hash, normalised(password))
        except VerifyMismatchError:
            return False

    async def _run(self, operation: str, work: Callable[[], T]) -> T:
        with telemetry.span(f"argon2 {operation}"):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)


@asynccontextmanager
async def open_passwords(settings: PasswordSettings) -> AsyncIterator[Passwords]:
    """Passwords with threads of their own; waiting hashes are dropped at the end."""
    threads = ThreadPoolExecutor(settings.concurrent_hashes, thread_name_prefix="argon2")
    try:
        yield Passwords(settings, threads)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _hash_of_nothing(settings: PasswordSettings) -> str:
    """A well-formed hash that no password has; making it costs nothing, checking it costs the usual."""
    cost = f"m={settings.memory_kib},t={settings.iterations},p={settings.parallelism}"
    salt, digest = (base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=") for length in (16, 32))
    return f"$argon2id$v=19${cost}${salt}${digest}"
