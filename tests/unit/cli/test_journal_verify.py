"""`qf journal verify`: what an auditor sees, on a machine that knows nothing of the suite (N7)."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.root import app
from services.kit.transparency.signed_note import Signer
from services.kit.transparency.timestamp import granted_token, timestamp_query, to_response
from tests.timestamp_authority import TimestampAuthority
from tests.unit.kit.transparency.exports import SIGNER, Export, entry, head

COUNT = 20
SEALED = [entry(number) for number in range(COUNT)]
KEY = str(SIGNER.verifier_key)


def note(entries: Sequence[bytes], signer: Signer = SIGNER) -> str:
    return signer.sign(head(entries).checkpoint.encode())


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """An export, with its checkpoint beside it."""
    return written(tmp_path, SEALED)


def written(folder: Path, shown: Sequence[bytes], sealed: Sequence[bytes] = SEALED) -> Path:
    file = folder / "journal.txt"
    file.write_bytes(b"".join(Export(shown, len(sealed)).lines()))
    (folder / "journal.txt.checkpoint").write_text(note(sealed), encoding="utf-8")
    return file


def verify(file: Path, *options: str, key: str = KEY) -> Result:
    """Runs it where there is no configuration, so that no service could be reached."""
    nowhere = str(file.parent / "nowhere.toml")
    return CliRunner().invoke(
        app, ["journal", "verify", str(file), "--key", key, "--config", nowhere, *options]
    )


def test_an_intact_journal_is_told_without_any_service(journal: Path) -> None:
    told = verify(journal)
    assert told.exit_code == 0, told.stderr
    assert "intact                   yes" in told.stdout


def test_the_key_may_be_in_a_file(journal: Path) -> None:
    key = journal.parent / "journal.key"
    key.write_text(f"{KEY}\n")
    assert verify(journal, key=str(key)).exit_code == 0


def test_findings_are_told_by_line_and_the_status_is_1(tmp_path: Path) -> None:
    told = verify(written(tmp_path, [*SEALED[:3], SEALED[2], *SEALED[4:]]))
    assert told.exit_code == 1
    assert "5     has the consultation_id of a line before it: it was copied" in told.stdout
    assert "is not as it was sealed: 2 findings" in told.stderr


def test_json_has_every_finding(tmp_path: Path) -> None:
    told = verify(written(tmp_path, [*SEALED[:3], b"rubbish", *SEALED[4:]]), "--json")
    document = json.loads(told.stdout)
    assert (told.exit_code, document["intact"], document["finding_count"]) == (1, False, 1)
    assert document["findings"] == [{"line": 5, "reason": "is no line of an export"}]
    assert json.loads(told.stderr)["error"]["reason"] == "JOURNAL_NOT_INTACT"


def test_many_findings_are_counted(tmp_path: Path) -> None:
    told = verify(written(tmp_path, [b"rubbish"] * 50))
    assert "… and 60 more." in told.stderr


def test_kept_checkpoints_find_a_journal_that_was_sealed_anew(tmp_path: Path) -> None:
    rewritten = [SEALED[0].replace(b"AVAILABLE", b"OPPOSED"), *SEALED[1:]]
    journal = written(tmp_path, rewritten, rewritten)
    assert verify(journal).exit_code == 0
    kept = tmp_path / "monday.checkpoint"
    kept.write_text(note(SEALED[:7]))
    told = verify(journal, "--checkpoint", str(kept), "--json")
    assert told.exit_code == 1
    [finding] = json.loads(told.stdout)["findings"]
    assert "it was rewritten in between" in finding["reason"]


def test_a_checkpoint_that_another_key_signed_is_refused(journal: Path) -> None:
    other = Signer(SIGNER.verifier_key.name, bytes(32))
    told = verify(journal, key=str(other.verifier_key))
    assert told.exit_code == 1
    assert "is no checkpoint of this journal: the note is not signed with the key" in told.stderr


@pytest.mark.parametrize("key", ["nonsense", "/no/such/file", KEY[:-4]])
def test_what_is_no_key_is_refused(journal: Path, key: str) -> None:
    told = verify(journal, key=key)
    assert told.exit_code == 2
    assert "--key is no verifier key" in told.stderr


def test_what_is_no_export_is_refused(journal: Path) -> None:
    journal.write_text("nonsense\n")
    told = verify(journal)
    assert told.exit_code == 1
    assert "is no export of a journal" in told.stderr


@pytest.mark.parametrize("name", ["journal.txt", "journal.txt.checkpoint"])
def test_a_file_that_is_not_there_is_named(journal: Path, name: str) -> None:
    (journal.parent / name).unlink()
    told = verify(journal)
    assert told.exit_code == 2
    assert f"Cannot read {journal.parent / name}." in told.stderr


def test_a_time_stamp_is_verified_with_its_authority(
    journal: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority, other = (TimestampAuthority(tmp_path_factory.mktemp("authority")) for _ in range(2))
    query = timestamp_query(note(SEALED))
    token = granted_token(authority.answer(query.message), query)
    (journal.parent / "journal.txt.checkpoint.tsr").write_bytes(to_response(token))
    told = verify(journal, "--timestamp-ca", str(authority.ca_file), "--json")
    assert told.exit_code == 0, told.stderr
    assert json.loads(told.stdout)["timestamp_time"]
    told = verify(journal, "--timestamp-ca", str(other.ca_file))
    assert told.exit_code == 1
    assert "not by that authority" in told.stderr
