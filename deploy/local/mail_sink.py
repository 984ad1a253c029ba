"""A mail server that delivers nothing: it keeps each message as a file, for people to look at.

`python -m deploy.local.mail_sink --config FILE`. It listens on this machine only, and asks for no password.
"""

import argparse
import asyncio
import secrets
import signal
import sys
from pathlib import Path

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.layout import write_private
from deploy.local.settings import HOST, Port
from services.kit import logs
from services.kit.clock import Clock, SystemClock
from services.kit.config import ConfigError, Section, load

_log = structlog.get_logger()


class MailSinkSettings(Section):
    """Where it listens, and the folder that it fills."""

    port: Port
    folder: Path


class Folder:
    """Keeps every message as an .eml file of its own; the names sort by time."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """Keeps a message before it is said to be taken; it is private, for it holds addresses."""
        name = f"{self._clock.now():%Y-%m-%dT%H-%M-%S-%f}-{secrets.token_hex(4)}.eml"
        write_private(self._path / name, envelope.original_content or b"")
        _log.info("message_kept")
        return "250 Kept, not delivered"

    async def handle_exception(self, error: Exception) -> str:
        """What a client is told when a message cannot be kept: to try again."""
        _log.error("message_not_kept", error_type=type(error).__name__)
        return "451 Not kept"


async def serve(settings: MailSinkSettings, clock: Clock) -> None:
    """Serves until SIGTERM or Ctrl-C.

    Raises:
        ConfigError: the port is in use, or the folder cannot be made.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    folder = Folder(settings.folder, clock)
    try:
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = await loop.create_server(lambda: SMTP(folder, hostname=HOST, loop=loop), HOST, settings.port)
    except OSError as error:
        raise ConfigError(
            f"cannot use port {settings.port} and {settings.folder}: {error.strerror}"
        ) from None
    _log.info("server_started", address=f"{HOST}:{settings.port}")
    await stop.wait()
    server.close()
    _log.info("server_stopped")


def main() -> None:
    """Serves; exits with the remedy on bad configuration."""
    parser = argparse.ArgumentParser(
        prog="mail_sink", description="Keeps mail as files instead of sending it."
    )
    parser.add_argument("--config", type=Path, required=True, help="TOML configuration file")
    path = parser.parse_args().config
    try:
        settings = load(MailSinkSettings, path, "QF_MAIL_")
        logs.configure("mail")
        asyncio.run(serve(settings, SystemClock()))
    except ConfigError as error:
        sys.exit(f"mail_sink: {error}")


if __name__ == "__main__":
    main()
