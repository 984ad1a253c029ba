"""`deploy.local` for torture: what is killed comes back soon however often, and some parts can be broken on purpose.

`python -m tests.torture.supervisor [--breakable] up …`
"""

import sys
from dataclasses import replace
from unittest.mock import patch

from deploy.local import cli, components, stack, supervisor
from deploy.local.components import Unit
from deploy.local.layout import Layout
from deploy.local.settings import Ports
from deploy.local.supervisor import Component
from tests.torture.parts import BREAKABLE

BREAKABLE_FLAG = "--breakable"
RETRY_SECONDS = 0.2
# Runs the module named after it, broken as the file `mutant` beside its settings says.
BREAKER = ("-m", "tests.torture.breaker")


def main() -> None:
    """Runs the command line of `deploy.local`."""
    # Doubled to ten seconds at the fifth kill of a part, the pauses would be most of a run.
    supervisor.LONGEST_RETRY_SECONDS = RETRY_SECONDS
    if BREAKABLE_FLAG not in sys.argv:
        cli.main()
        return
    sys.argv.remove(BREAKABLE_FLAG)
    with patch.object(stack, "stack", _breakable):
        cli.main()


def _breakable(layout: Layout, ports: Ports) -> list[Unit]:
    return [_wrapped(unit) for unit in components.stack(layout, ports)]


def _wrapped(unit: Unit) -> Unit:
    if not isinstance(unit, Component) or unit.name not in BREAKABLE:
        return unit
    python, flag, *rest = unit.command
    if flag != "-m":
        raise ValueError(f"{unit.name} is not run as a module")
    return replace(unit, command=(python, *BREAKER, *rest))


if __name__ == "__main__":
    main()
