"""Facts of a convention ↔ protobuf."""

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message

from msa.partners.v1 import convention_service_pb2 as pb
from services.kit.identifiers import parse_uuid
from services.kit.messages import to_date, to_timestamp
from services.partners.conventions.facts import (
    AgreedEnd,
    Amendment,
    AnnexVersion,
    Annulment,
    Attestation,
    AttestationKind,
    CnilDeclaration,
    Cure,
    Denunciation,
    Fact,
    ForceMajeureEnd,
    ForceMajeureNotification,
    ForceMajeureTermination,
    FormalNotice,
    Party,
    ProviderDeclaration,
    ProviderDeparture,
    ProviderUndertaking,
    RecordedFact,
    Signature,
)
from services.partners.fields import invalid, optional_text, required_text, sha256_text
from services.partners.messages import day_in

_PARTIES: Mapping[int, Party] = {pb.PARTY_CAISSE: Party.CAISSE, pb.PARTY_PARTNER: Party.PARTNER}
_ATTESTATIONS: Mapping[int, AttestationKind] = {
    pb.ATTESTATION_KIND_RETURN: AttestationKind.RETURN,
    pb.ATTESTATION_KIND_DESTRUCTION: AttestationKind.DESTRUCTION,
}
_REFERENCE_LENGTH = 100
_NAME_LENGTH = 200
_SUBJECT_LENGTH = 500


def fact_in(message: pb.ConventionFact) -> Fact:
    """The fact in a request. Raises InvalidField naming the field, and the article where a party is not one."""
    name = message.WhichOneof("fact")
    if name is None or name not in _READERS:
        raise invalid("fact", "FACT_REQUIRED", "must be one of the facts that can be recorded")
    return _READERS[name](getattr(message, name))


def fact_message(recorded: RecordedFact) -> pb.ConventionFact:
    """A fact as it is shown."""
    name, content = _written(recorded.fact)
    message = pb.ConventionFact(fact_id=str(recorded.fact_id), record_time=to_timestamp(recorded.record_time))
    getattr(message, name).CopyFrom(content)
    return message


def party_message(party: Party | None) -> pb.Party.ValueType:
    """A party as it is shown; unspecified where there is none."""
    return pb.PARTY_UNSPECIFIED if party is None else pb.Party.Value(f"PARTY_{party}")


def _party(number: int) -> Party:
    if number not in _PARTIES:
        raise invalid(
            "party",
            "PARTY",
            "must be the caisse or the partner: nobody else is party to the convention (art. 9-2)",
        )
    return _PARTIES[number]


def _attestation_kind(number: int) -> AttestationKind:
    if number not in _ATTESTATIONS:
        raise invalid("kind", "ATTESTATION_KIND", "must be return or destruction (art. 6-1)")
    return _ATTESTATIONS[number]


def _reference(field: str, text: str) -> str:
    return optional_text(field, text, _REFERENCE_LENGTH)


_READERS: Mapping[str, Callable[[Any], Fact]] = {
    "signature": lambda it: Signature(_party(it.party), day_in(it, "signature_date")),
    "cnil_declaration": lambda it: CnilDeclaration(day_in(it, "transmission_date")),
    "denunciation": lambda it: Denunciation(
        _party(it.party),
        day_in(it, "receipt_date"),
        _reference("letter_reference", it.letter_reference),
    ),
    "formal_notice": lambda it: FormalNotice(
        _party(it.party),
        day_in(it, "receipt_date"),
        _reference("letter_reference", it.letter_reference),
    ),
    "cure": lambda it: Cure(parse_uuid("formal_notice_id", it.formal_notice_id), day_in(it, "cure_date")),
    "force_majeure_notification": lambda it: ForceMajeureNotification(
        _party(it.party), day_in(it, "notification_date")
    ),
    "force_majeure_end": lambda it: ForceMajeureEnd(day_in(it, "over_date")),
    "force_majeure_termination": lambda it: ForceMajeureTermination(
        _party(it.party), day_in(it, "termination_date")
    ),
    "amendment": lambda it: Amendment(
        it.number,
        required_text("subject", it.subject, _SUBJECT_LENGTH),
        day_in(it, "caisse_signature_date"),
        day_in(it, "partner_signature_date"),
        sha256_text("scan_sha256", it.scan_sha256),
    ),
    "annex_version": lambda it: AnnexVersion(
        _annex(it.annex),
        it.version,
        day_in(it, "effective_date"),
        sha256_text("scan_sha256", it.scan_sha256),
    ),
    "provider_declaration": lambda it: ProviderDeclaration(
        required_text("provider_name", it.provider_name, _NAME_LENGTH), day_in(it, "since_date")
    ),
    "provider_undertaking": lambda it: ProviderUndertaking(
        parse_uuid("provider_id", it.provider_id),
        day_in(it, "receipt_date"),
        _reference("reference", it.reference),
    ),
    "provider_departure": lambda it: ProviderDeparture(
        parse_uuid("provider_id", it.provider_id), day_in(it, "departure_date")
    ),
    "attestation": lambda it: Attestation(
        _attestation_kind(it.kind),
        day_in(it, "receipt_date"),
        _reference("reference", it.reference),
    ),
}


