"""Invented people: valid, the same for the same seed, nobody's."""

import io
import json
from datetime import date
from itertools import islice

from cli.ndjson import parse_line
from cli.people import dossiers, synthetic_nir
from cli.text_lines import read_lines
from services.kit.nir import Nir

UNTIL = date(2026, 11, 1)


def made(count: int, seed: int = 1, months: int = 3) -> list[dict[str, object]]:
    return [dict(line) for line in dossiers(count, seed, "21", UNTIL, months)]


def test_the_same_seed_makes_the_same_people() -> None:
    assert made(50) == made(50)
    assert made(50) != made(50, seed=2)


def test_fewer_dossiers_are_the_first_of_more() -> None:
    assert made(10) == [line for line in made(50) if str(line["numero_dossier"]) <= "D000000010"]


def test_every_line_can_be_imported() -> None:
    file = io.BytesIO("".join(json.dumps(line) + "\n" for line in made(500)).encode())
    found = [parse_line(line) for line in read_lines(file)]
    amounts = [dossier.quotient.amount_cents for dossier in found if dossier.quotient]
    assert 0 < len(amounts) < len(found)
    assert 0 <= min(amounts) < max(amounts) <= 3000_00


def test_each_dossier_has_a_line_for_the_newest_month() -> None:
    newest = [line for line in made(100) if line["quotient_familial"]["mois"] == 11]  # type: ignore[index]  # a dict
    assert len(newest) == 100
    assert len(made(100)) > 100
    assert len(made(100, months=1)) == 100


def test_a_nir_is_valid_nobodys_and_used_once() -> None:
    cycle = 89_910
    numbers = [*range(3000), *range(cycle - 2000, cycle + 2000), *range(cycle * 791, cycle * 791 + 3000)]
    nirs = [synthetic_nir(number, 1 + number % 2) for number in numbers]
    assert len({nir[1:13] for nir in nirs}) == len(nirs)
    for nir in nirs:
        Nir.parse(nir)
        assert nir[5:7] == "99"
        assert "900" <= nir[7:10] <= "989"


def test_a_million_dossiers_begin_at_once() -> None:
    assert len(list(islice(dossiers(1_000_000, 1, "21", UNTIL, 3), 10))) == 10
