from pathlib import Path
from typing import Any

import pytest

from deploy.local.configuration import merged, toml
from services.kit.config import ConfigError, load
from services.mailer.config import MailerSettings

TABLE: dict[str, Any] = {
    "listen_address": "127.0.0.1:7104",
    "caisse_address": "partenaires@msa.example",
    "tls": {"certificate_file": "c", "private_key_file": "k", "ca_file": "a"},
    "clients": {"monitoring": ["health.msa.internal"]},
    "services": {
        name: {"address": "127.0.0.1:1", "server_name": f"{name}.internal"}
        for name in ("partners", "identity")
    },
    "smtp": {"host": "mail.msa.example", "port": 587, "security": "starttls", "sender": "qf@msa.example"},
}


def loaded(path: Path, change: dict[str, Any] | None = None, *without: str) -> MailerSettings:
    table = {key: value for key, value in merged(TABLE, change or {}).items() if key not in without}
    file = path / "mailer.toml"
    file.write_text(toml(table), encoding="utf-8")
    return load(MailerSettings, file, "QF_MAILER_", environ={})


def test_the_shortest_configuration_is_enough(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.delivery.lease_seconds == 900
    address = settings.caisse_addresses.find("21")
    assert address is not None
    assert address.reveal() == "partenaires@msa.example"


def test_a_map_of_caisses_is_enough_without_a_common_address(tmp_path: Path) -> None:
    addresses = loaded(
        tmp_path, {"caisses": {"21": "bourgogne@msa.example"}}, "caisse_address"
    ).caisse_addresses
    assert addresses.find("21") is not None
    assert addresses.find("22") is None


def test_without_any_address_of_a_caisse_the_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"caisse_address or \[caisses\]"):
        loaded(tmp_path, None, "caisse_address")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"caisse_address": "qf"}, "caisse_address: .*e-mail address"),
        ({"caisses": {"21": "a@b.example, c@d.example"}}, r"caisses\.21: .*e-mail address"),
        ({"caisses": {"2A": "a@b.example"}}, "caisses"),
        ({"smtp": {"sender": "a@b.example\r\nBcc: x@y.example"}}, r"smtp\.sender: .*e-mail address"),
        ({"smtp": {"sender_name": "MSA\nBcc: x@y.example"}}, r"smtp\.sender_name: .*one line"),
        ({"smtp": {"security": "ssl"}}, r"smtp\.security"),
        ({"smtp": {"username": "qf"}}, "username and password_file go together"),
        ({"smtp": {"security": "none", "username": "qf", "password_file": "p"}}, "with TLS only"),
        ({"smtp": {"security": "none", "ca_file": "ca.pem"}}, "with TLS only"),
        ({"delivery": {"lease_seconds": 60}, "smtp": {"timeout_seconds": 31}}, "twice smtp.timeout_seconds"),
        ({"smtp": {"starttls": True}}, r"smtp\.starttls: unknown key"),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy_and_without_the_value(
    tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        loaded(tmp_path, change)
    assert "y.example" not in str(refused.value)
