"""Proves N1 and N2 under `kill -9`: `python -m tests.torture`.

Clients consult through the gateway, record and withdraw oppositions, while quotient, the gateway and PostgreSQL are
killed again and again; then every answer and the journal are judged. With --mutants the judge is tried instead: parts
that are broken on purpose must be found out.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import randbelow

from rich.console import Console

from tests.stack import Stack, StackFailed
from tests.torture import report
from tests.torture.breaking import MUTANT_PLAN, is_as_it_should_be, torture_mutant
from tests.torture.harness import Plan, Run, torture
from tests.torture.history import History
from tests.torture.mutants import MUTANTS
from tests.torture.verdict import check, counted
from tests.torture.world import torture_stack

console = Console(highlight=False, soft_wrap=True)


def main() -> None:
    """The command line; ends with 1 where anything is wrong, or the time was up."""
    arguments = _arguments()
    try:
        if arguments.check:
            passed = _judge(History.read(arguments.check))
        elif arguments.mutant or arguments.mutants:
            passed = _try_mutants(arguments.mutant or list(MUTANTS), arguments.seed)
        else:
            passed = _torture(arguments)
    except StackFailed as error:
        sys.exit(f"torture: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, ValueError) as error:
        sys.exit(f"torture: {arguments.check}: {error}")
    sys.exit(not passed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument(
        "--operations", type=int, default=100_000, help="calls that are answered (default: 100000)"
    )
    parser.add_argument("--clients", type=int, default=32, help="who act at once (default: 32)")
    parser.add_argument("--kills", type=int, default=200, help="kill -9 of a part (default: 200)")
    parser.add_argument("--dossiers", type=int, default=120, help="whom they act on (default: 120)")
    parser.add_argument(
        "--seed", type=int, default=randbelow(10**6), help="of who does what and what is killed when"
    )
    parser.add_argument(
        "--limit-seconds", type=float, default=1500, help="when the run is given up (default: 1500)"
    )
    parser.add_argument(
        "--history", type=Path, help="where the history is written (default: a temporary file)"
    )
    parser.add_argument("--check", type=Path, metavar="FILE", help="judge a history that was written")
    parser.add_argument("--mutants", action="store_true", help="try every mutant, and the controls")
    parser.add_argument("--mutant", action="append", choices=MUTANTS, help="try this one (again for more)")
    return parser.parse_args()


def _torture(arguments: argparse.Namespace) -> bool:
    plan = Plan(
        operations=arguments.operations,
        kills=arguments.kills,
        clients=arguments.clients,
        dossiers=arguments.dossiers,
        seed=arguments.seed,
        limit_seconds=arguments.limit_seconds,
    )
    with torture_stack() as stack, _shown() as progress:
        run = asyncio.run(torture(stack, plan, progress))
    path = arguments.history or Path(tempfile.gettempdir()) / f"qf-torture-{plan.seed}.jsonl"
    run.history.write(path)
    console.print(report.summary(run))
    passed = _judge(run.history)
    console.print(f"The history is in {path}; judge it again with --check.")
    return passed and not run.is_late


def _judge(history: History) -> bool:
    violations = check(history)
    console.print(report.calls(history), report.verdict(history, violations))
    return not violations


def _try_mutants(names: Sequence[str], seed: int) -> bool:
    with torture_stack(breakable=True) as stack:
        verdicts = [_try_mutant(stack, name, replace(MUTANT_PLAN, seed=seed)) for name in names]
    console.print(f"{sum(verdicts)} of {len(verdicts)} mutants as they should be. Seed {seed}.")
    return all(verdicts)


def _try_mutant(stack: Stack, name: str, plan: Plan) -> bool:
    with _shown(f"{name}: ") as progress:
        run, violations = asyncio.run(torture_mutant(stack, name, plan, progress))
    passed = is_as_it_should_be(name, violations)
    console.print(f"{'ok    ' if passed else '[red]FAILED[/red]'} {name}: {MUTANTS[name].says}")
    console.print(f"         {run.notes.answered:,} calls, {run.kills.total()} kills, {run.seconds:.0f} s")
    for fault, number in counted(violations).most_common():
        console.print(f"         found {number:,} times: {fault}")
    return passed


@contextmanager
def _shown(prefix: str = "") -> Iterator[Callable[[Run], None]]:
    with console.status(f"{prefix}starting …") as status:
        yield lambda run: status.update(prefix + report.progress(run))


if __name__ == "__main__":
    main()
