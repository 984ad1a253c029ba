"""Errors in French, and as problems (RFC 9457)."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from google.rpc import error_details_pb2, status_pb2

from gateway.french import OTHER_RULE, RULES, WORDS, wait_in_words
from gateway.problems import (
    PROBLEM,
    RETRY_AFTER,
    explain,
    french_detail,
    french_violations,
    in_french,
    problem_line,
    problem_of,
)
from services.kit.errors import DependencyUnavailable, FieldViolation, InvalidField, Reason
from services.kit.status import INTERNAL_TEXT, new_status, reason_in, to_status
from tests.unit.gateway.rules import reachable_rules

INTERNAL_ONLY = {
    Reason.AGENT_NOT_HABILITATED,
    Reason.CLIENT_NOT_ALLOWED,
    Reason.RECORD_ALREADY_EXISTS,
    Reason.RECORD_CHANGED,
    Reason.RECORD_NOT_FOUND,
    Reason.RECORD_STATE,
}
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
VIOLATION = FieldViolation("nir", "NIR_KEY_MISMATCH", "has a key that does not fit")


class Call:
    """As much of a call as `explain` sees."""

    def __init__(self, **metadata: str) -> None:
        self._metadata = tuple((key.replace("_", "-"), value) for key, value in metadata.items())
        self.sent: list[Mapping[str, str]] = []

    def invocation_metadata(self) -> Any:
        return self._metadata

    async def send_initial_metadata(self, metadata: Any) -> None:
        self.sent.append(dict(metadata))


def closed(seconds: float) -> status_pb2.Status:
    status = new_status(Reason.SERVICE_CLOSED, "closed")
    delay = error_details_pb2.RetryInfo()
    delay.retry_delay.FromMilliseconds(round(seconds * 1000))
    status.details.add().Pack(delay)
    return status


def test_every_reason_that_partners_meet_has_its_words() -> None:
    assert set(WORDS) == set(Reason) - INTERNAL_ONLY


def test_every_rule_that_partners_meet_has_its_words() -> None:
    assert reachable_rules() - set(RULES) == set()
    assert set(RULES) - reachable_rules() == set()


@pytest.mark.parametrize("text", [*(words.detail for words in WORDS.values()), *RULES.values(), OTHER_RULE])
def test_texts_hold_nothing_to_fill_in_and_nothing_that_envoy_would(text: str) -> None:
    assert not re.search(r"[%{}\\\n]", text)


@pytest.mark.parametrize("reason", Reason)
def test_each_is_a_problem(reason: Reason) -> None:
    problem = problem_of(new_status(reason, "English"), TRACE_ID)
    assert set(problem) >= {"type", "title", "status", "detail", "reason", "trace_id"}
    assert problem["type"] == f"urn:qf:problem:{reason.lower().replace('_', '-')}"
    assert problem["reason"] == reason
    assert "English" not in str(problem)


def test_a_status_that_is_not_ours_is_an_internal_error() -> None:
    problem = problem_of(status_pb2.Status(code=2, message="284017123456789"), TRACE_ID)
    assert (problem["reason"], problem["status"]) == ("INTERNAL", 500)
    assert "284017123456789" not in str(problem)


def test_a_problem_names_field_and_rule_and_says_it_in_french() -> None:
    other = FieldViolation("x", "OF_TOMORROW", "is not known today")
    problem = problem_of(to_status(InvalidField(VIOLATION, other)), TRACE_ID)
    assert problem["violations"] == [
        {"field": "nir", "rule": "NIR_KEY_MISMATCH", "detail": RULES["NIR_KEY_MISMATCH"]},
        {"field": "x", "rule": "OF_TOMORROW", "detail": OTHER_RULE},
    ]
    assert french_violations(to_status(DependencyUnavailable())) == []


def test_it_says_how_long_to_wait_in_whole_seconds_and_in_words() -> None:
    problem = problem_of(closed(11_524.001), TRACE_ID)
    assert problem["retry_after_seconds"] == 11_525
    assert problem["detail"] == (
        "Le service est ouvert de 5 h à 23 h, heure de Paris, 7 jours sur 7 (art. 5). Réessayez dans 3 heures et 13 "
        "minutes."
    )
    assert "retry_after_seconds" not in problem_of(new_status(Reason.SESSION_REQUIRED, ""), TRACE_ID)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 seconde"),
        (59, "59 secondes"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (3599, "1 heure"),
        (3601, "1 heure et 1 minute"),
        (86_399, "1 jour"),
        (86_401, "1 jour et 1 heure"),
        (190_000, "2 jours et 5 heures"),
    ],
)
def test_a_wait_is_never_told_shorter_than_it_is(seconds: int, words: str) -> None:
    assert wait_in_words(seconds) == words


def test_a_status_says_it_in_french_too_and_keeps_what_it_said() -> None:
    status = in_french(to_status(InvalidField(VIOLATION)))
    assert reason_in(status) is Reason.INVALID_FIELD
    assert status.message == InvalidField.message
    bad_request, words = error_details_pb2.BadRequest(), error_details_pb2.LocalizedMessage()
    assert status.details[1].Unpack(bad_request)
    assert status.details[2].Unpack(words)
    (violation,) = bad_request.field_violations
    assert violation.description == VIOLATION.description
    assert violation.localized_message.message == RULES["NIR_KEY_MISMATCH"]
    assert (words.locale, words.message) == ("fr", french_detail(status))


async def test_json_callers_are_sent_the_problem_in_one_line_of_ascii() -> None:
    call: Any = Call(x_envoy_original_path="/v1/quotients:consult")
    await explain(call, closed(30))
    (headers,) = call.sent
    assert headers[RETRY_AFTER] == "30"
    assert headers[PROBLEM].isascii()
    assert "\n" not in headers[PROBLEM]
    assert json.loads(headers[PROBLEM])["reason"] == "SERVICE_CLOSED"


async def test_grpc_callers_are_sent_none() -> None:
    call: Any = Call()
    status = await explain(call, new_status(Reason.INTERNAL, INTERNAL_TEXT))
    assert call.sent == []
    assert len(status.details) == 2


def test_the_longest_problem_fits_in_a_header() -> None:
    violations = [FieldViolation("new_password", rule, "") for rule in RULES if rule.startswith("PASSWORD_")]
    line = problem_line(problem_of(to_status(InvalidField(*violations)), TRACE_ID))
    assert len(line) < 8 * 1024
