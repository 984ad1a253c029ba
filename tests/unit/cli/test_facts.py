"""What is on record of a convention is told in words, fact by fact."""

import pytest
from google.type.date_pb2 import Date

from cli.facts import WORDS, rows
from msa.partners.v1 import convention_service_pb2 as pb

EARLY, LATE = Date(year=2027, month=1, day=4), Date(year=2027, month=1, day=11)


def told(**fact: object) -> tuple[object, object]:
    """Day and words of one fact."""
    (row,) = rows(pb.Convention(facts=[pb.ConventionFact(**fact)]))  # type: ignore[arg-type]  # each one's own message
    return str(row["day"]), row["what"]


def test_every_kind_of_fact_has_words() -> None:
    kinds = {field.name for field in pb.ConventionFact.DESCRIPTOR.oneofs_by_name["fact"].fields}
    assert kinds == set(WORDS)
    for kind in kinds:
        fact = pb.ConventionFact()
        getattr(fact, kind).SetInParent()
        (row,) = rows(pb.Convention(facts=[fact]))
        assert row["what"]


def test_a_letter_is_told_with_its_number() -> None:
    denunciation = pb.Denunciation(party=pb.PARTY_PARTNER, receipt_date=EARLY, letter_reference="1A204")
    assert told(denunciation=denunciation) == ("2027-01-04", "denunciation by the partner, letter 1A204")


def test_what_a_person_wrote_is_told_as_written() -> None:
    amendment = pb.Amendment(
        number=1, subject="Repas {party}", caisse_signature_date=LATE, partner_signature_date=EARLY
    )
    assert told(amendment=amendment) == ("2027-01-11", "amendment 1: Repas {party}")


def test_an_attestation_is_told_by_its_kind() -> None:
    attestation = pb.Attestation(kind=pb.ATTESTATION_KIND_RETURN, receipt_date=LATE)
    assert told(attestation=attestation) == ("2027-01-11", "attestation of return")


def test_what_was_annulled_stays_in_sight() -> None:
    facts = [
        pb.ConventionFact(fact_id="fac-1", force_majeure_end=pb.ForceMajeureEnd(over_date=EARLY)),
        pb.ConventionFact(fact_id="fac-2", annulment=pb.Annulment(annulled_fact_id="fac-1")),
    ]
    assert [(row["what"], row["annulled"]) for row in rows(pb.Convention(facts=facts))] == [
        ("force majeure over (annulled)", True),
        ("annulment of fact fac-1", False),
    ]


@pytest.mark.parametrize("count", [1, 3])
def test_a_fact_of_a_later_release_is_told_as_such(count: int) -> None:
    found = rows(pb.Convention(facts=[pb.ConventionFact(fact_id="fac-1")] * count))
    assert [row["what"] for row in found] == ["of a kind that this release does not know"] * count
