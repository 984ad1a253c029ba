"""What is on record of a convention, fact by fact, in plain words (art. 2, 6-1, 9, 10)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from google.protobuf.message import Message

from cli import views
from cli.output import Row, Value
from msa.partners.v1 import convention_service_pb2 as pb
from services.kit.clock import paris_date

WORDS: Mapping[str, str] = {
    "signature": "signed by the {party}",
    "cnil_declaration": "CNIL declaration transmitted",
    "denunciation": "denunciation by the {party}",
    "formal_notice": "formal notice by the {party}",
    "cure": "breach of notice {formal_notice_id} cured",
    "force_majeure_notification": "force majeure notified by the {party}",
    "force_majeure_end": "force majeure over",
    "force_majeure_termination": "ended for force majeure by the {party}",
    "agreed_end": "end agreed on by both",
    "amendment": "amendment {number}: {subject}",
    "annex_version": "annexe {annex}, version {version}",
    "provider_declaration": "provider {provider_name}",
    "provider_undertaking": "undertaking of provider {provider_id}",
    "provider_departure": "provider {provider_id} left",
    "attestation": "attestation of {kind}",
    "annulment": "annulment of fact {annulled_fact_id}",
}

# What is told beside, where it is known.
_REFERENCES: Mapping[str, str] = {"letter_reference": "letter", "reference": "filed as"}


def rows(convention: pb.Convention) -> list[Row]:
    """Every fact in the order in which it was recorded: in words, and field by field for JSON."""
    void = {fact.annulment.annulled_fact_id for fact in convention.facts if fact.HasField("annulment")}
    return [_row(fact, annulled=fact.fact_id in void) for fact in convention.facts]


def _row(fact: pb.ConventionFact, *, annulled: bool) -> Row:
    kind = fact.WhichOneof("fact")
    content: Message | None = getattr(fact, kind) if kind else None
    told = views.fields(content) if content else {}
    recorded = paris_date(views.utc(fact.record_time)) if fact.HasField("record_time") else None
    what = _words(kind, told) if kind else "of a kind that this release does not know"
    return {
        **views.fields(fact, "fact_id", "record_time"),
        "fact": kind,
        "day": max((value for value in told.values() if isinstance(value, date)), default=recorded),
        "what": f"{what} (annulled)" if annulled else what,
        "annulled": annulled,
        **told,
    }


def _words(kind: str, told: Mapping[str, Value]) -> str:
    spoken = {name: str(value) for name, value in told.items()}
    spoken |= {name: spoken[name].lower() for name in ("party", "kind") if name in spoken}
    references = [f"{words} {told[name]}" for name, words in _REFERENCES.items() if told.get(name)]
    return ", ".join((WORDS[kind].format_map(spoken), *references))
