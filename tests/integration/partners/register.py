"""The use cases on a real database, and what every test needs first: an invented partner with its convention."""

import secrets
from datetime import date

from services.kit.clock import Clock
from services.kit.database import Database
from services.partners.caisses import load_caisses
from services.partners.conventions.domain import Convention
from services.partners.conventions.service import ConventionService
from services.partners.conventions.store import ConventionStore
from services.partners.habilitations.domain import AuthorizationQuery, Bouquet, Decision, Habilitation, User
from services.partners.habilitations.service import HabilitationService
from services.partners.habilitations.store import HabilitationStore
from services.partners.partners.domain import Partner
from services.partners.partners.service import PartnerService
from services.partners.partners.store import PartnerStore

SIGNED = date(2025, 3, 10)


def new_numero_tiers() -> str:
    return f"T{secrets.randbelow(10**12):012}"


def new_user() -> User:
    return User(nom="Pâquerette", prenom="Zoé", email=f"zoe.{secrets.token_hex(6)}@vallombreuse.example")


class Register:
    """Composed as the server is, with another clock."""

    def __init__(self, database: Database, clock: Clock) -> None:
        stores = PartnerStore(database), ConventionStore(database), HabilitationStore(database)
        self.partners = PartnerService(stores[0], load_caisses(), clock)
        self.conventions = ConventionService(stores[1], stores[0], clock)
        self.habilitations = HabilitationService(stores[2], stores[1], clock)

    async def partner(self, caisse_code: str = "21") -> Partner:
        """A new partner."""
        return await self.partners.register(caisse_code, new_numero_tiers(), "Mairie de Vallombreuse")

    async def convention(self, signature_date: date = SIGNED, cnil: date | None = SIGNED) -> Convention:
        """A convention of a new partner."""
        partner = await self.partner()
        view = await self.conventions.register(partner.partner_id, partner.caisse_code, signature_date, cnil)
        return view.convention

    async def habilitation(self, convention: Convention) -> Habilitation:
        """A new user under a convention."""
        return await self.habilitations.register(
            convention.convention_id, new_user(), Bouquet.QUOTIENT_FAMILIAL
        )

    async def decision(self, habilitation: Habilitation) -> Decision:
        """What Authorize says of it now."""
        query = AuthorizationQuery(habilitation.habilitation_id, Bouquet.QUOTIENT_FAMILIAL)
        (authorization,) = await self.habilitations.authorize([query])
        return authorization.decision
