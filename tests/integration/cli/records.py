"""Records as the services would show them, of invented people."""

import json
from datetime import date
from typing import Any

from google.type.date_pb2 import Date

from msa.identity.v1 import account_service_pb2 as identity_pb
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb

USER = {"nom": "GARMELIN", "prenom": "Agathe", "email": "agathe.garmelin@valbrune.example"}
SIGNED_FORM = {
    "signatory_name": "Baptiste ORVEILLAC",
    "signature_place": "Valbrune",
    "signature_date": "2027-01-11",
    "scan_reference": "GED-2027-31",
}
PASSWORD = "Xy7-temporary-password"
ACCOUNT = identity_pb.Account(account_id="acc-1", habilitation_id="hab-1", login="21-GARM")
HABILITATION = habilitation_pb.Habilitation(
    habilitation_id="hab-1",
    partner_id="par-1",
    caisse_code="21",
    user=habilitation_pb.User(**USER),
    bouquet=habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL,
    state=habilitation_pb.HABILITATION_STATE_LIVE,
    lapse_date=Date(year=2028, month=3, day=1),
)
PARTNER = partner_pb.Partner(
    partner_id="par-1",
    caisse_code="21",
    numero_tiers="T-0042",
    denomination="Mairie de Valbrune",
    profile=partner_pb.PartnerProfile(
        representative="Baptiste ORVEILLAC",
        representative_function="Maire",
        structure_kind=partner_pb.STRUCTURE_KIND_COMMUNE,
        departments=["21"],
    ),
    etag="partner-7",
)


def day(text: str) -> Date:
    """A day as protobuf writes it."""
    value = date.fromisoformat(text)
    return Date(year=value.year, month=value.month, day=value.day)


def convention(**changes: Any) -> convention_pb.Convention:
    """One in force, signed on 1 June 2026, with its next term a year later."""
    values: dict[str, Any] = {
        "convention_id": "con-1",
        "partner_id": "par-1",
        "caisse_code": "21",
        "state": convention_pb.CONVENTION_STATE_IN_FORCE,
        "signature_date": day("2026-06-01"),
        "cnil_declaration_date": day("2026-05-20"),
        "term_date": day("2027-06-01"),
        "last_denunciation_date": day("2027-03-01"),
        "etag": "convention-4",
    }
    return convention_pb.Convention(**{**values, **changes})


def account_made(_: Any) -> identity_pb.CreateAccountResponse:
    """The answer to CreateAccount."""
    return identity_pb.CreateAccountResponse(account=ACCOUNT, temporary_password=PASSWORD)


def as_json(record: object) -> str:
    """What is read from a file or standard input."""
    return json.dumps(record, ensure_ascii=False)
