"""`qf`, also as `python -m cli`."""

from cli.root import app


def main() -> None:
    """Runs one command and exits with its status."""
    app(prog_name="qf")


if __name__ == "__main__":
    main()
