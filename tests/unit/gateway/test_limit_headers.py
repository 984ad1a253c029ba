"""What a caller is told of the limits on his calls, with answers and with refusals (art. 7-2)."""

from typing import Any

import grpc
import pytest

from msa.identity.v1 import session_service_pb2 as identity_pb
from services.kit.errors import Reason
from tests.unit.gateway.calls import CONSULT, METADATA, refused
from tests.unit.gateway.conftest import Gateway


async def limit_headers(call: Any) -> dict[str, str]:
    """The headers about limits."""
    return {key: value for key, value in await call.initial_metadata() if key.startswith("ratelimit-")}


def limit_everything(gateway: Gateway) -> None:
    gateway.identity.limit(remaining=17)
    gateway.identity.limit(remaining=3, scope=identity_pb.RATE_LIMIT_SCOPE_PARTNER)
    gateway.identity.limit(remaining=90, scope=identity_pb.RATE_LIMIT_SCOPE_ADDRESS)


TOLD = {
    "ratelimit-limit": "600",
    # The tightest, and the whole seconds after which it is whole again.
    "ratelimit-remaining": "3",
    "ratelimit-reset": "2",
    "ratelimit-policy": "account;q=600;w=60, partner;q=600;w=60, address;q=600;w=60",
}


async def test_an_answer_tells_the_tightest_limit_and_all_of_them(gateway: Gateway) -> None:
    limit_everything(gateway)
    call = gateway.quotients.ConsultQuotient(CONSULT, metadata=METADATA)
    await call
    assert await limit_headers(call) == TOLD


async def test_a_refusal_for_a_limit_tells_them_as_well_and_when_to_try_again(gateway: Gateway) -> None:
    limit_everything(gateway)
    gateway.identity.verdict.decision = identity_pb.AUTHENTICATION_DECISION_RATE_LIMITED
    gateway.identity.verdict.retry_after.FromMilliseconds(1200)
    json_metadata = (*METADATA, ("x-envoy-original-path", "/v1/quotients:consult"))
    call = gateway.quotients.ConsultQuotient(CONSULT, metadata=json_metadata)
    assert await refused(call) == (grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.RATE_LIMITED)
    assert await limit_headers(call) == TOLD
    assert dict(await call.initial_metadata())["retry-after"] == "2"


@pytest.mark.parametrize("nir", ["1", "284052123100106"])
async def test_where_there_are_no_limits_nothing_is_said_of_them(gateway: Gateway, nir: str) -> None:
    request = type(CONSULT)(nir=nir, purpose=CONSULT.purpose)
    call = gateway.quotients.ConsultQuotient(request, metadata=METADATA)
    await call.code()
    assert await limit_headers(call) == {}
