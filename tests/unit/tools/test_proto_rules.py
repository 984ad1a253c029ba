from pathlib import Path

import pytest

from tools.house_rules.proto_rules import RULES, findings
from tools.protos import descriptors

HEADER = 'syntax = "proto3";\npackage msa.sample.v1;\nimport "google/api/annotations.proto";\n'

GOOD = {
    "confidential-is-redacted": "message M { string nir = 1 [debug_redact = true]; string page_token = 2; }",
    "amounts-are-int32": "message M { int32 amount_cents = 1 [debug_redact = true]; int64 size = 2; }",
    "amounts-name-their-unit": "message M { int32 amount_cents = 1 [debug_redact = true]; }",
    "confidential-not-in-url": """
        message M { string nir = 1 [debug_redact = true]; }
        message E { string partner_id = 1; }
        service S {
          rpc A(M) returns (M) { option (google.api.http) = { post: "/v1/a" body: "*" }; }
          rpc B(E) returns (M) { option (google.api.http) = { get: "/v1/b/{partner_id}" }; }
          rpc C(M) returns (M);
        }""",
}

BAD = {
    "confidential-is-redacted": [
        "message M { string nir = 1; }",
        "message M { message N { string new_password = 1; } }",
        "message M { repeated string prenoms = 1; }",
        "message M { string login = 1 [debug_redact = false]; }",
    ],
    "amounts-are-int32": [
        "message M { int64 amount_cents = 1 [debug_redact = true]; }",
        "message M { double ratio = 1; }",
    ],
    "amounts-name-their-unit": ["message M { int32 amount = 1 [debug_redact = true]; }"],
    "confidential-not-in-url": [
        """message M { string nir = 1 [debug_redact = true]; }
        service S { rpc A(M) returns (M) { option (google.api.http) = { get: "/v1/a/{nir}" }; } }""",
        """message M { string nir = 1 [debug_redact = true]; }
        service S { rpc A(M) returns (M) { option (google.api.http) = { get: "/v1/a" }; } }""",
        """message M { string nir = 1 [debug_redact = true]; string id = 2; }
        service S { rpc A(M) returns (M) { option (google.api.http) = { post: "/v1/a" body: "id" }; } }""",
    ],
}


def broken(folder: Path, text: str) -> list[tuple[str, int]]:
    file = folder / "msa/sample/v1/sample.proto"
    file.parent.mkdir(parents=True)
    file.write_text(HEADER + text)
    return [(finding.rule, finding.line) for finding in findings(descriptors(folder))]


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule in BAD for text in BAD[rule]])
def test_what_breaks_a_rule_is_found(tmp_path: Path, rule: str, text: str) -> None:
    assert rule in [found for found, _ in broken(tmp_path, text)]


@pytest.mark.parametrize("rule", GOOD)
def test_what_a_rule_allows_is_left_alone(tmp_path: Path, rule: str) -> None:
    assert broken(tmp_path, GOOD[rule]) == []


def test_the_line_is_told(tmp_path: Path) -> None:
    text = "message A {}\nmessage M {\n  message N {\n    string ok = 1;\n    string nir = 2;\n  }\n}\n"
    assert broken(tmp_path, text) == [("confidential-is-redacted", 8)]


def test_every_rule_has_a_good_and_a_bad_sample() -> None:
    rules = {rule.id for rule in RULES}
    assert (set(GOOD), set(BAD)) == (rules, rules)
