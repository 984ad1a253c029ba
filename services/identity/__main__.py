"""Runs the identity server: `python -m services.identity --config FILE`."""

from services.identity.access import ACCESS
from services.identity.composition import open_identity
from services.identity.config import IdentitySettings
from services.identity.serving import serve_identity
from services.kit.clock import SystemClock
from services.kit.database import require_schema
from services.kit.periodic import periodic
from services.kit.server import Server, main


async def compose(settings: IdentitySettings, server: Server) -> None:
    """The use cases → their handlers, and what identity does by itself."""
    parts = await server.enter(open_identity(settings, SystemClock()))
    await require_schema(parts.database, "0008")
    serve_identity(server, parts)
    await server.enter(periodic(parts.housekeeping.run, settings.housekeeping.every_seconds, "housekeeping"))


if __name__ == "__main__":
    main("identity", IdentitySettings, ACCESS, compose)
