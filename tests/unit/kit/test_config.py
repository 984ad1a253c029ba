from pathlib import Path

import pytest
from pydantic import Field

from services.kit.config import ConfigError, Section, load, read_key, read_secret

SECRET = "hunter2-hunter2"


class StoreSettings(Section):
    host: str
    port: int = Field(default=5432, ge=1)


class Settings(Section):
    name: str
    store: StoreSettings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text('name = "one"\n[store]\nhost = "db"\n')
    return path


def refusal(path: Path, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as error:
        load(Settings, path, "QF_TEST_", environ or {})
    return str(error.value)


def test_a_file_is_read(file: Path) -> None:
    assert load(Settings, file, "QF_TEST_", {}) == Settings(name="one", store=StoreSettings(host="db"))


def test_the_environment_lies_over_the_file(file: Path) -> None:
    environ = {"QF_TEST_STORE__PORT": "7432", "QF_TEST_NAME": "two", "QF_OTHER_NAME": "three"}
    settings = load(Settings, file, "QF_TEST_", environ)
    assert (settings.name, settings.store.host, settings.store.port) == ("two", "db", 7432)


def test_the_environment_alone_can_fill_a_table(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('name = "one"\n')
    assert load(Settings, file, "QF_TEST_", {"QF_TEST_STORE__HOST": "db"}).store.host == "db"


@pytest.mark.parametrize("line", ['colour = "red"', "[colours]\nfirst = 1"])
def test_an_unknown_key_stops_the_start(file: Path, line: str) -> None:
    file.write_text(f"{line}\n" if line.startswith("[") else f"{line}\n{file.read_text()}")
    assert "colour" in refusal(file)
    assert "unknown key" in refusal(file)


def test_an_unknown_variable_stops_the_start(file: Path) -> None:
    assert "store.prot: unknown key" in refusal(file, {"QF_TEST_STORE__PROT": "1"})


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('name = "one"\n')
    assert "store: Field required" in refusal(file)


@pytest.mark.parametrize("value", [f'"{SECRET}"', "-1", "1.5", "[1]"])
def test_a_value_of_the_wrong_kind_is_named_by_its_key(file: Path, value: str) -> None:
    file.write_text(f"{file.read_text()}port = {value}\n")
    assert "store.port:" in refusal(file)


def test_no_message_holds_a_value(file: Path) -> None:
    environ = {"QF_TEST_STORE__PORT": SECRET, "QF_TEST_STORE__PROT": SECRET, "QF_TEST_NMAE": SECRET}
    message = refusal(file, environ)
    assert SECRET not in message
    assert message.count("\n") == 3


def test_a_file_that_is_not_there_or_no_toml_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent.toml"
    assert str(absent) in refusal(absent)
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    assert "is not TOML" in refusal(broken)


def test_settings_do_not_change(file: Path) -> None:
    settings = load(Settings, file, "QF_TEST_", {})
    with pytest.raises(ValueError, match="frozen"):
        settings.name = "two"


def test_a_secret_is_read_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f" {SECRET} \r\n")
    assert read_secret(file) == f" {SECRET} "


def test_a_key_has_its_length_or_is_refused_unseen(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"k" * 32)
    assert read_key(file) == b"k" * 32
    file.write_bytes(SECRET.encode())
    with pytest.raises(ConfigError, match="exactly 32 bytes") as refusal:
        read_key(file)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("read", [read_secret, read_key])
def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(ConfigError, match="absent"):
        read(tmp_path / "absent")
