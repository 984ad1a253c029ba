"""Who has the machine: tests in several processes share it, a test that judges by time has it to itself."""

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Machine:
    """Shared by the processes of one run, through two locked files."""

    def __init__(self, folder: Path) -> None:
        self._turnstile = folder / "turnstile"
        self._held = folder / "held"

    @classmethod
    def of_a_run(cls) -> "Machine":
        """For the processes of one run to share; `folder` names it to them, `remove` ends it."""
        return cls(Path(tempfile.mkdtemp(prefix="qf-machine-")))

    @property
    def folder(self) -> Path:
        """Where the locks lie."""
        return self._held.parent

    def remove(self) -> None:
        """Removes the locks, when no process is left."""
        for file in (self._turnstile, self._held):
            file.unlink(missing_ok=True)
        self.folder.rmdir()

    @contextmanager
    def used(self, *, alone: bool) -> Iterator[None]:
        """Waits for one's turn, and has the machine until the end, together with others or alone."""
        with self._held.open("w") as held:
            # Whoever waits to be alone stands in the turnstile: nobody else begins meanwhile.
            with self._turnstile.open("w") as turnstile:
                fcntl.flock(turnstile, fcntl.LOCK_EX)
                fcntl.flock(held, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            yield
