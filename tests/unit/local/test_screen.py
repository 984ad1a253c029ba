import io
import json
import shlex
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from deploy.local.layout import Layout
from deploy.local.options import Options
from deploy.local.screen import Screen
from deploy.local.settings import Ports
from deploy.local.supervisor import Change, State
from deploy.local.welcome import welcome
from tests.clock import FakeClock

USER = {
    "login": "x21-abc",
    "temporary_password": "it's-a-secret",
    "temporary_password_expire_time": "2026-12-01T00:00:00+00:00",
    "password_changed": False,
    "partner": "Mairie de Montfaucelle",
    "caisse": "21",
    "account_id": "a",
    "habilitation_id": "h",
    "convention_id": "c",
    "partner_id": "p",
}


def screen() -> tuple[Screen, io.StringIO]:
    output = io.StringIO()
    noon_in_paris = FakeClock(datetime(2026, 11, 23, 11, tzinfo=UTC))
    return Screen(Console(file=output, width=60), noon_in_paris), output


def section(root: Path, heading: str, *, password_changed: bool = False, always_open: bool = True) -> str:
    layout = Layout(root)
    layout.make()
    user = USER | {"password_changed": password_changed}
    (layout.data / "demo.json").write_text(json.dumps({"users": {"a@b": user}, "nirs": {}}))
    options = Options(Ports(), {}, with_demo=True, always_open=always_open, only=[])
    sections = welcome(layout, options)[1]
    return next(text for name, text in sections.items() if name.startswith(heading))


def test_without_a_terminal_every_change_is_one_plain_line() -> None:
    shown, output = screen()
    with shown:
        shown.report(Change("valkey", State.WAITING))
        shown.report(Change("valkey", State.STARTING))
        shown.report(Change("valkey", State.READY, 1.25))
        shown.report(Change("valkey", State.ENDED, detail="killed by SIGKILL; starting again in 0.5 s"))
    assert output.getvalue().splitlines() == [
        "12:00:00  valkey: starting",
        "12:00:00  valkey: ready after 1.2 s",
        "12:00:00  valkey: ended: killed by SIGKILL; starting again in 0.5 s",
    ]


def test_commands_stay_on_one_line_however_narrow_the_screen() -> None:
    shown, output = screen()
    command = "  curl " + "x" * 200
    shown.show("Ready.", {"Try it": command})
    assert command in output.getvalue().splitlines()


def test_sign_in_command_carries_the_password_through_a_pipe(tmp_path: Path) -> None:
    command = section(tmp_path, "Try it").splitlines()[0]
    echo, body, pipe, curl, *arguments = shlex.split(command)
    assert (echo, pipe, curl) == ("echo", "|", "curl")
    assert json.loads(body) == {"login": "x21-abc", "password": "it's-a-secret"}
    assert not any("secret" in argument for argument in arguments)


def test_paths_with_spaces_can_be_copied(tmp_path: Path) -> None:
    command = section(tmp_path / "with space", "Try it").splitlines()[2]
    assert str(tmp_path / "with space" / "qf.toml") in shlex.split(command)


def test_password_that_was_chosen_is_not_pretended_to_be_known(tmp_path: Path) -> None:
    shown = section(tmp_path, "Demo sign-in", password_changed=True)
    assert "the password you chose" in shown
    assert "user new-password --habilitation h" in shown
    assert "secret" not in shown + section(tmp_path, "Try it", password_changed=True)


def test_password_that_an_example_chose_is_shown(tmp_path: Path) -> None:
    (tmp_path / "demo-passwords.json").write_text('{"x21-abc": "Coquelicot"}')
    assert "login x21-abc, password Coquelicot" in section(tmp_path, "Demo sign-in", password_changed=True)
    assert "Coquelicot" in section(tmp_path, "Try it", password_changed=True)


def test_hours_are_told(tmp_path: Path) -> None:
    assert "open at any hour" in section(tmp_path, "Hours")
    assert "As in production: 05:00–23:00" in section(tmp_path, "Hours", always_open=False)


def test_the_folder_of_the_mail_is_told(tmp_path: Path) -> None:
    assert f"{tmp_path}/mail  (what would have been sent)" in section(tmp_path, "Addresses")
