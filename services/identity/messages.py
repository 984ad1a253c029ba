"""What several of identity's handlers translate."""

from msa.identity.v1 import session_service_pb2 as session_pb
from services.identity.domain import ClientContext
from services.kit.redaction import DeviceToken


def client_context(message: session_pb.ClientContext) -> ClientContext:
    """Where a call comes from."""
    return ClientContext(
        network_prefix=message.network_prefix,
        device_token=DeviceToken(message.device_token),
        address=message.address,
        certificate_sha256=message.certificate_sha256,
    )
