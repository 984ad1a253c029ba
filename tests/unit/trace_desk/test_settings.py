from pathlib import Path

import pytest

from deploy.trace_desk.settings import ENV_PREFIX, TraceDeskSettings, parse_address
from services.kit.config import ConfigError, load


def loaded(tmp_path: Path, text: str, **environ: str) -> TraceDeskSettings:
    path = tmp_path / "trace_desk.toml"
    path.write_text(text)
    return load(TraceDeskSettings, path, ENV_PREFIX, environ)


BOTH = 'otlp_address = "127.0.0.1:4317"\nweb_address = "[::1]:7180"\n'


def test_two_addresses_are_enough(tmp_path: Path) -> None:
    settings = loaded(tmp_path, BOTH)
    assert parse_address(settings.otlp_address) == ("127.0.0.1", 4317)
    assert parse_address(settings.web_address) == ("::1", 7180)


@pytest.mark.parametrize(
    "address", ["0.0.0.0:4317", "[::]:4317", "192.0.2.1:4317", "localhost:4317", "example.org:80"]
)
def test_it_listens_on_this_machine_only_and_says_why(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="no authentication"):
        loaded(tmp_path, BOTH, QF_TRACE_DESK_WEB_ADDRESS=address)


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1", ":80", "127.0.0.1:0", "127.0.0.1:70000", "::1:80", "http://127.0.0.1:80"]
)
def test_an_address_of_another_shape_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="expected HOST:PORT"):
        loaded(tmp_path, BOTH, QF_TRACE_DESK_OTLP_ADDRESS=address)


def test_an_unknown_key_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="maximum_trace: unknown key"):
        loaded(tmp_path, BOTH + "maximum_trace = 3\n")


def test_one_trace_must_fit(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="maximum_spans_per_trace is more"):
        loaded(tmp_path, BOTH, QF_TRACE_DESK_MAXIMUM_SPANS="10")
