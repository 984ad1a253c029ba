"""A consultation travels with those of others, and what quotient refuses, it refuses for the whole batch.

So whatever the gateway accepts, quotient must accept.
"""

from collections.abc import Callable
from datetime import date

from google.type.date_pb2 import Date
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import Consultation, Purpose, Query, parse_consultation
from msa.quotient.v1 import disclosure_service_pb2 as pb
from services.kit.errors import InvalidField
from services.kit.nir import Nir
from services.quotient.disclosures import handler

NIR = "2 84 05 21 231 001 06"
TODAY = date(2026, 11, 23)
IDENTIFIER = "01a209fd-d041-7dd5-9623-9678f9f06898"
YEARS = st.integers(1000, 9999).map(str)
MONTHS = st.one_of(st.builds("{}-{:02}".format, YEARS, st.integers(0, 13)), st.text(max_size=8))


# Texts as partners write them, and what comes near a NIR.
PURPOSE_TEXTS = st.one_of(
    st.just(""),
    st.text(max_size=110),
    st.text(st.sampled_from("0123456789 .,-/:A\u00a0\uff12\u0662\n"), max_size=40),
)


@given(
    month=MONTHS,
    purpose=st.integers(-1, 9) | st.just(7),
    purpose_text=PURPOSE_TEXTS,
    case_reference=st.text(max_size=70),
)
def test_what_the_gateway_accepts_quotient_accepts(
    month: str, purpose: int, purpose_text: str, case_reference: str
) -> None:
    try:
        accepted = parse_consultation(Query(NIR, month, purpose, purpose_text, case_reference), TODAY)
    except InvalidField:
        return
    read = handler._consultation("items[0]", item(accepted))
    assert (read.nir, read.month, int(read.purpose)) == (accepted.nir, accepted.month, int(accepted.purpose))
    assert (read.case_reference, read.purpose_text) == (accepted.case_reference, accepted.purpose_text)


@given(purpose=st.integers(1, 7) | st.just(7), purpose_text=PURPOSE_TEXTS)
def test_both_refuse_the_same_purposes_in_words(purpose: int, purpose_text: str) -> None:
    travelling = item(
        Consultation(Nir.parse(NIR), date(2026, 11, 1), Purpose(purpose), purpose_text, case_reference="")
    )
    assert _refused(lambda: handler._consultation("items[0]", travelling)) == _refused(
        lambda: parse_consultation(Query(NIR, "2026-11", purpose, purpose_text, ""), TODAY)
    )


def _refused(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except InvalidField as error:
        return [violation.rule for violation in error.violations]
    return []


def item(consultation: Consultation) -> pb.DiscloseItem:
    """The consultation as it travels."""
    return pb.DiscloseItem(
        nir=consultation.nir.reveal(),
        caisse_code="21",
        month=Date(year=consultation.month.year, month=consultation.month.month, day=1),
        purpose=pb.Purpose.ValueType(consultation.purpose),
        purpose_text=consultation.purpose_text,
        case_reference=consultation.case_reference,
        account_id=IDENTIFIER,
        habilitation_id=IDENTIFIER,
        partner_id=IDENTIFIER,
        convention_id=IDENTIFIER,
    )
