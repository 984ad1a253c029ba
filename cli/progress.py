"""A progress bar for what takes more than two seconds, and only where somebody watches."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

_PATIENCE_SECONDS = 2.0


class LateProgress:
    """Appears on a terminal once two seconds have passed; until then, and elsewhere, it costs nothing."""

    def __init__(self, console: Console, text: str, total: int | None) -> None:
        self._shown = console.is_terminal
        self._console = console
        self._text = text
        self._total = total
        self._start = time.monotonic()
        self._progress: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    @property
    def elapsed_seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._start

    def advance_to(self, completed: int, counted: str) -> None:
        """Shows how far it is, of the total, and what was counted so far."""
        if not self._shown or self.elapsed_seconds < _PATIENCE_SECONDS:
            return
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[counted]}"),
                console=self._console,
                transient=True,
            )
            self._progress.start()
            # What was done before it appeared tells nothing of the pace.
            self._task = self._progress.add_task(
                self._text, total=self._total, completed=completed, counted=counted
            )
        self._progress.update(self._task, completed=completed, counted=counted)
