"""Measures speed: `python -m bench`, or one of its benches by name."""

import argparse
from collections.abc import Callable, Sequence

from bench import abuse, batch, consultations, dossiers, publishing, registry, sign_ins, unusual_use

DEFAULT = "consultations"
BENCHES: dict[str, tuple[Callable[[Sequence[str]], None], str]] = {
    DEFAULT: (
        consultations.main,
        "consultations through the whole suite, beside a bare TLS echo (the default)",
    ),
    "batch": (batch.main, "what single consultations feel while somebody consults 500 people at once"),
    "abuse": (abuse.main, "what a good caller feels beside twelve kinds of flood (16 minutes)"),
    "sign-ins": (sign_ins.main, "what 200 sign-ins at once do to those who are signed in"),
    "publishing": (publishing.main, "how fast dossiers come in, and the memory that it takes"),
    "dossiers": (dossiers.main, "what ten million dossiers cost a consultation, beside ten thousand"),
    "registry": (
        registry.main,
        "what 875,000 habilitations cost an authorisation, beside few; a search for partners",
    ),
    "unusual-use": (
        unusual_use.main,
        "how often honest use is taken for abuse, and abuse is found (no server)",
    ),
}


def main() -> None:
    """The command line: everything behind a bench's name is for that bench."""
    parser = argparse.ArgumentParser(
        prog="bench",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures speed, each bench in one run on a stack of its own on free ports.",
        epilog="benches:\n" + "\n".join(f"  {name:14} {told}" for name, (_, told) in BENCHES.items()),
    )
    parser.add_argument("bench", nargs="?", default=DEFAULT, choices=BENCHES, metavar="BENCH")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="of that bench; BENCH --help lists them")
    chosen = parser.parse_args()
    run, _ = BENCHES[chosen.bench]
    run(chosen.options)


if __name__ == "__main__":
    main()
