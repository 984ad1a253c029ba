"""The whole stack, a caisse agent and a partner's software."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import grpc
import pytest

from tests.caisse import Caisse, User
from tests.portal import Portal
from tests.stack import Stack


@dataclass
class Agent:
    """A partner's agent who has chosen his password and is signed in."""

    user: User
    token: str


Channels = Callable[[str, str], grpc.aio.Channel]


@pytest.fixture(scope="session")
async def channels(stack: Stack) -> AsyncIterator[Channels]:
    """The channel to a service with the certificate of a client: made once, closed at the end."""
    opened: dict[tuple[str, str], grpc.aio.Channel] = {}

    def channel(service: str, client: str) -> grpc.aio.Channel:
        if (service, client) not in opened:
            opened[service, client] = stack.channel(service, client)
        return opened[service, client]

    yield channel
    for one in opened.values():
        await one.close()


@pytest.fixture(scope="session")
def caisse(channels: Channels) -> Caisse:
    """A caisse agent."""
    return Caisse(*(channels(name, "qf") for name in ("identity", "partners", "quotient")))


@pytest.fixture(scope="session")
async def portal(stack: Stack) -> AsyncIterator[Portal]:
    """A partner's software."""
    client = Portal(stack.gateway_url, stack.ca_file)
    yield client
    await client.aclose()


@pytest.fixture(scope="session")
async def agent(caisse: Caisse, portal: Portal) -> Agent:
    """One agent for the tests that leave his session as it is."""
    user = await caisse.habilitate()
    return Agent(user, await portal.open_session(user))


@pytest.fixture
async def own_agent(caisse: Caisse, portal: Portal) -> Agent:
    """An agent of a partner of his own, for a test that ends his rights."""
    user = await caisse.habilitate()
    return Agent(user, await portal.open_session(user))
