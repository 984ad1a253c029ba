"""Which format a file has, how it is looked at before it is read, and what is no file to read."""

import hashlib
from pathlib import Path

import pytest

from cli.columns import FileRefused
from cli.dossier_files import FileFormat, opened
from cli.dossier_rules import Dossier
from cli.errors import UsageFailed
from tests.unit.cli.lines import line
from tests.unit.cli.rows import ROW, csv_file, rule_of


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def refused(path: Path) -> str:
    with pytest.raises(FileRefused) as error, opened(path, None):
        pass
    return rule_of(error.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("d.ndjson", line()), ("d.JSONL", line()), ("d.csv", csv_file(ROW))],
)
def test_the_name_tells_the_format(tmp_path: Path, name: str, content: bytes) -> None:
    path = write(tmp_path, name, content)
    with opened(path, None) as source:
        assert [type(entry.content) for entry in source.entries(0)] == [Dossier]
        assert (source.total, source.position()) == (len(content), len(content))
        assert source.digest == hashlib.sha256(content).digest()


def test_a_format_is_named_where_the_name_does_not_tell_it(tmp_path: Path) -> None:
    path = write(tmp_path, "export.txt", csv_file(ROW))
    with pytest.raises(UsageFailed) as unknown, opened(path, None):
        pass
    assert "--format" in unknown.value.remedy
    with opened(path, FileFormat.CSV) as source:
        assert len(list(source.entries(0))) == 1


@pytest.mark.parametrize("name", ["d.csv", "d.ndjson"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named_with_the_remedy(tmp_path: Path, name: str, encoding: str) -> None:
    path = write(tmp_path, name, csv_file(ROW).decode().encode(encoding))
    with pytest.raises(FileRefused) as error, opened(path, None):
        pass
    assert rule_of(error.value) == "ENCODING"
    assert "UTF-16" in error.value.message
    assert "UTF-8" in error.value.remedy


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize("before", [0, 3, 20_000])
def test_latin_1_is_named_with_its_first_line_and_the_remedy(
    tmp_path: Path, encoding: str, before: int
) -> None:
    ascii_row = {**ROW, "prenoms": "JEANNE"}
    text = csv_file(*[ascii_row] * before, ROW).decode()
    path = write(tmp_path, "d.csv", text.encode(encoding))
    with pytest.raises(FileRefused) as error, opened(path, None):
        pass
    assert rule_of(error.value) == "ENCODING"
    assert "Windows-1252" in error.value.message
    assert f"line {before + 2} " in error.value.message
    assert "UTF-8" in error.value.remedy


def test_a_character_that_two_blocks_share_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.dossier_files._BLOCK_BYTES", 7)
    content = csv_file(ROW)
    with opened(write(tmp_path, "d.csv", content), None) as source:
        assert source.digest == hashlib.sha256(content).digest()


def test_a_parquet_file_that_is_none_is_told(tmp_path: Path) -> None:
    assert refused(write(tmp_path, "d.parquet", line())) == "PARQUET"
