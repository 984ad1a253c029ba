"""Runs a part of the suite, broken as the file `mutant` beside its settings says; whole where there is none.

`python -m tests.torture.breaker MODULE --config FILE`
"""

import runpy
import sys
from pathlib import Path

from tests.torture.mutants import MUTANT_FILE, MUTANTS


def main() -> None:
    """Breaks what the mutant breaks of this part, then runs it as `python -m MODULE` does."""
    _, module, flag, settings = sys.argv
    name = chosen(Path(settings).parent)
    if name:
        MUTANTS[name].break_part(module)
    sys.argv = [module, flag, settings]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def chosen(folder: Path) -> str:
    """The mutant in force; empty for none."""
    file = folder / MUTANT_FILE
    return file.read_text() if file.exists() else ""


if __name__ == "__main__":
    main()
