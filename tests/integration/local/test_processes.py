import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.errors import LocalStackError
from deploy.local.layout import Layout
from deploy.local.lock import hold, holder, is_held
from deploy.local.ports import listener_of, require_free
from deploy.local.processes import Process, ProcessFile, end_left_overs


@pytest.fixture
def sleeper() -> Iterator[Process]:
    """A process of its own group."""
    started = subprocess.Popen(("sleep", "60"), start_new_session=True)
    process = Process.of(started.pid)
    assert process is not None
    yield process
    started.kill()
    started.wait()


async def test_left_over_of_a_killed_run_is_ended(layout: Layout, sleeper: Process) -> None:
    ProcessFile(layout.processes_file).add("valkey", sleeper)
    assert await end_left_overs(ProcessFile(layout.processes_file)) == ["valkey"]
    assert not sleeper.is_alive()


async def test_process_that_took_over_the_pid_is_left_alone(layout: Layout, sleeper: Process) -> None:
    earlier = Process(sleeper.pid, sleeper.start_time - 1)
    ProcessFile(layout.processes_file).add("valkey", earlier)
    assert await end_left_overs(ProcessFile(layout.processes_file)) == []
    assert sleeper.is_alive()


@pytest.mark.parametrize("content", ["", "{", '{"valkey": {"pid": 1}}'])
def test_cut_processes_file_is_no_problem(layout: Layout, content: str) -> None:
    layout.processes_file.write_text(content)
    assert ProcessFile(layout.processes_file).read() == {}


def test_second_holder_is_told_of_the_first(layout: Layout) -> None:
    with hold(layout.lock_file, "https://127.0.0.1:8443"):
        assert is_held(layout.lock_file)
        expected = rf"already runs: https://127.0.0.1:8443 \(pid {os.getpid()}\)(?s:.*)make down"
        with pytest.raises(LocalStackError, match=expected), hold(layout.lock_file, "other"):
            pass
    assert not is_held(layout.lock_file)


@pytest.mark.parametrize("content", ["", '{"pid": 1, "start_time": 1, "address": "x"}', "not JSON"])
def test_stale_lock_file_does_not_matter(layout: Layout, content: str) -> None:
    layout.lock_file.write_text(content)
    with hold(layout.lock_file, "new"):
        other = holder(layout.lock_file)
    assert other is not None
    assert other.address == "new"


def test_busy_port_is_told_with_its_process_and_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        name = Path("/proc/self/comm").read_text().strip()
        with pytest.raises(LocalStackError) as refused:
            require_free({"valkey_port": port})
    assert f"Port {port} on 127.0.0.1 is busy: pid {os.getpid()} ({name})" in str(refused.value)
    assert "QF_LOCAL_VALKEY_PORT=PORT make up" in str(refused.value)


def test_free_port_has_no_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    require_free({"valkey_port": port})
    assert listener_of(port) is None
