"""Invented people: names of nobody, NIRs that are well-formed and belong to no one we know of."""

import itertools
import secrets

from stdnum.fr.nir import calc_check_digits

_FIRST_ORDER = secrets.randbelow(700) + 1
_orders = itertools.count(_FIRST_ORDER)


def new_nir() -> str:
    """A valid NIR that this test run has not used yet."""
    number = next(_orders)
    body = f"2{number % 100:02}06{21 + number // 100_000}{secrets.randbelow(989) + 1:03}{number % 999 + 1:03}"
    return body + str(calc_check_digits(body))
