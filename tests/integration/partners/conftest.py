from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from services.kit.database import Database, open_database
from services.partners.config import PartnersSettings
from tests.clock import FakeClock
from tests.integration.partners.agent import Agent
from tests.integration.partners.register import Register
from tests.stack import Stack


@pytest.fixture(scope="session")
async def agent(stack: Stack) -> AsyncIterator[Agent]:
    """A caisse agent and the gateway, each with its own certificate, before the running server."""
    async with stack.channel("partners", "qf") as qf, stack.channel("partners", "gateway") as gateway:
        yield Agent(qf, gateway)


@pytest.fixture(scope="session")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """The real database, with the service's own role."""
    async with open_database(stack.settings("partners", PartnersSettings).database) as opened:
        yield opened


@pytest.fixture
def clock() -> FakeClock:
    """Noon of 23 November 2026 in Paris."""
    return FakeClock(datetime(2026, 11, 23, 11, 0, tzinfo=UTC))


@pytest.fixture
def register(database: Database, clock: FakeClock) -> Register:
    """The use cases on the real database, at the time that `clock` shows."""
    return Register(database, clock)
