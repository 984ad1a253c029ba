"""A consultation travels with those of others, and what quotient refuses, it refuses for the whole batch.

So whatever the gateway accepts, quotient must accept.
"""

from datetime import date

from google.type.date_pb2 import Date
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import Consultation, parse_consultation
from msa.quotient.v1 import disclosure_service_pb2 as pb
from services.kit.errors import InvalidField
from services.quotient.disclosures import handler

NIR = "2 84 05 21 231 001 06"
IDENTIFIER = "01a209fd-d041-7dd5-9623-9678f9f06898"
YEARS = st.integers(1000, 9999).map(str)
MONTHS = st.one_of(st.builds("{}-{:02}".format, YEARS, st.integers(0, 13)), st.text(max_size=8))


@given(month=MONTHS, purpose=st.integers(-1, 9), case_reference=st.text(max_size=70))
def test_what_the_gateway_accepts_quotient_accepts(month: str, purpose: int, case_reference: str) -> None:
    try:
        accepted = parse_consultation(
            nir=NIR, month=month, purpose=purpose, case_reference=case_reference, today=date(2026, 11, 23)
        )
    except InvalidField:
        return
    read = handler._consultation("items[0]", item(accepted))
    assert (read.nir, read.month, int(read.purpose)) == (accepted.nir, accepted.month, int(accepted.purpose))
    assert read.case_reference == accepted.case_reference


def item(consultation: Consultation) -> pb.DiscloseItem:
    """The consultation as it travels."""
    return pb.DiscloseItem(
        nir=consultation.nir.reveal(),
        caisse_code="21",
        month=Date(year=consultation.month.year, month=consultation.month.month, day=1),
        purpose=pb.Purpose.ValueType(consultation.purpose),
        case_reference=consultation.case_reference,
        account_id=IDENTIFIER,
        habilitation_id=IDENTIFIER,
        partner_id=IDENTIFIER,
        convention_id=IDENTIFIER,
    )
