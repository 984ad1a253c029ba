"""One agent who may consult as often as it likes, and what it asks."""

import json
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console

from bench.h2load import Target
from tests.caisse import Caisse
from tests.portal import PURPOSE, Portal, bearer
from tests.stack import Stack, empty_stack

UNLIMITED = tuple(
    f"identity.sessions.{scope}calls_per_minute=1000000000" for scope in ("", "partner_", "address_")
)


def unlimited_stack(console: Console, *settings: str) -> AbstractContextManager[Stack]:
    """A stack of its own on free ports, without demo data, in which nobody calls too often; with further settings."""
    console.print("Starting a stack …")
    return empty_stack(settings=(*UNLIMITED, *settings))


async def consultation(stack: Stack) -> Target:
    """A habilitated agent's consultation of a published dossier, as JSON through the gateway."""
    channels = [stack.channel(name) for name in ("identity", "partners", "quotient")]
    portal = Portal(stack.gateway_url, Path(stack.ca_file))
    caisse = Caisse(*channels)
    await caisse.never_suspend_for_use()
    nir = await caisse.publish()
    token = await portal.open_session(await caisse.habilitate())
    await portal.aclose()
    for channel in channels:
        await channel.close()
    return Target(
        name="consultation",
        url=f"{stack.gateway_url}/v1/quotients:consult",
        headers=bearer(token) | {"content-type": "application/json"},
        body=json.dumps({"nir": nir, "purpose": PURPOSE}).encode(),
    )
