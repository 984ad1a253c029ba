"""A caisse agent at work: builds a test's state through the services' own API, as `qf` does (art. 4-1)."""

import secrets
from dataclasses import dataclass
from datetime import date

import grpc
from google.type.date_pb2 import Date

from deploy.local.caisse import Caisse as LocalCaisse
from msa.identity.v1 import account_service_pb2 as account_pb
from msa.identity.v1 import use_service_pb2 as use_pb
from msa.identity.v1.account_service_pb2_grpc import AccountServiceStub
from msa.identity.v1.security_event_service_pb2_grpc import SecurityEventServiceStub
from msa.identity.v1.use_service_pb2_grpc import UseServiceStub
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.partners.v1.caisse_settings_service_pb2_grpc import CaisseSettingsServiceStub
from msa.partners.v1.convention_service_pb2_grpc import ConventionServiceStub
from msa.partners.v1.habilitation_service_pb2_grpc import HabilitationServiceStub
from msa.partners.v1.partner_service_pb2_grpc import PartnerServiceStub
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceStub
from msa.quotient.v1.dossier_service_pb2_grpc import DossierServiceStub
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceStub
from services.kit.messages import to_date
from tests.people import new_nir

BOURGOGNE = "21"
ELSEWHERE = "12"
AMOUNT_CENTS = 61234
SIGNATURE_DATE = Date(year=2025, month=1, day=15)
PROFILE = partner_pb.PartnerProfile(representative="Aubin Verlaine", representative_function="Maire")
SIGNED_FORM = habilitation_pb.SignedForm(
    signatory_name="Aubin Verlaine",
    signature_place="Vallombreuse",
    signature_date=SIGNATURE_DATE,
    scan_sha256="5f" * 32,
    scan_reference="GED-1",
)


@dataclass(frozen=True)
class User:
    """A habilitated user, as the notification of habilitation tells him (art. 4-2)."""

    login: str
    temporary_password: str
    account_id: str
    habilitation_id: str
    partner_id: str
    convention_id: str
    caisse_code: str


