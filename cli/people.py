"""Invented people: dossiers of any number, the same for the same seed, none of which can be a real person's.

Their NIRs keep every rule, but name communes 900 to 989 of department 99 (births abroad), where no country is.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from stdnum.fr.nir import calc_check_digits

Line = Mapping[str, Any]

NAMES = (
    "AUBREVAL", "BRISTELLAN", "CHANTEROC", "DORMEVILLE", "ESCARNOT", "FALBRUSSE", "GARMELIN", "HAUTREPIN",
    "ISTERVAL", "JOLIMESNE", "KERVOLAZ", "LARDIVEL", "MONTRAVEAU", "NOIRGALET", "ORVEILLAC", "PLANTEFOL",
    "QUERVILLON", "ROUSSERAC", "SAINT-ALBRY", "TRÉMONTEL", "URVESSE", "VAUCLAIRON", "WARMEVILLER", "YVRENCOUR",
    "ZELLERANGE", "DE LA BRÉCHINE", "D'ARMOISEAU", "LE GUERVEL",
)  # fmt: skip
GIVEN_NAMES = {
    1: ("ADRIEN", "BAPTISTE", "CÉLESTIN", "DAMIEN", "ÉTIENNE", "FABRICE", "GAËL", "JEAN-MARC", "LOÏC", "YANNICK"),
    2: ("AGATHE", "BÉRÉNICE", "CLOTILDE", "DELPHINE", "ÉLOÏSE", "FRANÇOISE", "HÉLÈNE", "JEANNE", "MARIE-ANGE", "ZOÉ"),
}  # fmt: skip
STREETS = ("RUE DES ALISIERS", "CHEMIN DU VIEUX LAVOIR", "ROUTE DE LA CROIX HAUTE", "IMPASSE DES TILLEULS")  # fmt: skip
HAMLETS = ("", "", "", "LES GRANDS PRÉS", "LE MOULIN BRÛLÉ", "LA COMBE AUX LOUPS")
COMMUNES = (
    "21997 VALBRUNE-LES-BOIS",
    "58998 SAINT-ORMEL",
    "71996 MONTFERRAND-SOUS-LUNE",
    "89999 BEAUCLAIR-LE-VIEIL",
)

_ORDERS = 999
_COMMUNES_OF_BIRTH = 90
# Adults: years of birth 1940 to 2005, so that dossier and sex still vary where commune and order come round again.
_BIRTH_MONTHS = 66 * 12
# One person in so many has no QF, or a date of birth that is known in part.
_RARE = 20


def dossiers(count: int, seed: int, caisse: str, until: date, months: int) -> Iterator[Line]:
    """`count` dossiers of `caisse`; each one line or, as its QF changed, up to `months` lines, the last for `until`."""
    for number in range(count):
        draw = random.Random(f"{seed}:{number}")  # noqa: S311  # repeatable on purpose; guards nothing
        yield from _dossier(draw, number, caisse, until, months)


def synthetic_nir(number: int, sex: int) -> str:
    """The NIR of the invented person `number`, with key; different for each of the first 71 million numbers."""
    cycle, place = divmod(number, _ORDERS * _COMMUNES_OF_BIRTH)
    commune, order = divmod(place, _ORDERS)
    birth_month = (place * 37 + cycle) % _BIRTH_MONTHS
    year, month = (1940 + birth_month // 12) % 100, birth_month % 12 + 1
    body = f"{sex}{year:02d}{month:02d}99{900 + commune:03d}{order + 1:03d}"
    return f"{body}{calc_check_digits(body)}"


def _dossier(draw: random.Random, number: int, caisse: str, until: date, months: int) -> Iterator[Line]:
    sex = draw.choice((1, 2))
    nir = synthetic_nir(number, sex)
    name, given_name = draw.choice(NAMES), draw.choice(GIVEN_NAMES[sex])
    common = {
        "caisse": caisse,
        "numero_dossier": f"D{number + 1:09d}",
        "nir": nir,
        "allocataires": [_allocataire(draw, nir, sex, name, given_name)],
        "enfants": [_child(draw, name, until) for _ in range(draw.choice((0, 1, 1, 2, 2, 3)))],
        "adresse": _adresse(draw, "Monsieur" if sex == 1 else "Madame", given_name, name),
    }
    amount = _amount(draw)
    # The newest line is always there: it is the one that is looked up today.
    earlier = draw.sample(range(1, months), draw.randrange(months))
    for back in (*sorted(earlier, reverse=True), 0):
        yield {**common, "quotient_familial": _quotient(draw, amount, _month_before(until, back))}


def _quotient(draw: random.Random, amount: float | None, month: date) -> Line:
    if amount is not None:
        amount = round(max(0.0, amount * draw.uniform(0.9, 1.1)), 2)
    return {
        "fournisseur": "MSA",
        "valeur": amount,
        "annee": month.year,
        "mois": month.month,
        "annee_calcul": month.year,
        "mois_calcul": month.month,
    }


def _amount(draw: random.Random) -> float | None:
    """Euros: most between 300 and 1,500, a long tail up to 3,000, a few of nothing, some not known."""
    if draw.randrange(_RARE) == 0:
        return None
    if draw.randrange(_RARE) == 0:
        return 0.0
    return min(draw.lognormvariate(6.6, 0.55), 2700.0)


def _allocataire(draw: random.Random, nir: str, sex: int, name: str, given_name: str) -> Line:
    return {
        "nom_naissance": name,
        "nom_usage": draw.choice(NAMES) if draw.random() < 0.3 else None,
        "prenoms": f"{given_name} {draw.choice(GIVEN_NAMES[sex])}",
        "date_naissance": _birth_date(
            draw, 1900 + int(nir[1:3]) + (100 if int(nir[1:3]) < 40 else 0), int(nir[3:5])
        ),
        "sexe": "M" if sex == 1 else "F",
    }


def _birth_date(draw: random.Random, year: int, month: int) -> str:
    partial = draw.randrange(_RARE * 2)
    if partial == 0:
        return "0000-00-00"
    if partial == 1:
        return f"{year}-00-00"
    return f"{year}-{month:02d}-{draw.randint(1, 28):02d}"


def _child(draw: random.Random, name: str, until: date) -> Line:
    sex = draw.choice((1, 2))
    return {
        "nom_naissance": name,
        "nom_usage": None,
        "prenoms": draw.choice(GIVEN_NAMES[sex]),
        "date_naissance": _birth_date(draw, until.year - draw.randint(1, 17), draw.randint(1, 12)),
        "sexe": "M" if sex == 1 else "F",
    }


def _adresse(draw: random.Random, title: str, given_name: str, name: str) -> Line:
    return {
        "destinataire": f"{title} {given_name} {name}",
        "complement_information": draw.choice((None, None, "ÉTAGE 2", "APPARTEMENT 7")),
        "complement_information_geographique": draw.choice((None, None, None, "BÂTIMENT B")),
        "numero_libelle_voie": f"{draw.randint(1, 120)} {draw.choice(STREETS)}",
        "lieu_dit": draw.choice(HAMLETS) or None,
        "code_postal_ville": draw.choice(COMMUNES),
        "pays": "FRANCE",
    }


def _month_before(until: date, back: int) -> date:
    year, month = divmod(until.year * 12 + until.month - 1 - back, 12)
    return date(year, month + 1, 1)
