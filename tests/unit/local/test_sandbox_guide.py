"""`docs/guides/sandbox.md` says what the code makes: it cannot drift from demo.json."""

from google.rpc import code_pb2

from deploy.local.people import AGENTS, FAMILIES, UNKNOWN_NIR, WRONG_NIRS
from deploy.local.states import EXPECTATIONS, RefusedCall, State
from gateway.french import RULES, WORDS
from gateway.problems import http_status_of
from services.kit.errors import Reason
from services.kit.status import new_status
from tests.sandbox_guide import table


def told(reason: Reason) -> tuple[str, str]:
    """HTTP status and gRPC code, as the guide writes them."""
    code = new_status(reason, "").code
    return str(http_status_of(code)), code_pb2.Code.Name(code)


def test_the_guide_names_every_family_of_the_demo() -> None:
    seconds = {family.second.kind: family.second.nir for family in FAMILIES if family.second}
    made = {family.kind: family.nir for family in FAMILIES} | seconds | {"not_found": UNKNOWN_NIR}
    assert {kind: nir for kind, nir, *_ in table("Families")} == made


def test_the_guide_names_every_wrong_nir_with_its_rule_in_french() -> None:
    told_of = {kind: rest for kind, *rest in table("NIRs that break a rule")}
    assert told_of == {kind: [wrong.nir, wrong.rule, RULES[wrong.rule]] for kind, wrong in WRONG_NIRS.items()}


def test_the_guide_names_every_state_with_what_is_met_in_it() -> None:
    told_of = {state: rest for state, _, *rest in table("Users")}
    expected = {}
    for state, expectation in EXPECTATIONS.items():
        if expectation.reason is None:
            expected[str(state)] = ["none", "", "200", "OK", ""]
        else:
            reason, detail = expectation.reason, WORDS[expectation.reason].detail
            expected[str(state)] = [str(expectation.refused_call), str(reason), *told(reason), detail]
    assert told_of == expected


def test_the_guide_tells_the_codes_of_every_call() -> None:
    rows = table("Calls")
    assert len(rows) > 5
    for _, _, _, _, met, _, *codes in rows:
        assert tuple(codes) == (("200", "OK") if met.startswith("OUTCOME_") else told(Reason(met)))


def test_every_state_is_some_users() -> None:
    assert {agent.state for agent in AGENTS} == set(State) == set(EXPECTATIONS)


def test_a_refusal_has_a_reason() -> None:
    refusals = {expectation.refused_call is RefusedCall.NONE for expectation in EXPECTATIONS.values()}
    assert refusals == {True, False}
    for expectation in EXPECTATIONS.values():
        assert (expectation.refused_call is RefusedCall.NONE) == (expectation.reason is None)