class Caisse:
    """Registers, publishes, records; every call is a real one over mutual TLS."""

    def __init__(
        self, identity: grpc.aio.Channel, partners: grpc.aio.Channel, quotient: grpc.aio.Channel
    ) -> None:
        self._local = LocalCaisse(identity, partners, quotient)
        self.accounts = AccountServiceStub(identity)
        self.events = SecurityEventServiceStub(identity)
        self.use = UseServiceStub(identity)
        self.partners = PartnerServiceStub(partners)
        self.conventions = ConventionServiceStub(partners)
        self.habilitations = HabilitationServiceStub(partners)
        self.settings = CaisseSettingsServiceStub(partners)
        self.dossiers = DossierServiceStub(quotient)
        self.oppositions = OppositionServiceStub(quotient)
        self.disclosures = DisclosureServiceStub(quotient)

    async def habilitate(self, caisse_code: str = BOURGOGNE) -> User:
        """A new partner with a convention in force and one user."""
        return await self.register_user(await self.convention(caisse_code))

    async def convention(self, caisse_code: str = BOURGOGNE) -> convention_pb.Convention:
        """A convention in force of a new partner."""
        await self._local.ensure_agent(caisse_code)
        partner = await self.partners.RegisterPartner(
            partner_pb.RegisterPartnerRequest(
                caisse_code=caisse_code,
                numero_tiers=f"T{secrets.randbelow(10**12):012}",
                denomination="Mairie de Vallombreuse",
                profile=PROFILE,
            )
        )
        partner_id = partner.partner.partner_id
        convention = await self.conventions.RegisterConvention(
            convention_pb.RegisterConventionRequest(
                partner_id=partner_id,
                caisse_code=caisse_code,
                signature_date=SIGNATURE_DATE,
                cnil_declaration_date=SIGNATURE_DATE,
            )
        )
        return convention.convention

    async def register_user(
        self,
        convention: convention_pb.Convention,
        bouquet: habilitation_pb.Bouquet.ValueType = habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL,
        nom: str = "Pâquerette",
    ) -> User:
        """Another user under a convention."""
        number = secrets.token_hex(4)
        registered = await self.habilitations.RegisterHabilitation(
            habilitation_pb.RegisterHabilitationRequest(
                convention_id=convention.convention_id,
                user=habilitation_pb.User(nom=nom, prenom="Zoé", email=f"zoe.{number}@vallombreuse.example"),
                bouquet=bouquet,
                form=SIGNED_FORM,
            )
        )
        habilitation_id = registered.habilitation.habilitation_id
        created = await self.accounts.CreateAccount(
            account_pb.CreateAccountRequest(
                habilitation_id=habilitation_id,
                partner_id=convention.partner_id,
                caisse_code=convention.caisse_code,
                personal_words=[nom, "Zoé"],
            )
        )
        return User(
            login=created.account.login,
            temporary_password=created.temporary_password,
            account_id=created.account.account_id,
            habilitation_id=habilitation_id,
            partner_id=convention.partner_id,
            convention_id=convention.convention_id,
            caisse_code=convention.caisse_code,
        )

    async def publish(
        self,
        nir: str | None = None,
        caisse_code: str = BOURGOGNE,
        amount_cents: int | None = AMOUNT_CENTS,
        nom: str = "Mirabelle",
        valid_from: date = date(2026, 1, 1),
        numero_dossier: str | None = None,
        closed_from: date | None = None,
    ) -> str:
        """Publishes a dossier, with a QF unless `amount_cents` is None, closed or open; returns its NIR."""
        nir = nir or new_nir()
        record = dossier_pb.DossierRecord(
            caisse_code=caisse_code,
            numero_dossier=numero_dossier or f"D{nir[-10:]}",
            nir=nir,
            coordonnees=dossier_pb.Coordonnees(
                allocataires=[dossier_pb.Allocataire(nom_naissance=nom, prenoms="Capucine")],
                destinataire=f"Madame Capucine {nom}",
                numero_libelle_voie="3 chemin des Orties",
                code_postal_ville="21999 VALLOMBREUSE",
                pays="FRANCE",
            ),
            closed_from=to_date(closed_from),
        )
        if amount_cents is not None:
            record.quotient_period.valid_from.CopyFrom(to_date(valid_from))
            record.quotient_period.amount_cents = amount_cents
        call = self.dossiers.PublishDossiers(iter([dossier_pb.PublishDossiersRequest(records=[record])]))
        results = [result async for response in call for result in response.results]
        assert [result.rule for result in results] == [""]
        return nir

    async def oppose(self, nir: str, caisse_code: str = BOURGOGNE, partner_id: str = "") -> None:
        """Records an opposition; returns when it is acknowledged."""
        scope = opposition_pb.OppositionScope(caisse_code=caisse_code, partner_id=partner_id)
        await self.oppositions.RecordOpposition(
            opposition_pb.RecordOppositionRequest(
                nir=nir, scope=scope, channel=opposition_pb.OPPOSITION_CHANNEL_LETTER
            )
        )

    async def never_suspend_for_use(self, caisse_code: str = BOURGOGNE) -> None:
        """A load that nobody makes in earnest suspends nobody (art. 7-2)."""
        policy = use_pb.UsePolicy(caisse_code=caisse_code, notice_score=100, suspension_score=101)
        await self.use.SetUsePolicy(use_pb.SetUsePolicyRequest(policy=policy))

    async def suspend(self, partner_id: str) -> None:
        """Suspends a partner (art. 7-2); returns when it is acknowledged."""
        await self.partners.SuspendPartner(
            partner_pb.SuspendPartnerRequest(partner_id=partner_id, suspension_reason="suspicion d'abus")
        )

    async def journal(self, nir: str, caisse_code: str = BOURGOGNE) -> list[disclosure_pb.Disclosure]:
        """A person's lines of the journal, newest first."""
        reply = await self.disclosures.ListDisclosures(
            disclosure_pb.ListDisclosuresRequest(caisse_code=caisse_code, nir=nir, page_size=500)
        )
        return list(reply.disclosures)
