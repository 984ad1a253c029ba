"""The guard's rules come from the request messages."""

import json

import pytest
from google.protobuf import timestamp_pb2

from gateway.edge.json_guard import field_rule, script
from gateway.edge.methods import public_methods
from msa.gateway.v1 import quotient_service_pb2, session_service_pb2


def test_the_texts_name_fields_and_never_values() -> None:
    source = script(public_methods())
    assert r"Le champ nir doit \\u00eatre un texte." in source
    assert "les champs sont : login, password, one_time_code, device_token." in source
    assert r"page_size (un nombre entier), page_token (" in source


def test_a_refusal_stands_in_json_as_it_is() -> None:
    for method in public_methods():
        for field in method.request.fields:
            rule = field_rule(field)
            for text in (rule["refusal"], rule["twice"]):
                assert field.name in json.loads(f'"{text}"')


def test_the_script_stays_ascii_where_escapes_of_json_are_those_of_lua() -> None:
    assert script(public_methods()).isascii()


def test_an_enum_may_not_be_left_unspecified_by_name() -> None:
    rule = field_rule(quotient_service_pb2.ConsultQuotientRequest.DESCRIPTOR.fields_by_name["purpose"])
    assert "l'une des valeurs PURPOSE_ACTIVITY_REGISTRATION, " in rule["refusal"]
    assert "PURPOSE_UNSPECIFIED" not in rule["refusal"]


def test_a_list_of_objects_has_its_rule() -> None:
    rule = field_rule(quotient_service_pb2.ConsultQuotientResponse.DESCRIPTOR.fields_by_name["periods"])
    assert (rule["kind"], rule["repeated"], rule["shape"]) == (
        "object",
        True,
        "msa.gateway.v1.QuotientPeriod",
    )


@pytest.mark.parametrize(
    "field",
    [
        timestamp_pb2.Timestamp.DESCRIPTOR.fields_by_name["seconds"],
        session_service_pb2.SignInResponse.DESCRIPTOR.fields_by_name["expire_time"],
    ],
)
def test_a_field_for_which_there_is_no_rule_stops_the_start(field: object) -> None:
    with pytest.raises(ValueError, match="no rule"):
        field_rule(field)  # type: ignore[arg-type]  # a descriptor, whatever its stub says
