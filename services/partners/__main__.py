"""Runs partners: `python -m services.partners --config FILE`."""

from functools import partial

from services.kit.clock import SystemClock
from services.kit.database import require_schema
from services.kit.periodic import attempt_each, periodic
from services.kit.server import Server, main
from services.partners.access import ACCESS
from services.partners.composition import open_registry
from services.partners.config import PartnersSettings
from services.partners.serving import serve_registry


async def compose(settings: PartnersSettings, server: Server) -> None:
    """The use cases → their handlers, and what the register does by itself."""
    registry = await server.enter(open_registry(settings, SystemClock()))
    await require_schema(registry.database, "0003")
    serve_registry(server, registry)
    every = settings.propagation.every_seconds
    await server.enter(periodic(registry.propagator.run, every, "propagation"))
    housekeeping = partial(
        attempt_each, {"end_habilitations": registry.ending.run, "remind": registry.reminders.run}
    )
    await server.enter(periodic(housekeeping, settings.housekeeping.every_seconds, "housekeeping"))


if __name__ == "__main__":
    main("partners", PartnersSettings, ACCESS, compose)
