"""The database as its roles see it; only for what no API may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from services.kit.config import DatabaseSettings
from services.kit.database import connection_parameters
from services.kit.migrate import OwnerSettings
from services.quotient.config import QuotientSettings
from tests.stack import Stack


@asynccontextmanager
async def connected_as_owner(stack: Stack) -> AsyncIterator[psycopg.AsyncConnection]:
    """The role that runs the migrations."""
    async with _connected(stack.settings("quotient_owner", OwnerSettings).database) as connection:
        yield connection


@asynccontextmanager
async def connected_as_service(stack: Stack) -> AsyncIterator[psycopg.AsyncConnection]:
    """The role that the service uses."""
    async with _connected(stack.settings("quotient", QuotientSettings).database) as connection:
        yield connection


@asynccontextmanager
async def _connected(settings: DatabaseSettings) -> AsyncIterator[psycopg.AsyncConnection]:
    parameters = connection_parameters(settings)
    async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as connection:
        yield connection
