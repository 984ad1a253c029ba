import signal
import stat
from collections.abc import Sequence
from pathlib import Path
from time import sleep

import pytest

from deploy.local.layout import Layout
from deploy.local.lock import is_held
from deploy.local.processes import Process, ProcessFile
from tests.integration.local.conftest import Command, Launch
from tests.stack import Stack, StackFailed, launch


def processes(layout: Layout) -> list[Process]:
    return list(ProcessFile(layout.processes_file).read().values())


async def test_killed_part_comes_back_and_the_screen_says_so(small_stack: Stack) -> None:
    killed = small_stack.process("valkey")
    small_stack.kill("valkey")
    await small_stack.wait_until_ready("valkey")
    assert small_stack.process("valkey") != killed
    assert "valkey: ended: killed by SIGKILL; starting again in 0.5 s" in small_stack.output


def test_second_start_is_refused_with_address_and_pid(small_stack: Stack, command: Command) -> None:
    second = command("up", "--root", str(small_stack.layout.root), "--ports", "free", "--only", "valkey")
    assert second.status == 1
    assert f"already runs: {small_stack.gateway_url} (pid {small_stack.supervisor.pid})" in second.error
    assert small_stack.layout.demo_file.exists()


def test_status_tells_what_runs(small_stack: Stack, command: Command) -> None:
    running = command("status", "--root", str(small_stack.layout.root))
    assert running.status == 0
    assert str(small_stack.process("valkey").pid) in running.out


def secret_files(layout: Layout) -> Sequence[Path]:
    return [path for path in layout.secrets.rglob("*") if path.is_file()]


def test_secrets_are_their_owners_only(small_stack: Stack) -> None:
    layout = small_stack.layout
    private = [*secret_files(layout), *layout.tls.glob("*.key"), layout.demo_file]
    private.append(layout.config / "valkey.conf")
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    folders = [layout.secrets, *(path for path in layout.secrets.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_down_stops_what_runs_elsewhere(launched: Launch, command: Command) -> None:
    stack = launched(["valkey"])
    root = str(stack.layout.root)
    started = processes(stack.layout)
    assert "The stack is stopped." in command("down", "--root", root).out
    assert not any(process.is_alive() for process in started)
    assert not stack.layout.demo_file.exists()
    assert command("status", "--root", root).status == 3
    assert "does not run" in command("down", "--root", root).out


async def test_start_after_a_killed_one_keeps_the_secrets(launched: Launch) -> None:
    first = launched(["valkey"])
    secrets = {path: path.read_bytes() for path in secret_files(first.layout)}
    started = processes(first.layout)
    first.supervisor.send(signal.SIGKILL)
    for process in started:
        assert await process.ended_within(5), "what a killed supervisor started ends with it"
    assert not is_held(first.layout.lock_file)
    launched(["valkey"])
    assert {path: path.read_bytes() for path in secrets} == secrets


def test_reset_asks_and_then_removes_all_it_wrote(launched: Launch, command: Command) -> None:
    stack = launched(["valkey"])
    root = stack.layout.root
    refused = command("reset", "--root", str(root))
    assert (refused.status, stack.layout.secrets.exists()) == (1, True)
    assert "Nothing was removed" in refused.error
    assert command("reset", "--root", str(root), "--yes").status == 0
    assert {path.name for path in root.iterdir()} == {"up.log"}


def test_interrupt_during_the_start_stops_what_was_started(root: Path) -> None:
    stack = launch(root, ["trace_desk", "valkey"])
    while not (started := processes(stack.layout)):
        sleep(0.01)
    stack.stop()
    assert not any(process.is_alive() for process in started)
    assert not is_held(stack.layout.lock_file)
    assert "Stopping what was started" in stack.output


async def test_root_may_have_a_long_path_with_spaces_and_quotes(launched: Launch, root: Path) -> None:
    long_root = root / "a folder with spaces, 'quotes', \"double\" ones and é" / ("x" * 60)
    long_root.mkdir(parents=True)
    stack = launched(["databases", "valkey", "gateway"], at=long_root)
    for name in ("postgres", "valkey", "gateway"):
        await stack.wait_until_ready(name)
    assert stack.demo["logs"] == str(long_root / "logs")


def test_unknown_part_is_refused_with_those_there_are(root: Path, command: Command) -> None:
    refused = command("up", "--root", str(root), "--ports", "free", "--only", "postgers")
    assert refused.status == 1
    assert "--only postgers: no such part; there are postgres, valkey" in refused.error


def test_folder_that_cannot_be_made_is_named(root: Path, command: Command) -> None:
    (root / "file").touch()
    refused = command("up", "--root", str(root / "file" / "below"), "--only", "valkey")
    assert refused == (1, "", f"{root}/file/below cannot be used: Not a directory.\n")


def test_component_that_cannot_start_is_shown_with_its_log(root: Path) -> None:
    (root / "data" / "valkey" / "appendonlydir").mkdir(parents=True)
    (root / "data" / "valkey" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(StackFailed, match=r"(?s)valkey does not start \(ended with 1\).*valkey.log:.*AOF"):
        launch(root, ["valkey"]).wait_for_start()
