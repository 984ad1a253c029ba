"""`qf`, also as `python -m cli`."""

import os


def main() -> None:
    """Runs one command and exits with its status."""
    # What gRPC's core would write on standard error is told in our own words; it reads this when it is loaded.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from cli.root import app  # noqa: PLC0415  # see above

    app(prog_name="qf")


if __name__ == "__main__":
    main()
