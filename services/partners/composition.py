"""How the register's parts fit together: stores → acts → use cases. Used by the server and by its tests."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.kit.client import open_upstream
from services.kit.clock import Clock
from services.kit.database import Database, open_database
from services.partners.acts import Acts
from services.partners.agents.service import AgentService
from services.partners.agents.store import AgentStore
from services.partners.caisse_settings.service import CaisseSettingsService
from services.partners.caisse_settings.store import CaisseSettingsStore
from services.partners.caisses import Caisses, load_caisses
from services.partners.config import PartnersSettings
from services.partners.conventions.service import ConventionService
from services.partners.conventions.store import ConventionStore
from services.partners.deadlines.reading import DeadlineReader
from services.partners.deadlines.service import DeadlineService
from services.partners.deadlines.store import DeadlineStore
from services.partners.habilitations.ending import EndingService
from services.partners.habilitations.granting import Granting
from services.partners.habilitations.service import HabilitationService
from services.partners.habilitations.store import HabilitationStore
from services.partners.history.service import HistoryService
from services.partners.history.store import EventStore
from services.partners.outbox.reminders import Reminders
from services.partners.outbox.service import OutboxService
from services.partners.outbox.store import OutboxStore
from services.partners.partners.service import PartnerService
from services.partners.partners.store import PartnerStore
from services.partners.propagation.client import IdentityClient
from services.partners.propagation.service import Identity, Propagator
from services.partners.propagation.store import PropagationStore
from services.partners.requests.service import RequestService
from services.partners.requests.store import RequestStore
from services.partners.suspensions.service import PARTNERS, USERS, SuspensionService
from services.partners.suspensions.store import OF_PARTNERS, OF_USERS, SuspensionStore


@dataclass(frozen=True)
class Registry:
    """The use cases, and what they stand on."""

    database: Database
    caisses: Caisses
    agents: AgentService
    caisse_settings: CaisseSettingsService
    partners: PartnerService
    conventions: ConventionService
    requests: RequestService
    habilitations: HabilitationService
    history: HistoryService
    deadlines: DeadlineService
    outbox: OutboxService
    reminders: Reminders
    propagator: Propagator
    ending: EndingService


@asynccontextmanager
async def open_registry(settings: PartnersSettings, clock: Clock) -> AsyncIterator[Registry]:
    """Opens the stores and puts the use cases together; all of it is closed at the end."""
    async with (
        open_database(settings.database) as database,
        open_upstream("identity", settings.services.identity, settings.tls) as upstream,
    ):
        agent_certificates = settings.clients.get("agents", ())
        yield compose_registry(database, IdentityClient(upstream), clock, agent_certificates)


def compose_registry(
    database: Database, identity: Identity, clock: Clock, agent_certificates: Collection[str]
) -> Registry:
    """The use cases on an open database; `agent_certificates` are the names that agents' own certificates bear."""
    caisses, agents, events = load_caisses(), AgentStore(database), EventStore(database)
    partners, conventions = PartnerStore(database), ConventionStore(database)
    habilitations = HabilitationStore(database)
    acts = Acts(database, agents, events, clock, agent_certificates)
    propagator = Propagator(PropagationStore(database), identity, clock)
    granting = Granting(habilitations, propagator)
    reader, outbox = DeadlineReader(conventions, DeadlineStore(database)), OutboxStore(database)
    of_partners = SuspensionService(SuspensionStore(OF_PARTNERS), acts, propagator, PARTNERS)
    of_users = SuspensionService(SuspensionStore(OF_USERS), acts, propagator, USERS)
    return Registry(
        database=database,
        caisses=caisses,
        agents=AgentService(agents, acts, caisses),
        caisse_settings=CaisseSettingsService(CaisseSettingsStore(database), acts, caisses, clock),
        partners=PartnerService(
            partners=partners, suspensions=of_partners, acts=acts, caisses=caisses, clock=clock
        ),
        conventions=ConventionService(
            conventions=conventions,
            partners=partners,
            acts=acts,
            propagator=propagator,
            caisses=caisses,
            clock=clock,
        ),
        requests=RequestService(
            requests=RequestStore(database),
            conventions=conventions,
            partners=partners,
            habilitations=habilitations,
            granting=granting,
            acts=acts,
            propagator=propagator,
            caisses=caisses,
        ),
        habilitations=HabilitationService(
            habilitations=habilitations,
            conventions=conventions,
            suspensions=of_users,
            granting=granting,
            acts=acts,
            propagator=propagator,
            clock=clock,
        ),
        history=HistoryService(events, acts, caisses),
        deadlines=DeadlineService(reader, acts, caisses, clock),
        outbox=OutboxService(outbox, reader, clock),
        reminders=Reminders(outbox, reader, caisses, clock),
        propagator=propagator,
        ending=EndingService(habilitations, granting, acts, propagator, clock),
    )
