"""Calling the gateway as a partner does, through an edge that says where the call comes from."""

from collections.abc import Callable
from typing import Any

import grpc

from gateway.metadata import CLIENT_ADDRESS
from msa.gateway.v1 import quotient_service_pb2, second_factor_service_pb2, session_service_pb2
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.unit.gateway.conftest import Gateway

NIR = "284052123100106"
ADDRESS = "203.0.113.77"
NETWORK = "203.0.113.0/24"
METADATA = (("authorization", "Bearer token-1"), (CLIENT_ADDRESS, ADDRESS))

SIGN_IN = session_service_pb2.SignInRequest(
    login="x21-1", password="password", one_time_code="123456", device_token="device-1"
)
CHANGE_PASSWORD = session_service_pb2.ChangePasswordRequest(current_password="old", new_password="new")
SIGN_OUT = session_service_pb2.SignOutRequest()
BEGIN = second_factor_service_pb2.BeginEnrolmentRequest(current_password="password")
CONFIRM = second_factor_service_pb2.ConfirmEnrolmentRequest(one_time_code="123456")
RENEW = second_factor_service_pb2.RenewRecoveryCodesRequest(one_time_code="123456")
REMOVE = second_factor_service_pb2.RemoveSecondFactorRequest(
    current_password="password", one_time_code="123456"
)
CONSULT = quotient_service_pb2.ConsultQuotientRequest(nir=NIR, purpose=quotient_service_pb2.PURPOSE_PRICING)

Call = Callable[[Gateway], Any]
SECOND_FACTOR_CALLS: dict[str, Call] = {
    "begin": lambda gateway: gateway.second_factors.BeginEnrolment(BEGIN, metadata=METADATA),
    "confirm": lambda gateway: gateway.second_factors.ConfirmEnrolment(CONFIRM, metadata=METADATA),
    "renew": lambda gateway: gateway.second_factors.RenewRecoveryCodes(RENEW, metadata=METADATA),
    "remove": lambda gateway: gateway.second_factors.RemoveSecondFactor(REMOVE, metadata=METADATA),
}
SIGN_IN_CALLS: dict[str, Call] = {
    "sign in": lambda gateway: gateway.sessions.SignIn(SIGN_IN, metadata=METADATA),
    "change password": lambda gateway: gateway.sessions.ChangePassword(CHANGE_PASSWORD, metadata=METADATA),
}
SIGN_OUT_CALL: dict[str, Call] = {
    "sign out": lambda gateway: gateway.sessions.SignOut(SIGN_OUT, metadata=METADATA),
}


async def refused(call: Any) -> tuple[grpc.StatusCode, Reason | None]:
    """How `call` was refused."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code(), reason_of(error)
    raise AssertionError("it was not refused")
