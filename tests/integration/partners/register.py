"""The use cases on a real database, and what every test needs first: an invented partner with its convention."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from uuid import UUID

from deploy.local.people import AGENT_NAME, DIRECTOR_NAME
from services.kit.clock import Clock
from services.kit.database import Database
from services.kit.errors import DependencyUnavailable, RecordAlreadyExists
from services.partners.agents.domain import AgentIdentity, AgentNotHabilitated, Caller
from services.partners.composition import compose_registry
from services.partners.conventions.domain import Convention
from services.partners.conventions.facts import Fact
from services.partners.conventions.records import ConventionView
from services.partners.habilitations.domain import (
    Authorization,
    AuthorizationQuery,
    Bouquet,
    Decision,
    Habilitation,
    OnlineService,
    User,
)
from services.partners.partners.domain import Partner, PartnerProfile
from services.partners.requests.service import SignedForm
from services.partners.suspensions.domain import SuspensionKind, suspension_order

SIGNED = date(2025, 3, 10)
SYSTEM = frozenset({"qf.qf.internal"})
AGENT = Caller(SYSTEM, AGENT_NAME)
DIRECTOR = Caller(SYSTEM, DIRECTOR_NAME)
PROFILE = PartnerProfile(representative="Aubin Verlaine", representative_function="Maire")
SIGNED_FORM = SignedForm("Aubin Verlaine", "Vallombreuse", SIGNED, "5f" * 32, "GED-1")


def new_numero_tiers() -> str:
    return f"T{secrets.randbelow(10**12):012}"


def new_user() -> User:
    return User(nom="Pâquerette", prenom="Zoé", email=f"zoe.{secrets.token_hex(6)}@vallombreuse.example")


class FakeIdentity:
    """Stands in for identity: notes what it is told, and can be away."""

    def __init__(self) -> None:
        self.told: list[tuple[str, UUID]] = []
        self.away = False

    async def end_partner_sessions(self, partner_id: UUID) -> None:
        self._note("end_partner_sessions", partner_id)

    async def end_user_sessions(self, habilitation_id: UUID) -> None:
        self._note("end_user_sessions", habilitation_id)

    async def disable_account(self, habilitation_id: UUID) -> None:
        self._note("disable_account", habilitation_id)

    def _note(self, what: str, subject_id: UUID) -> None:
        if self.away:
            raise DependencyUnavailable
        self.told.append((what, subject_id))


class Register:
    """Composed as the server is, with another clock, and with an identity that only notes what it is told."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.identity = FakeIdentity()
        registry = compose_registry(database, self.identity, clock, ("*.agents.qf.internal",))
        self.registry = registry
        self.agents = registry.agents
        self.partners = registry.partners
        self.conventions = registry.conventions
        self.requests = registry.requests
        self.habilitations = registry.habilitations
        self.history = registry.history
        self.caisse_settings = registry.caisse_settings

    async def ensure_agent(self, caisse_code: str = "21") -> None:
        """A director in office, and the agent whom she habilitated (art. 4-1)."""
        agent = AgentIdentity(AGENT_NAME, "Delacombe", "Odile")
        with suppress(RecordAlreadyExists):
            try:
                await self.agents.habilitate(DIRECTOR, caisse_code, agent, "inscription")
            except AgentNotHabilitated:
                director = AgentIdentity(DIRECTOR_NAME, "Hautecombe", "Blanche")
                await self.agents.appoint_director(
                    Caller(SYSTEM), caisse_code, director, "prise de fonctions"
                )
                await self.agents.habilitate(DIRECTOR, caisse_code, agent, "inscription")

    async def partner(self, caisse_code: str = "21") -> Partner:
        """A new partner."""
        await self.ensure_agent(caisse_code)
        return await self.partners.register(
            AGENT, caisse_code, new_numero_tiers(), "Mairie de Vallombreuse", PROFILE
        )

    async def convention(
        self, signature_date: date = SIGNED, cnil: date | None = SIGNED, caisse_code: str = "21"
    ) -> Convention:
        """A convention of a new partner."""
        partner = await self.partner(caisse_code)
        view = await self.conventions.register(
            AGENT, partner.partner_id, partner.caisse_code, signature_date, cnil
        )
        return view.convention

    async def record(self, convention: Convention, *facts: Fact) -> ConventionView:
        """Records facts one after the other; the convention after the last."""
        for fact in facts:
            view, _ = await self.conventions.record_fact(AGENT, convention.convention_id, fact)
        return view

    async def habilitation(
        self, convention: Convention, user: User | None = None, bouquet: Bouquet = Bouquet.QUOTIENT_FAMILIAL
    ) -> Habilitation:
        """A new user under a convention."""
        return await self.requests.register(
            AGENT, convention.convention_id, user or new_user(), bouquet, SIGNED_FORM
        )

    async def suspend(self, partner_id: UUID, reason: str = "soupçon", until: date | None = None) -> Partner:
        """Suspends a partner for a time."""
        order = suspension_order(SuspensionKind.TEMPORARY, reason, until)
        partner, _ = await self.partners.suspend(AGENT, partner_id, order)
        return partner

    async def authorization(
        self, habilitation: Habilitation, service: OnlineService = OnlineService.QUOTIENT_CONSULTATION
    ) -> Authorization:
        """What Authorize says of it now, with what its caisse decided."""
        query = AuthorizationQuery(habilitation.habilitation_id, service)
        (authorization,) = await self.habilitations.authorize([query])
        return authorization

    async def decision(self, habilitation: Habilitation) -> Decision:
        """What Authorize says of it now."""
        (decision,) = await self.decisions([habilitation.habilitation_id])
        return decision

    async def decisions(self, habilitation_ids: Sequence[UUID]) -> list[Decision]:
        """What Authorize says of each now."""
        service = OnlineService.QUOTIENT_CONSULTATION
        queries = [AuthorizationQuery(habilitation_id, service) for habilitation_id in habilitation_ids]
        return [one.decision for one in await self.habilitations.authorize(queries)]
