"""A line as API Particulier v3 writes it, for an invented family."""

import copy
import json
from typing import Any

from cli.dossier_rules import Dossier
from cli.ndjson import parse_line
from cli.refusals import LineRefused, Refusal
from cli.text_lines import Line

NIR = "285072100900153"

DOSSIER: dict[str, Any] = {
    "caisse": "21",
    "numero_dossier": "D0001",
    "nir": NIR,
    "quotient_familial": {
        "fournisseur": "MSA",
        "valeur": 612.34,
        "annee": 2026,
        "mois": 11,
        "annee_calcul": 2026,
        "mois_calcul": 10,
    },
    "allocataires": [
        {
            "nom_naissance": "VAUCLAIRON",
            "nom_usage": None,
            "prenoms": "JEANNE ÉLOÏSE",
            "date_naissance": "1985-07-00",
            "sexe": "F",
        }
    ],
    "enfants": [
        {"nom_naissance": "VAUCLAIRON", "prenoms": "LOÏC", "date_naissance": "0000-00-00", "sexe": "M"}
    ],
    "adresse": {
        "destinataire": "Madame Jeanne VAUCLAIRON",
        "complement_information": None,
        "complement_information_geographique": None,
        "numero_libelle_voie": "1 RUE DES ALISIERS",
        "lieu_dit": "LE MOULIN",
        "code_postal_ville": "21997 VALBRUNE",
        "pays": "FRANCE",
    },
}


def line(**changes: Any) -> bytes:
    """The line with some top-level fields changed."""
    return json.dumps({**copy.deepcopy(DOSSIER), **changes}, ensure_ascii=False).encode() + b"\n"


def quotient(**changes: Any) -> dict[str, Any]:
    """The `quotient_familial` with some fields changed; one changed to `...` is left out."""
    members = {**DOSSIER["quotient_familial"], **changes}
    return {key: value for key, value in members.items() if value is not ...}


def parsed(content: bytes) -> Dossier:
    """What is kept of a line."""
    return parse_line(Line(1, len(content), content))


def refusal(content: bytes) -> Refusal:
    """Why a line is refused."""
    try:
        parsed(content)
    except LineRefused as refused:
        return refused.refusal
    raise AssertionError("the line was taken")
