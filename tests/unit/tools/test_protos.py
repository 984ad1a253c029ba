import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.paths import PROTOS
from tools.protos import (
    ProtosError,
    breaking,
    check_generated,
    generate,
    lint,
    release,
    write_generated,
)

SESSIONS = "msa/gateway/v1/session_service.proto"
Edit = Callable[[str], str]


@pytest.fixture
def protos(tmp_path: Path) -> Path:
    """A copy of the project's protos, released as they are."""
    copy = tmp_path / "protos"
    shutil.copytree(PROTOS / "msa", copy / "msa", ignore=shutil.ignore_patterns("__pycache__"))
    release(copy, tmp_path / "released.binpb")
    return copy


def edit(protos: Path, change: Edit, name: str = SESSIONS) -> None:
    file = protos / name
    before = file.read_text()
    file.write_text(change(before))
    assert file.read_text() != before


def without_line(text: str, beginning: str) -> str:
    lines = text.splitlines(keepends=True)
    position = next(number for number, line in enumerate(lines) if line.strip().startswith(beginning))
    return "".join(lines[:position] + lines[position + 1 :])


def test_the_projects_own_protos_and_code_pass(protos: Path) -> None:
    check_generated(protos)
    lint(protos)
    breaking(protos, protos.parent / "released.binpb")
    assert list(protos.rglob("*_pb2.py"))


def test_generating_twice_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    generate(PROTOS, tmp_path / "one")
    generate(PROTOS, tmp_path / "two")
    first, second = (
        {file.relative_to(tmp_path / name): file.read_bytes() for file in (tmp_path / name).rglob("*.py*")}
        for name in ("one", "two")
    )
    assert first == second
    assert first


def test_code_that_lags_behind_its_proto_is_found_and_brought_up_to_date(protos: Path) -> None:
    edit(
        protos,
        lambda text: text.replace("// ", "// Now: ", 1).replace("string login = 1", "string login = 101"),
    )
    with pytest.raises(ProtosError, match=r"session_service_pb2\.py: differs\n"):
        check_generated(protos)
    write_generated(protos)
    check_generated(protos)


def test_code_that_no_proto_generates_is_found_and_removed(protos: Path) -> None:
    (protos / SESSIONS).rename(protos / "msa/gateway/v1/sign_in_service.proto")
    with pytest.raises(ProtosError, match=r"session_service_pb2\.py: no proto generates it") as found:
        check_generated(protos)
    assert "sign_in_service_pb2.py: missing" in str(found.value)
    write_generated(protos)
    check_generated(protos)
    assert not (protos / "msa/gateway/v1/session_service_pb2.py").exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: without_line(text, "string session_token = 1"), "was deleted"),
        (lambda text: text.replace("string login = 1", "string login = 101"), "was deleted"),
        (lambda text: text.replace("string login = 1", "string identifier = 1"), "changed name"),
        (lambda text: text.replace("string login = 1", "bytes login = 1"), "changed type"),
        (lambda text: text.replace("rpc GetSession(", "rpc ShowSession("), 'RPC "GetSession"'),
    ],
    ids=["field removed", "field renumbered", "field renamed", "field of another type", "method renamed"],
)
def test_a_change_that_breaks_a_released_client_is_refused(
    protos: Path, change: Edit, complaint: str
) -> None:
    edit(protos, change)
    with pytest.raises(ProtosError, match=complaint):
        breaking(protos, protos.parent / "released.binpb")


def test_what_is_added_breaks_nobody(protos: Path) -> None:
    released = protos.parent / "released.binpb"
    edit(protos, lambda text: f"{text}\n// Added.\nmessage Added {{\n  // Added.\n  string added = 1;\n}}\n")
    breaking(protos, released)
    release(protos, released)
    edit(protos, lambda text: without_line(text, "string added = 1"))
    with pytest.raises(ProtosError, match="was deleted"):
        breaking(protos, released)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: f"{text}\nmessage Bare {{}}\n", "comment"),
        (lambda text: text.replace("string login = 1", "string LoginName = 1"), "lower_snake_case"),
        (
            lambda text: text.replace("returns (SignInResponse)", "returns (GetSessionResponse)"),
            "SignInResponse",
        ),
    ],
    ids=["no comment", "name of a field", "response of another method"],
)
def test_a_proto_that_is_not_as_ours_are_is_refused(protos: Path, change: Edit, complaint: str) -> None:
    edit(protos, change)
    with pytest.raises(ProtosError, match=complaint):
        lint(protos)


def test_a_proto_that_does_not_compile_is_told(protos: Path) -> None:
    edit(protos, lambda text: f"{text}\nmessage {{\n")
    with pytest.raises(ProtosError, match=SESSIONS):
        lint(protos)
