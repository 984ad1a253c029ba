"""`qf` against fakes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.integration.cli.fakes import SERVICES, Fakes, Script


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    """One CA for all of them: making one takes a while."""
    return trustme.CA()


@pytest.fixture
def fakes(tmp_path: Path, ca: trustme.CA) -> Iterator[Fakes]:
    """The three services as fakes."""
    running = Fakes(tmp_path, ca, Script())
    running.start()
    yield running
    running.script.is_stopping.set()
    for name in SERVICES:
        running.stop(name)
