"""Runs quotient: `python -m services.quotient --config FILE`."""

from services.kit.server import main
from services.quotient.access import ACCESS
from services.quotient.composition import compose
from services.quotient.config import QuotientSettings

if __name__ == "__main__":
    main("quotient", QuotientSettings, ACCESS, compose)
