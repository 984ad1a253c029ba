"""Runs the mailer: `python -m services.mailer --config FILE`."""

from services.kit.clock import SystemClock
from services.kit.server import Server, main
from services.mailer.access import ACCESS
from services.mailer.composition import open_deliveries
from services.mailer.config import MailerSettings
from services.mailer.rounds import rounds


async def compose(settings: MailerSettings, server: Server) -> None:
    """The deliveries, each repeated by itself; the server itself answers for its health only."""
    deliveries = await server.enter(open_deliveries(settings, SystemClock()))
    pauses = settings.delivery.pauses
    await server.enter(rounds(deliveries.reminders.deliver_waiting, pauses, "deliver reminders"))
    await server.enter(rounds(deliveries.warnings.deliver_waiting, pauses, "deliver warnings"))


if __name__ == "__main__":
    main("mailer", MailerSettings, ACCESS, compose)
