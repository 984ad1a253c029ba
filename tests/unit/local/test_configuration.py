import tomllib
from pathlib import Path

import pytest

from cli.connection import QfSettings
from deploy.local.configuration import gateway_socket, toml, write_configuration
from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout
from deploy.local.mail_sink import MailSinkSettings
from deploy.local.options import Options
from deploy.local.settings import Overrides, Ports
from deploy.trace_desk.settings import TraceDeskSettings
from gateway.config import GatewaySettings
from gateway.edge.config import EdgeSettings
from services.identity.config import IdentitySettings
from services.kit.config import Section, load
from services.kit.migrate import OwnerSettings
from services.mailer.config import MailerSettings
from services.partners.config import PartnersSettings
from services.quotient.config import QuotientSettings

SOCKET = "/run/qf/gateway.sock"


def written(root: Path, overrides: Overrides | None = None, always_open: bool = True) -> Layout:
    layout = Layout(root / 'a "root" with é')
    layout.make()
    options = Options(Ports(), overrides or {}, with_demo=True, always_open=always_open, only=[])
    write_configuration(layout, options, SOCKET)
    return layout


@pytest.mark.parametrize(
    ("name", "settings_class"),
    [
        ("identity", IdentitySettings),
        ("partners", PartnersSettings),
        ("quotient", QuotientSettings),
        ("gateway", GatewaySettings),
        ("edge", EdgeSettings),
        ("trace_desk", TraceDeskSettings),
        ("mailer", MailerSettings),
        ("mail", MailSinkSettings),
        ("identity_owner", OwnerSettings),
        ("partners_owner", OwnerSettings),
        ("quotient_owner", OwnerSettings),
    ],
)
def test_every_server_takes_its_settings(tmp_path: Path, name: str, settings_class: type[Section]) -> None:
    file = written(tmp_path).config / f"{name}.toml"
    settings = load(settings_class, file, "QF_TEST_", environ={})
    assert tomllib.loads(file.read_text(encoding="utf-8")).keys() <= settings.model_fields_set


def test_qf_takes_its_settings(tmp_path: Path) -> None:
    layout = written(tmp_path)
    settings = load(QfSettings, layout.qf_config_file, "QF_TEST_", environ={})
    assert settings.tls.certificate_file == layout.tls / "qf.pem"


def test_every_settings_file_is_some_servers(tmp_path: Path) -> None:
    servers = {"identity", "partners", "quotient", "gateway", "edge", "trace_desk", "mailer", "mail"}
    owners = {"identity_owner", "partners_owner", "quotient_owner"}
    assert {file.stem for file in written(tmp_path).config.iterdir()} == servers | owners


def test_the_mailer_writes_to_the_mail_sink_of_this_stack(tmp_path: Path) -> None:
    layout = written(tmp_path)
    mailer = load(MailerSettings, layout.config / "mailer.toml", "QF_TEST_", environ={})
    sink = load(MailSinkSettings, layout.config / "mail.toml", "QF_TEST_", environ={})
    assert (mailer.smtp.host, mailer.smtp.port) == ("127.0.0.1", sink.port)
    assert sink.folder == layout.mail


@pytest.mark.parametrize("always_open", [True, False])
def test_hours_are_those_asked_for(tmp_path: Path, always_open: bool) -> None:
    file = written(tmp_path, always_open=always_open).config / "gateway.toml"
    assert load(GatewaySettings, file, "QF_TEST_", environ={}).hours.always_open is always_open


def test_override_changes_one_key_and_leaves_its_neighbours(tmp_path: Path) -> None:
    layout = written(tmp_path, {"identity": {"tls": {"ca_file": "/other.pem"}}})
    settings = load(IdentitySettings, layout.config / "identity.toml", "QF_TEST_", environ={})
    assert settings.tls.ca_file == Path("/other.pem")
    assert settings.tls.certificate_file == layout.tls / "identity.pem"


def test_override_of_an_unknown_server_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"--set portal\.…: no such server; known are identity"):
        written(tmp_path, {"portal": {"x": 1}})


def test_socket_of_the_gateway_is_found_again(tmp_path: Path) -> None:
    assert gateway_socket(written(tmp_path)) == SOCKET


def test_toml_reads_back_as_it_was() -> None:
    table = {"a": 'é "quoted" \\ 😀', "b": True, "c": [1, 2], "d": {"e": {"f": 1.5}, "g": "x"}}
    assert tomllib.loads(toml(table)) == table
