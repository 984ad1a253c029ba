"""What the person at the keyboard sees: progress, one screen when ready, then a line per event."""

from time import monotonic
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from deploy.local.supervisor import Change, State
from services.kit.clock import PARIS, Clock

STYLES = {
    State.WAITING: "dim",
    State.STARTING: "yellow",
    State.READY: "green",
    State.ENDED: "bold red",
    State.STOPPED: "dim",
}


class Screen:
    """Shows changes of components: as a live table while starting on a terminal, else line by line."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._changes: dict[str, Change] = {}
        self._since: dict[str, float] = {}
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end_progress()

    def end_progress(self) -> None:
        """From here on a line per event."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def report(self, change: Change) -> None:
        """Shows one change of a component or step."""
        self._changes[change.name] = change
        self._since[change.name] = monotonic()
        if self._live is None and change.state is not State.WAITING:
            self.say(_in_words(change), STYLES[change.state])

    def say(self, text: str, style: str = "") -> None:
        """Shows one line with the time of day."""
        time = f"{self._clock.now().astimezone(PARIS):%H:%M:%S}"
        self._console.print(Text(f"{time}  {text}", style), soft_wrap=True)

    def show(self, title: str, sections: dict[str, str]) -> None:
        """One screen of titled texts, in which long lines stay whole so that they can be copied."""
        if self._console.is_terminal:
            self._console.print(Panel(Text(title, "bold green"), expand=False))
        else:
            self._console.print(title)
        for heading, text in sections.items():
            self._console.print(Text(f"\n{heading}", "bold"))
            self._console.print(Text(text), soft_wrap=True)
        self._console.print()

    def _table(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for name, change in self._changes.items():
            busy = change.state is State.STARTING
            mark = (
                Spinner("dots", style="yellow") if busy else Text("✓" if change.state is State.READY else "·")
            )
            seconds = monotonic() - self._since[name] if busy else change.seconds
            style = STYLES[change.state]
            table.add_row(
                mark,
                Text(name, style),
                Text(change.state, style),
                Text(f"{seconds:.1f} s" if seconds else "", style),
                Text(change.detail, style),
            )
        return Group(table)


def _in_words(change: Change) -> str:
    seconds = f" after {change.seconds:.1f} s" if change.state is State.READY else ""
    return f"{change.name}: {change.state}{seconds}{': ' if change.detail else ''}{change.detail}"
