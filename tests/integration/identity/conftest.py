from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.identity.config import IdentitySettings
from services.kit.config import read_secret
from tests.integration.identity.composed import CHEAP_PASSWORDS, Identity, compose
from tests.stack import Stack


@pytest.fixture
async def settings(stack: Stack) -> IdentitySettings:
    """The settings of the running server, with passwords that cost little and an empty Redis of their own.

    Tests that turn the clock, and fail as often as they like, do not limit one another nor the server.
    """
    settings = stack.settings("identity", IdentitySettings)
    redis = settings.redis.model_copy(update={"url": settings.redis.url.removesuffix("/0") + "/1"})
    async with Redis.from_url(redis.url, password=read_secret(redis.password_file)) as client:
        await client.flushdb()
    return settings.model_copy(update={"passwords": CHEAP_PASSWORDS, "redis": redis})


@pytest.fixture
async def identity(settings: IdentitySettings) -> AsyncIterator[Identity]:
    async with compose(settings) as composed:
        yield composed
