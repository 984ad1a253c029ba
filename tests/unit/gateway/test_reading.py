"""What is no message of a method is told as any error is, and in none of gRPC's own words (N5)."""

from typing import Any

import grpc
import pytest

from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.unit.gateway.calls import CONSULT, METADATA
from tests.unit.gateway.conftest import Gateway

SERVICE = "/msa.gateway.v1.QuotientService"
# A field that ends too soon, a text that is not UTF-8, no field at all.
UNREADABLE = (b"\x0a\x7f28405", b"\x0a\x02\xff\xfe", b"\xff\xff\xff")


@pytest.mark.parametrize("content", UNREADABLE)
@pytest.mark.parametrize("method", ["ConsultQuotient", "ConsultQuotients"])
async def test_a_message_that_cannot_be_read_is_refused_with_its_reason_and_reaches_nobody(
    gateway: Gateway, content: bytes, method: str
) -> None:
    call: Any = gateway.channel.unary_unary(f"{SERVICE}/{method}")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(content, metadata=METADATA, timeout=5)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(refused.value) is Reason.MALFORMED_REQUEST
    assert "Decode" not in (refused.value.details() or "")
    assert gateway.identity.requests == []
    # The next call is another one.
    assert (await gateway.quotients.ConsultQuotient(CONSULT, metadata=METADATA)).consultation_id
