"""The tables of `docs/guides/sandbox.md`, for the tests that hold them against the code and against a running stack."""

import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "guides" / "sandbox.md"


def table(heading: str) -> list[tuple[str, ...]]:
    """The rows of the table under `## heading`, cell by cell, without the marks of code."""
    _, _, section = GUIDE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    lines = section.partition("\n## ")[0].splitlines()
    rows = [re.split(r" *\| *", line.strip("| ")) for line in lines if line.startswith("| ")]
    width = len(rows[0])
    return [tuple(cell.strip("`") for cell in [*row, ""][:width]) for row in rows[1:]]
