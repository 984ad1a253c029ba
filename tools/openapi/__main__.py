"""Writes and checks the reference of the gateway: `python -m tools.openapi generate|check`.

generate  writes gateway/edge/reference/openapi.json
check     fails when that file is not what the protos make
"""

import argparse
import sys
from pathlib import Path

from tools.openapi.document import document, printed
from tools.paths import PROJECT
from tools.protos import ProtosError, descriptors

REFERENCE = PROJECT / "gateway" / "edge" / "reference" / "openapi.json"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="openapi", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("generate", "check"))
    parser.add_argument("--protos", type=Path, default=PROJECT / "protos", help="folder of the protos")
    parser.add_argument("--file", type=Path, default=REFERENCE, help="the reference")
    arguments = parser.parse_args()
    try:
        made = printed(document(descriptors(arguments.protos)))
    except (ProtosError, ValueError) as error:
        sys.exit(str(error))
    if arguments.command == "generate":
        arguments.file.write_text(made, encoding="utf-8")
    elif not arguments.file.exists() or arguments.file.read_text(encoding="utf-8") != made:
        sys.exit(f"{arguments.file.name} is not what the protos make. Run: make protos")


if __name__ == "__main__":
    main()
