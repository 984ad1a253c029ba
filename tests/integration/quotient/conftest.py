from collections.abc import AsyncIterator

import pytest

from tests.integration.quotient.caller import Caller
from tests.stack import Stack


@pytest.fixture(scope="session")
async def caller(stack: Stack) -> AsyncIterator[Caller]:
    async with stack.channel("quotient", "qf") as agent, stack.channel("quotient", "gateway") as gateway:
        yield Caller(agent, gateway)
