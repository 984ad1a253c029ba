"""JSON ↔ gRPC, by the descriptors of the public services."""

import base64
from functools import cache

from gateway.edge import methods
from gateway.edge.values import Json, typed

FILTER = "envoy.filters.http.grpc_json_transcoder"


def transcoder(*, one_to_a_line: bool = False) -> Json:
    """The filter's configuration; a stream of answers is an array, or one object to a line."""
    return typed(
        "filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor_bin=_descriptors(),
        services=methods.public_services(),
        print_options={
            "preserve_proto_field_names": True,
            "always_print_primitive_fields": True,
            "stream_newline_delimited": one_to_a_line,
        },
        match_incoming_request_route=True,
        convert_grpc_status=True,
        request_validation_options={
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
            "reject_binding_body_field_collisions": True,
        },
    )


@cache
def _descriptors() -> str:
    return base64.b64encode(methods.descriptor_set()).decode()
