"""A `qf` whose services answer what a test wrote down, and the records that it reads."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
from google.protobuf.message import Message

from cli.application import GlobalOptions, Qf
from cli.connection import LettersSettings
from msa.identity.v1 import account_service_pb2 as account_pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.kit.messages import to_date, to_timestamp
from tests.unit.cli.letter_samples import CAISSE, DENUNCIATION, HABILITATION, LOGIN, RECORD_ID, SUSPENSION

SETTINGS = {
    "21": LettersSettings(
        address=CAISSE.address_lines,
        city=CAISSE.city,
        director_name=CAISSE.director_name,
        director_function=CAISSE.director_function,
        contact=CAISSE.contact,
    )
}


class FakeService:
    """A service: one reply for each kind of request, and what was asked."""

    def __init__(self, channel: grpc.Channel, replies: Mapping[type[Message], Message]) -> None:
        self.channel = channel
        self.replies = dict(replies)
        self.requests: list[Message] = []

    def call(self, method: object, request: Message) -> Message:
        """The reply to `request`."""
        self.requests.append(request)
        return self.replies[type(request)]


@contextmanager
def fake_qf(
    replies: Mapping[type[Message], Message] | None = None,
    settings: Mapping[str, LettersSettings] | None = None,
) -> Iterator[Qf]:
    """A Qf that reads the records below, or `replies` in their place."""
    qf = Qf("qf letter", GlobalOptions(Path("qf.toml"), as_json=True, agent=None), ExitStack())
    # Never connected: the fakes answer.
    with grpc.insecure_channel("127.0.0.1:1") as channel:
        service = FakeService(channel, {**REPLIES, **(replies or {})})
        given: dict[str, Any] = vars(qf)
        given["services"] = SimpleNamespace(partners=service, identity=service)
        given["settings"] = SimpleNamespace(letters=SETTINGS if settings is None else settings)
        yield qf


def instant(day: int) -> datetime:
    """Late in the evening in UTC, in February 2027: the next day in Paris."""
    return datetime(2027, 2, day - 1, 23, 30, tzinfo=UTC)


def suspension(kind: habilitation_pb.SuspensionKind.ValueType) -> habilitation_pb.Suspension:
    """A suspension since 27 February 2027."""
    return habilitation_pb.Suspension(
        kind=kind, suspension_reason=SUSPENSION.reason, suspend_time=to_timestamp(instant(27))
    )


def partner() -> partner_pb.Partner:
    """The partner of the samples."""
    return partner_pb.Partner(
        partner_id=RECORD_ID,
        caisse_code="21",
        numero_tiers="T-0042",
        denomination="Mairie de Montfaucelle",
        profile=partner_pb.PartnerProfile(
            representative="Odette Bellavoine", representative_function="Maire"
        ),
        seat=partner_pb.Seat(street="3 place du Marché", postal_code="21998", commune="Montfaucelle"),
    )


def habilitation() -> habilitation_pb.Habilitation:
    """The habilitation of the samples."""
    return habilitation_pb.Habilitation(
        habilitation_id=RECORD_ID,
        caisse_code="21",
        partner_id=RECORD_ID,
        user=habilitation_pb.User(nom="Lardivel", prenom="Jean-Marc", email="jm@montfaucelle.example"),
        bouquet=habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL,
        state=habilitation_pb.HABILITATION_STATE_LIVE,
        create_time=to_timestamp(instant(26)),
        lapse_date=to_date(HABILITATION.lapse_date),
    )


def convention() -> convention_pb.Convention:
    """The convention of the samples, denounced by the partner in time."""
    denunciation = convention_pb.Denunciation(
        party=convention_pb.PARTY_PARTNER,
        receipt_date=to_date(DENUNCIATION.receipt_date),
        letter_reference=DENUNCIATION.registered_letter,
    )
    return convention_pb.Convention(
        convention_id=RECORD_ID,
        partner_id=RECORD_ID,
        caisse_code="21",
        state=convention_pb.CONVENTION_STATE_IN_FORCE,
        signature_date=to_date(DENUNCIATION.signature_date),
        end_date=to_date(DENUNCIATION.end_date),
        secrecy_end_date=to_date(DENUNCIATION.secrecy_end_date),
        facts=[convention_pb.ConventionFact(fact_id="first", denunciation=denunciation)],
    )


REPLIES: Mapping[type[Message], Message] = {
    partner_pb.ListCaissesRequest: partner_pb.ListCaissesResponse(
        caisses=[
            partner_pb.Caisse(caisse_code="20", name="MSA Corse"),
            partner_pb.Caisse(caisse_code="21", name="MSA Bourgogne"),
        ]
    ),
    partner_pb.GetPartnerRequest: partner_pb.GetPartnerResponse(partner=partner()),
    habilitation_pb.GetHabilitationRequest: habilitation_pb.GetHabilitationResponse(
        habilitation=habilitation()
    ),
    convention_pb.GetConventionRequest: convention_pb.GetConventionResponse(convention=convention()),
    account_pb.GetAccountRequest: account_pb.GetAccountResponse(account=account_pb.Account(login=LOGIN)),
}
