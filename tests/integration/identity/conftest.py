from collections.abc import AsyncIterator

import pytest

from services.identity.config import IdentitySettings
from tests.integration.identity.composed import CHEAP_PASSWORDS, Identity, compose
from tests.stack import Stack


@pytest.fixture
def settings(stack: Stack) -> IdentitySettings:
    """The settings of the running server, with passwords that cost little."""
    settings = stack.settings("identity", IdentitySettings)
    return settings.model_copy(update={"passwords": CHEAP_PASSWORDS})


@pytest.fixture
async def identity(settings: IdentitySettings) -> AsyncIterator[Identity]:
    async with compose(settings) as composed:
        yield composed
