import grpc
import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, SourceCodeInfo
from google.rpc import error_details_pb2, status_pb2
from grpc.aio import AioRpcError, Metadata

from msa.errors.v1 import error_reason_pb2
from services.kit.errors import DependencyUnavailable, DomainError, FieldViolation, InvalidField, Reason
from services.kit.status import (
    CODE_BY_REASON,
    DETAILS_KEY,
    ERROR_DOMAIN,
    PASSED_ON,
    new_status,
    reason_in,
    reason_of,
    status_of,
    to_status,
)
from tools.paths import PROTOS
from tools.protos import descriptors

ENUM = error_reason_pb2.DESCRIPTOR.enum_types_by_name["ErrorReason"]
PREFIX = "ERROR_REASON_"


def rpc_error(*metadata: tuple[str, str | bytes]) -> AioRpcError:
    return AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata(*metadata))


def details(status: status_pb2.Status) -> list[str]:
    return [detail.TypeName() for detail in status.details]


@pytest.fixture(scope="session")
def documented() -> dict[str, str]:
    """What error_reason.proto says of each reason."""
    file = next(file for file in descriptors(PROTOS).file if file.name.endswith("error_reason.proto"))
    return {
        value.name.removeprefix(PREFIX): _comment(file, position)
        for position, value in enumerate(file.enum_type[0].value)
    }


def _comment(file: FileDescriptorProto, position: int) -> str:
    path = [FileDescriptorProto.ENUM_TYPE_FIELD_NUMBER, 0, DescriptorProto.FIELD_FIELD_NUMBER, position]
    locations: list[SourceCodeInfo.Location] = list(file.source_code_info.location)
    return next(location.leading_comments.strip() for location in locations if list(location.path) == path)


def test_no_reason_is_forgotten_on_either_side() -> None:
    published = {value.name.removeprefix(PREFIX) for value in ENUM.values} - {"UNSPECIFIED"}
    assert {reason.value for reason in Reason} == published
    assert {reason.name for reason in Reason} == published


def test_every_reason_has_a_code() -> None:
    assert set(CODE_BY_REASON) == set(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_travels_with_the_code_that_its_documentation_tells(
    reason: Reason, documented: dict[str, str]
) -> None:
    codes = documented[reason].partition(":")[0]
    assert CODE_BY_REASON[reason].name in codes.replace(",", " ").split()


@pytest.mark.parametrize("reason", Reason)
def test_a_status_carries_exactly_one_error_info(reason: Reason) -> None:
    status = new_status(reason, "text")
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert details(status) == ["google.rpc.ErrorInfo"]
    assert (info.reason, info.domain, dict(info.metadata)) == (reason.value, ERROR_DOMAIN, {})
    assert (status.code, status.message) == (CODE_BY_REASON[reason].value[0], "text")


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_read_back(reason: Reason) -> None:
    content = new_status(reason, "text").SerializeToString()
    assert reason_of(rpc_error((DETAILS_KEY, content))) is reason


def test_when_to_try_again_is_told() -> None:
    status = to_status(DependencyUnavailable(retry_after_seconds=1.5))
    retry_info = error_details_pb2.RetryInfo()
    assert details(status) == ["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]
    assert status.details[1].Unpack(retry_info)
    assert retry_info.retry_delay.ToMilliseconds() == 1500


def test_each_broken_rule_is_told_with_its_field() -> None:
    error = InvalidField(
        FieldViolation("nir", "NIR_MONTH", "has a month"), FieldViolation("month", "MONTH", "is")
    )
    status = to_status(error)
    bad_request = error_details_pb2.BadRequest()
    assert details(status) == ["google.rpc.ErrorInfo", "google.rpc.BadRequest"]
    assert status.details[1].Unpack(bad_request)
    assert [(told.field, told.reason, told.description) for told in bad_request.field_violations] == [
        ("nir", "NIR_MONTH", "has a month"),
        ("month", "MONTH", "is"),
    ]


def test_what_is_none_of_ours_has_no_reason() -> None:
    foreign = status_pb2.Status(code=14)
    foreign.details.add().Pack(error_details_pb2.ErrorInfo(reason="INTERNAL", domain="googleapis.com"))
    newer = status_pb2.Status(code=14)
    newer.details.add().Pack(error_details_pb2.ErrorInfo(reason="OF_LATER", domain=ERROR_DOMAIN))
    assert reason_in(status_pb2.Status(code=14)) is None
    assert reason_in(foreign) is None
    assert reason_in(newer) is None


def test_details_that_cannot_be_read_leave_the_code() -> None:
    for error in (rpc_error(), rpc_error((DETAILS_KEY, b"\xff\xff"))):
        assert status_of(error) == status_pb2.Status(code=grpc.StatusCode.UNAVAILABLE.value[0])
        assert reason_of(error) is None


def test_no_reason_that_tells_of_our_inside_is_passed_on() -> None:
    inside = {Reason.INTERNAL, Reason.CLIENT_NOT_ALLOWED, Reason.RECORD_NOT_FOUND, Reason.RECORD_STATE}
    assert PASSED_ON.isdisjoint(inside)


def test_an_error_has_a_fixed_text() -> None:
    class Closed(DomainError):
        reason = Reason.SERVICE_CLOSED
        message = "Closed."

    assert to_status(Closed()).message == "Closed."
    assert str(Closed(retry_after_seconds=2)) == "Closed."
