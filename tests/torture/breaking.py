"""Runs against a mutant: on a stack that is breakable, with families and partners of its own."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.stack import Stack
from tests.torture.harness import Plan, Run, kill, torture
from tests.torture.mutants import MUTANT_FILE, MUTANTS
from tests.torture.parts import BREAKABLE
from tests.torture.verdict import Violation, check

# Enough to find each.
MUTANT_PLAN = Plan(operations=3000, kills=3, dossiers=60, limit_seconds=90)


async def torture_mutant(
    stack: Stack, name: str, plan: Plan = MUTANT_PLAN, progress: Callable[[Run], None] = lambda _: None
) -> tuple[Run, list[Violation]]:
    """One run with the mutant in force, and what was found. Raises TimeoutError where it does not start."""
    mutant = MUTANTS[name]
    plan = replace(plan, kills=mutant.kills, killed=mutant.killed)
    file = stack.layout.config / MUTANT_FILE
    file.write_text(name)
    try:
        await _start_anew(stack)
        run = await torture(stack, plan, progress)
    finally:
        file.unlink()
        await _start_anew(stack)
    return run, check(run.history)


def is_as_it_should_be(name: str, violations: Sequence[Violation]) -> bool:
    """Whether the mutant was found out, by all of its faults; a control has none, and nothing must be found."""
    faults = MUTANTS[name].faults
    found = {violation.fault for violation in violations}
    return found >= faults if faults else not found


async def _start_anew(stack: Stack) -> None:
    await asyncio.gather(*(kill(stack, part) for part in BREAKABLE))
    await asyncio.gather(*(stack.wait_until_ready(part) for part in BREAKABLE))
