"""PostgreSQL: a pool that heals, spans without text, errors without rows."""

import select
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString, TypeVar

import psycopg
import structlog
from opentelemetry.trace import SpanKind
from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from services.kit import telemetry
from services.kit.config import ConfigError, DatabaseSettings, read_secret
from services.kit.errors import DependencyUnavailable

Row = TypeVar("Row")
Parameters = Sequence[Any] | dict[str, Any] | None

# A statement waits no longer than its caller would: beyond this the call has failed anyway.
_SESSION_OPTIONS = (
    "-c statement_timeout=2s -c lock_timeout=1s -c idle_in_transaction_session_timeout=5s -c timezone=UTC"
    # Compiling costs more than any statement here takes.
    " -c jit=off"
    # Every statement here finds its few rows by an index. A plan that was made and kept while a table was small
    # must not read all of it once it is large.
    " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
)
_CONNECTION_WAIT_SECONDS = 1.0
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PoolTimeout,
    PoolClosed,
    TooManyRequests,
)
_log = structlog.get_logger()


class ConstraintViolated(Exception):
    """A statement broke the named constraint; stores turn it into their domain's error."""

    def __init__(self, constraint_name: str) -> None:
        super().__init__(constraint_name)
        self.constraint_name = constraint_name


class StatementFailed(Exception):
    """PostgreSQL refused a statement; only the SQLSTATE is kept, the text may quote a row."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


class Database:
    """One database. Every use is named for its span; failures are DependencyUnavailable, never data (N8)."""

    def __init__(self, pool: AsyncConnectionPool, name: str) -> None:
        self._pool = pool
        self._name = name

    @asynccontextmanager
    async def transaction(self, operation: str) -> AsyncIterator[AsyncConnection]:
        """A transaction named `operation`: committed when the block ends, undone when it raises."""
        async with self._connection(operation) as connection, connection.transaction():
            yield connection

    async def fetch_all(
        self,
        operation: str,
        row_type: type[Row],
        statement: LiteralString,
        parameters: Parameters = None,
    ) -> list[Row]:
        """Runs one statement in its own transaction and returns its rows as `row_type`."""
        async with self._connection(operation) as connection:
            return await fetch_all(connection, row_type, statement, parameters)

    async def fetch_one(
        self,
        operation: str,
        row_type: type[Row],
        statement: LiteralString,
        parameters: Parameters = None,
    ) -> Row | None:
        """Like `fetch_all`, for a statement with at most one row."""
        async with self._connection(operation) as connection:
            return await fetch_one(connection, row_type, statement, parameters)

    async def execute(self, operation: str, statement: LiteralString, parameters: Parameters = None) -> int:
        """Runs one statement in its own transaction and returns the number of rows it touched."""
        async with self._connection(operation) as connection:
            return (await connection.execute(statement, parameters)).rowcount

    @asynccontextmanager
    async def _connection(self, operation: str) -> AsyncIterator[AsyncConnection]:
        attributes = {
            "db.system.name": "postgresql",
            "db.namespace": self._name,
            "db.operation.name": operation,
        }
        with telemetry.span(f"postgresql {operation}", attributes, SpanKind.CLIENT):
            try:
                connection = await self._living_connection()
                try:
                    yield connection
                finally:
                    await self._pool.putconn(connection)
            except _AWAY as error:
                _log.warning(
                    "database_unavailable",
                    operation=operation,
                    error_type=type(error).__name__,
                )
                raise DependencyUnavailable from None
            except psycopg.IntegrityError as error:
                raise ConstraintViolated(error.diag.constraint_name or "") from None
            except psycopg.Error as error:
                _log.error("statement_failed", operation=operation, sqlstate=error.sqlstate)
                raise StatementFailed(error.sqlstate) from None

    async def _living_connection(self) -> AsyncConnection:
        """One that did not die while it idled; the dead are closed, so that the pool replaces them.

        The pool's own check waits a second after each dead one it meets, which is longer than our callers do.
        """
        while True:
            connection = await self._pool.getconn(timeout=_CONNECTION_WAIT_SECONDS)
            if _is_alive(connection):
                return connection
            await connection.close()
            await self._pool.putconn(connection)


async def fetch_all(
    connection: AsyncConnection,
    row_type: type[Row],
    statement: LiteralString,
    parameters: Parameters = None,
) -> list[Row]:
    """The rows of a statement within a transaction, as `row_type`."""
    async with connection.cursor(row_factory=class_row(row_type)) as cursor:
        await cursor.execute(statement, parameters)
        return await cursor.fetchall()


async def fetch_one(
    connection: AsyncConnection,
    row_type: type[Row],
    statement: LiteralString,
    parameters: Parameters = None,
) -> Row | None:
    """The only row of a statement within a transaction, or None."""
    rows = await fetch_all(connection, row_type, statement, parameters)
    return rows[0] if rows else None


@asynccontextmanager
async def open_database(settings: DatabaseSettings) -> AsyncIterator[Database]:
    """Opens the pool; a server that is away at the start is no error, its calls answer UNAVAILABLE."""
    pool = AsyncConnectionPool(
        kwargs={
            **connection_parameters(settings),
            "autocommit": True,
            "options": _SESSION_OPTIONS,
        },
        min_size=min(2, settings.pool_max_size),
        max_size=settings.pool_max_size,
        open=False,
        reconnect_timeout=2.0,
    )
    await pool.open(wait=False)
    try:
        yield Database(pool, settings.name)
    finally:
        await pool.close(timeout=2.0)


async def require_schema(database: Database, version: str) -> None:
    """Raises ConfigError, naming the remedy, when the database lacks the migration `version`."""
    found = await database.fetch_one(
        "require_schema",
        _SchemaVersion,
        "SELECT max(version) AS version FROM public.schema_migrations",
    )
    if found is None or found.version is None or found.version < version:
        raise ConfigError(
            f"the database lacks migration {version}; run: python -m services.kit.migrate --help"
        )


def connection_parameters(settings: DatabaseSettings) -> dict[str, Any]:
    """What psycopg needs to connect."""
    return {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.name,
        "user": settings.user,
        "password": read_secret(settings.password_file),
        "sslmode": settings.sslmode,
        "connect_timeout": 2,
    }


class _SchemaVersion:
    def __init__(self, version: str | None) -> None:
        self.version = version


def _is_alive(connection: AsyncConnection) -> bool:
    # On an idle connection the server says nothing but farewell. Asking the socket saves a round trip.
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    return not poll.poll(0)
