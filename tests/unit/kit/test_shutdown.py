"""SIGTERM ends a server: drain, close and flush under one time-out, whatever hangs."""

import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_SECONDS = 1
# Beside the grace: what Python itself takes to end.
MARGIN_SECONDS = 5


def test_what_does_not_close_is_cut_short(tmp_path: Path) -> None:
    config = tmp_path / "stuck.toml"
    config.write_text(f'listen_address = "unix:{tmp_path}/s"\nshutdown_grace_seconds = {GRACE_SECONDS}\n')
    command = (sys.executable, "-m", "tests.unit.kit.stuck_server", "--config", str(config))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "server_started" in process.stdout.readline()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait() == 0
    assert "shutdown_cut_short" in rest
    assert time.monotonic() - began < GRACE_SECONDS + MARGIN_SECONDS


def test_a_configuration_that_cannot_be_used_ends_with_2_and_the_remedy(tmp_path: Path) -> None:
    config = tmp_path / "stuck.toml"
    config.write_text('listen_address = "unix:/s"\nlisten_adress = "typo"\n')
    command = (sys.executable, "-m", "tests.unit.kit.stuck_server", "--config", str(config))
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "listen_adress: unknown key; remove or correct it" in ended.stderr
    assert "typo" not in ended.stderr
