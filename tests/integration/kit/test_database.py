"""A pool that heals: what died with the server is replaced before anybody meets it (N8)."""

import asyncio
from dataclasses import dataclass

from services.kit.database import Database, open_database
from services.partners.config import PartnersSettings
from tests.stack import Stack

POOL_SIZE = 4


@dataclass(frozen=True)
class Backend:
    """Which process of the server answered."""

    pid: int


async def backends(database: Database) -> set[int]:
    """Uses every connection of the pool at once; whose they are."""
    statement = "SELECT pg_backend_pid() AS pid FROM pg_sleep(0.05)"
    answers = await asyncio.gather(
        *(database.fetch_one("backend", Backend, statement) for _ in range(POOL_SIZE))
    )
    return {answer.pid for answer in answers if answer}


async def test_no_call_meets_a_connection_that_died_while_it_idled(stack: Stack) -> None:
    settings = stack.settings("partners", PartnersSettings).database.model_copy(
        update={"pool_max_size": POOL_SIZE}
    )
    async with open_database(settings) as database:
        for _ in range(3):
            before = await backends(database)
        assert len(before) > 1
        stack.kill("postgres")
        await stack.wait_until_ready("postgres")
        after = await backends(database)
        assert after
        assert after.isdisjoint(before)
