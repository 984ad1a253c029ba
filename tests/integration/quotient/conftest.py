from collections.abc import AsyncIterator

import pytest

from tests.integration.quotient.caller import Caller, calling
from tests.stack import Stack


@pytest.fixture(scope="session")
async def caller(stack: Stack) -> AsyncIterator[Caller]:
    async with calling(stack) as opened:
        yield opened
