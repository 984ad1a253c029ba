"""Starts the trace desk: `python -m deploy.trace_desk --config FILE`."""

import argparse
import os
import sys
from pathlib import Path

import uvloop

from deploy.trace_desk.server import serve
from deploy.trace_desk.settings import ENV_PREFIX, TraceDeskSettings
from services.kit import logs
from services.kit.config import ConfigError, load

_NICENESS = 10


def main() -> None:
    """Serves until SIGTERM or Ctrl-C; exits with the remedy on bad configuration."""
    parser = argparse.ArgumentParser(
        prog="trace_desk", description="Receives traces over OTLP and shows them."
    )
    parser.add_argument("--config", type=Path, required=True, help="TOML configuration file")
    path = parser.parse_args().config
    try:
        settings = load(TraceDeskSettings, path, ENV_PREFIX)
        # On one machine with what it watches, it gives way.
        os.nice(_NICENESS)
        logs.configure("trace_desk")
        uvloop.run(serve(settings))
    except ConfigError as error:
        sys.exit(f"trace_desk: {error}")


if __name__ == "__main__":
    main()