def _annex(number: int) -> int:
    if number not in {1, 2}:
        raise invalid("annex", "ANNEX", "must be 1 or 2: the convention has two annexes (art. 2)")
    return number


def _written(fact: Fact) -> tuple[str, Message]:
    """The name and the content of the oneof."""
    name = fact.kind.lower()
    return name, _WRITERS[type(fact)](fact)


_WRITERS: Mapping[type, Callable[[Any], Message]] = {
    Signature: lambda it: pb.Signature(
        party=party_message(it.party), signature_date=to_date(it.signature_date)
    ),
    CnilDeclaration: lambda it: pb.CnilDeclaration(transmission_date=to_date(it.transmission_date)),
    Denunciation: lambda it: pb.Denunciation(
        party=party_message(it.party),
        receipt_date=to_date(it.receipt_date),
        letter_reference=it.letter_reference,
    ),
    FormalNotice: lambda it: pb.FormalNotice(
        party=party_message(it.party),
        receipt_date=to_date(it.receipt_date),
        letter_reference=it.letter_reference,
    ),
    Cure: lambda it: pb.Cure(formal_notice_id=str(it.formal_notice_id), cure_date=to_date(it.cure_date)),
    ForceMajeureNotification: lambda it: pb.ForceMajeureNotification(
        party=party_message(it.party), notification_date=to_date(it.notification_date)
    ),
    ForceMajeureEnd: lambda it: pb.ForceMajeureEnd(over_date=to_date(it.over_date)),
    ForceMajeureTermination: lambda it: pb.ForceMajeureTermination(
        party=party_message(it.party), termination_date=to_date(it.termination_date)
    ),
    AgreedEnd: lambda it: pb.AgreedEnd(end_date=to_date(it.end_date)),
    Amendment: lambda it: pb.Amendment(
        number=it.number,
        subject=it.subject,
        caisse_signature_date=to_date(it.caisse_signature_date),
        partner_signature_date=to_date(it.partner_signature_date),
        scan_sha256=it.scan_sha256,
    ),
    AnnexVersion: lambda it: pb.AnnexVersion(
        annex=it.annex,
        version=it.version,
        effective_date=to_date(it.effective_date),
        scan_sha256=it.scan_sha256,
    ),
    ProviderDeclaration: lambda it: pb.ProviderDeclaration(
        provider_name=it.provider_name, since_date=to_date(it.since_date)
    ),
    ProviderUndertaking: lambda it: pb.ProviderUndertaking(
        provider_id=str(it.provider_id), receipt_date=to_date(it.receipt_date), reference=it.reference
    ),
    ProviderDeparture: lambda it: pb.ProviderDeparture(
        provider_id=str(it.provider_id), departure_date=to_date(it.departure_date)
    ),
    Attestation: lambda it: pb.Attestation(
        kind=pb.AttestationKind.Value(f"ATTESTATION_KIND_{it.attestation_kind}"),
        receipt_date=to_date(it.receipt_date),
        reference=it.reference,
    ),
    Annulment: lambda it: pb.Annulment(annulled_fact_id=str(it.annulled_fact_id)),
}
