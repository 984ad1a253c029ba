"""Checks the project and prints what breaks a rule, one place a line: `python -m tools.house_rules [--list]`."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tools.house_rules import proto_rules, python_rules, room_rules, test_rules, text_rules
from tools.house_rules.model import Finding, Source, findings
from tools.paths import PROJECT, PROTOS
from tools.protos import descriptors

FOLDERS = ("services", "gateway", "cli", "deploy", "bench", "tools", "tests")
SOURCE_RULES = (*python_rules.RULES, *text_rules.RULES, *room_rules.RULES, *test_rules.RULES)


def sources(project: Path) -> Iterator[Source]:
    """Every Python and SQL file of the project's own folders."""
    for folder in FOLDERS:
        for file in sorted((project / folder).rglob("*")):
            if file.suffix in (".py", ".sql"):
                yield Source(PurePosixPath(file.relative_to(project)), file.read_text(encoding="utf-8"))


def check(project: Path, protos: Path) -> list[Finding]:
    """What breaks a rule, sources first."""
    found = [finding for source in sources(project) for finding in findings(source, SOURCE_RULES)]
    return [*found, *proto_rules.findings(descriptors(protos))]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="house_rules", description=__doc__)
    parser.add_argument("--list", action="store_true", help="list the rules with their reasons")
    if parser.parse_args().list:
        for rule in (*SOURCE_RULES, *proto_rules.RULES):
            print(f"{rule.id:26}{rule.reason}")
        return
    found = check(PROJECT, PROTOS)
    for finding in found:
        print(finding)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
