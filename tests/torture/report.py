"""What a run did and what is wrong with it, on a terminal."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table

from tests.torture.harness import Run
from tests.torture.history import Answer, History, Operation
from tests.torture.telling import told
from tests.torture.verdict import Violation, counted, decided

VIOLATIONS_TOLD = 5


def progress(run: Run) -> str:
    """How far it is."""
    notes = run.notes
    return (
        f"{notes.answered:,} of {run.plan.operations:,} calls answered, {len(notes.operations) - notes.answered:,} cut;"
        f" {run.kills.total()} of {run.plan.kills} kills; {run.seconds:.0f} s"
    )


def summary(run: Run) -> str:
    """What was asked, what it took."""
    kills = ", ".join(f"{part} {number}" for part, number in sorted(run.kills.items()))
    return (
        f"Seed {run.plan.seed}, {run.plan.clients} clients, {run.seconds:.0f} s."
        f" Killed {run.kills.total()} times{f': {kills}' if kills else ''}."
        + (" The time was up before all was done." if run.is_late else "")
    )


def calls(history: History) -> RenderableType:
    """How many calls of each kind ended how."""
    table = Table("call", "ended", "with", title_justify="left")
    table.add_column("calls", justify="right")
    counts = Counter(_ended(operation) for operation in history.operations)
    for (kind, answer, detail), number in sorted(counts.items()):
        table.add_row(kind, answer, detail, f"{number:,}")
    cut = sum(operation.answer is Answer.CUT for operation in history.operations)
    table.add_section()
    table.add_row("all", "answered", "", f"{len(history.operations) - cut:,}")
    table.add_row("all", "cut", "", f"{cut:,}")
    table.add_row(
        "lines of the journal", "", f"read {len(history.readings)} times", f"{len(history.lines):,}"
    )
    table.add_row("", "", "looked up after the answer", f"{_looked_up(history):,}")
    table.add_row("consultations", "", "with one legal outcome", f"{decided(history):,}")
    return table


def verdict(history: History, violations: Sequence[Violation]) -> RenderableType:
    """How often each fault was found, and the first few violations in full."""
    if not violations:
        return "No violation."
    table = Table("violation", title_justify="left")
    table.add_column("found", justify="right")
    for fault, number in counted(violations).most_common():
        table.add_row(fault, f"{number:,}")
    return Group(table, *(f"\n{told(history, one)}" for one in violations[:VIOLATIONS_TOLD]))


def _ended(operation: Operation) -> tuple[str, str, str]:
    return operation.kind, operation.answer, operation.outcome or operation.reason


def _looked_up(history: History) -> int:
    return sum(operation.line_seen is not None for operation in history.operations)
