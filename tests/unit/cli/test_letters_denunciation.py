"""Which term a denunciation is acknowledged for (art. 9-2)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.letters.denunciation import denunciation_letter
from cli.letters.records import DenouncingParty, DenunciationLetter
from cli.letters.translation import NothingToTell
from msa.partners.v1 import convention_service_pb2 as pb
from services.kit.messages import to_date
from services.partners.conventions.domain import denounced_term, last_denunciation_date, next_term
from tests.unit.cli import letter_fakes as fakes
from tests.unit.cli.letter_samples import CAISSE, DENUNCIATION, PARTNER, WRITTEN


def letter_on(convention: pb.Convention, fact_id: str | None = None) -> DenunciationLetter:
    return denunciation_letter(WRITTEN, CAISSE, PARTNER, convention, fact_id)


def denounced(signature_date: date, receipt_date: date, end_date: date) -> pb.Convention:
    convention = fakes.convention()
    convention.signature_date.CopyFrom(to_date(signature_date))
    convention.end_date.CopyFrom(to_date(end_date))
    convention.facts[0].denunciation.receipt_date.CopyFrom(to_date(receipt_date))
    return convention


def other_denunciation(party: pb.Party.ValueType, received: date) -> pb.ConventionFact:
    denunciation = pb.Denunciation(party=party, receipt_date=to_date(received))
    return pb.ConventionFact(fact_id="other", denunciation=denunciation)


def test_the_letter_is_that_of_the_record() -> None:
    assert letter_on(fakes.convention()) == DENUNCIATION


@given(
    st.dates(date(2020, 1, 1), date(2032, 12, 31)) | st.just(date(2024, 2, 29)),
    st.timedeltas(timedelta(0), timedelta(days=1500)),
)
def test_the_letter_names_the_term_that_the_service_reckons(signature_date: date, later: timedelta) -> None:
    receipt_date = signature_date + later
    term_date = next_term(signature_date, receipt_date)
    in_time = receipt_date <= last_denunciation_date(term_date)
    end_date = denounced_term(signature_date, receipt_date)
    letter = letter_on(denounced(signature_date, receipt_date, end_date))
    assert letter.missed_term_date == (None if in_time else term_date)
    assert letter.last_date + timedelta(days=1) == letter.end_date == end_date


def test_the_caisse_denounces_too() -> None:
    convention = fakes.convention()
    convention.facts[0].denunciation.party = pb.PARTY_CAISSE
    assert letter_on(convention).denounced_by is DenouncingParty.CAISSE


def test_of_two_denunciations_one_must_be_named() -> None:
    convention = fakes.convention()
    convention.facts.append(other_denunciation(pb.PARTY_CAISSE, date(2027, 2, 27)))
    with pytest.raises(NothingToTell, match="More than one"):
        letter_on(convention)
    assert letter_on(convention, "first") == DENUNCIATION


def test_a_denunciation_that_came_second_decides_nothing() -> None:
    convention = fakes.convention()
    convention.facts.append(other_denunciation(pb.PARTY_CAISSE, date(2027, 2, 27)))
    with pytest.raises(NothingToTell, match="not this denunciation"):
        letter_on(convention, "other")


def test_an_annulled_denunciation_is_not_acknowledged() -> None:
    convention = fakes.convention()
    convention.facts.append(pb.ConventionFact(annulment=pb.Annulment(annulled_fact_id="first")))
    with pytest.raises(NothingToTell, match="No such"):
        letter_on(convention, "first")


def test_where_nobody_denounced_there_is_nothing_to_acknowledge() -> None:
    with pytest.raises(NothingToTell, match="No such"):
        letter_on(pb.Convention())


@pytest.mark.parametrize(
    "end_date", [date(2027, 5, 12), date(2027, 6, 2), date(2027, 2, 26), date(2029, 6, 1)]
)
def test_an_end_for_another_reason_is_not_told_as_the_denunciation_s(end_date: date) -> None:
    with pytest.raises(NothingToTell, match="not this denunciation"):
        letter_on(denounced(date(2026, 6, 1), date(2027, 2, 26), end_date))


def test_a_denounced_draft_has_no_end_to_tell() -> None:
    convention = fakes.convention()
    convention.ClearField("end_date")
    with pytest.raises(NothingToTell, match="not this denunciation"):
        letter_on(convention)
