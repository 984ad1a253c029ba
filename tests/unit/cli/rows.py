"""A dossier in columns, for an invented family: the one of `lines.py`."""

from collections.abc import Mapping
from typing import Any

from cli.columns import FileRefused
from tests.unit.cli.lines import NIR

ROW: Mapping[str, Any] = {
    "caisse": "21",
    "numero_dossier": "D0001",
    "nir": NIR,
    "nom_naissance": "VAUCLAIRON",
    "prenoms": "JEANNE ÉLOÏSE",
    "date_naissance": "1985-07-00",
    "sexe": "F",
    "fournisseur": "MSA",
    "valeur": "612.34",
    "annee": "2026",
    "mois": "11",
    "annee_calcul": "2026",
    "mois_calcul": "10",
    "destinataire": "Madame Jeanne VAUCLAIRON",
    "numero_libelle_voie": "1 RUE DES ALISIERS",
    "lieu_dit": "LE MOULIN",
    "code_postal_ville": "21997 VALBRUNE",
    "pays": "FRANCE",
}


def row(**changes: Any) -> dict[str, Any]:
    """The row with some cells changed or added."""
    return {**ROW, **changes}


def csv_file(*rows: Mapping[str, Any], separator: str = ";", end: str = "\n") -> bytes:
    """Rows under a header that has the columns of all of them; without any, the columns of ROW."""
    names = list(dict.fromkeys(name for each in rows or (ROW,) for name in each))
    lines = [names, *([str(each.get(name, "")) for name in names] for each in rows)]
    return "".join(separator.join(line) + end for line in lines).encode()


def rule_of(refused: FileRefused) -> str:
    """Which rule a file breaks as a whole."""
    return refused.reason
