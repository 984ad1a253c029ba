"""`docs/errors.md` tells of every reason and every rule that partners meet, in the words that they are told."""

import re
from pathlib import Path

import pytest

from gateway.edge.refusals import TLS_REQUIRED, UNKNOWN_METHOD, WRONG_VERB
from gateway.french import RULES, WORDS
from gateway.problems import http_status_of
from services.kit.errors import Reason
from services.kit.status import CODE_BY_REASON

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "errors.md").read_text(encoding="utf-8")
TEXT = r".+\n(?:  .+\n)*"
REASON = re.compile(
    r"^### `(?P<reason>\w+)`\n\nHTTP (?P<http>[\d, ]+) · gRPC (?P<code>\w+) · (?P<title>.+)\n\n> (?P<detail>.+)\n\n"
    rf"- Cause: {TEXT}- Remedy: {TEXT}- Example: {TEXT}",
    re.MULTILINE,
)
RULE = re.compile(r"^\| `(?P<rule>[A-Z_]+)` \| .+ \| (?P<detail>.+) \|$", re.MULTILINE)
# What Envoy answers by itself has statuses of HTTP that no code of gRPC stands for.
BY_THE_EDGE = {
    Reason.UNKNOWN_METHOD: {UNKNOWN_METHOD.http_status, WRONG_VERB.http_status},
    Reason.TLS_REQUIRED: {TLS_REQUIRED.http_status},
    Reason.REQUEST_TOO_LARGE: {413, 431},
    Reason.MALFORMED_REQUEST: {400, 403, 415, 426, 501},
    Reason.DEADLINE_EXCEEDED: {504, 408},
}
TOLD = {match["reason"]: match for match in REASON.finditer(PAGE)}


def test_every_reason_is_told_of_once_and_no_other() -> None:
    headings = re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE)
    assert sorted(headings) == sorted(WORDS)
    assert set(TOLD) == set(headings)


@pytest.mark.parametrize("reason", WORDS)
def test_in_the_words_and_by_the_statuses_that_partners_meet(reason: Reason) -> None:
    told, code = TOLD[reason], CODE_BY_REASON[reason]
    assert (told["title"], told["detail"]) == (WORDS[reason].title, WORDS[reason].detail)
    assert told["code"] == code.name
    statuses = {int(status) for status in told["http"].split(", ")}
    assert statuses == BY_THE_EDGE.get(reason, {http_status_of(code.value[0])})


def test_every_rule_is_told_of_in_the_words_that_partners_meet() -> None:
    assert {match["rule"]: match["detail"] for match in RULE.finditer(PAGE)} == RULES
