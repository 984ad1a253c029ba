"""The policy service behind the edge: `python -m gateway --config FILE`."""

from gateway.composition import face, public_services
from gateway.config import GatewaySettings
from gateway.use.reporter import UseReporter
from services.kit.client import open_upstream
from services.kit.clock import SystemClock
from services.kit.server import Server, main


async def compose(settings: GatewaySettings, server: Server) -> None:
    """Opens the way to the three services, and serves."""
    upstreams = [await server.enter(open_upstream(name, at, settings.tls)) for name, at in settings.services]
    identity, partners, quotient = upstreams
    use = UseReporter(identity)
    await server.enter(use.reporting())
    for add, handler, name in public_services(settings, SystemClock(), identity, partners, quotient, use):
        server.serve(add, handler, f"msa.gateway.v1.{name}")


if __name__ == "__main__":
    main("gateway", GatewaySettings, {}, compose, face())
