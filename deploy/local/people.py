"""Invented agents and families. No town, name or number here is anybody's."""

from collections.abc import Sequence
from dataclasses import dataclass

from stdnum.fr.nir import calc_check_digits

BOURGOGNE = "21"
MIDI_PYRENEES_NORD = "12"
# INSEE gives no commune such a number, so nobody was ever born there.
NO_COMMUNE = "990"


@dataclass(frozen=True)
class Agent:
    """A partner's agent, as on an access request (annexe 2)."""

    partner: str
    caisse: str
    nom: str
    prenom: str
    email: str


@dataclass(frozen=True)
class Family:
    """A dossier with an amount per month of this year from which it holds; `kind` says what it is good for."""

    kind: str
    caisse: str
    numero_dossier: str
    nir: str
    nom: str
    prenoms: str
    street: str
    town: str
    amounts_cents: tuple[int, ...] = ()


def synthetic_nir(order: int, department: str = BOURGOGNE) -> str:
    """A valid NIR that is nobody's; `order` is 1 to 999."""
    body = f"{2 - order % 2}{70 + order % 30:02}{1 + order % 12:02}{department}{NO_COMMUNE}{order:03}"
    return body + str(calc_check_digits(body))


# The first is the one that the screen shows.
AGENTS: Sequence[Agent] = (
    Agent(
        "Mairie de Montfaucelle", BOURGOGNE, "Bellavoine", "Odette", "odette.bellavoine@montfaucelle.example"
    ),
    Agent(
        "Centre de loisirs de la Combe-Verte",
        BOURGOGNE,
        "Ducornet",
        "Amaury",
        "a.ducornet@combe-verte.example",
    ),
    Agent("Mairie de Roquebrac", MIDI_PYRENEES_NORD, "Fontarèche", "Inès", "i.fontareche@roquebrac.example"),
)

FAMILIES: Sequence[Family] = (
    Family(
        "available", BOURGOGNE, "2100001", synthetic_nir(1), "Vauquelin", "Jeanne Marie",
        "4 rue du Lavoir", "21990 MONTFAUCELLE", (61_250, 58_400),
    ),
    Family(
        "opposed", BOURGOGNE, "2100002", synthetic_nir(2), "Marchenoir", "Paul",
        "12 chemin des Vignes", "21990 MONTFAUCELLE", (74_000,),
    ),
    Family(
        "opposed_to_partner", BOURGOGNE, "2100003", synthetic_nir(3), "Sainte-Combe", "Lucie",
        "Ferme du Haut", "21991 COMBE-VERTE", (43_700,),
    ),
    Family(
        "no_quotient", BOURGOGNE, "2100004", synthetic_nir(4), "Tournebride", "Karim",
        "1 place du Puits", "21990 MONTFAUCELLE",
    ),
    Family(
        "other_caisse", MIDI_PYRENEES_NORD, "1200001", synthetic_nir(5, MIDI_PYRENEES_NORD), "Castelroux", "Anaïs",
        "7 route du Causse", "12990 ROQUEBRAC", (55_900,),
    ),
)  # fmt: skip
# A valid NIR that no dossier has.
UNKNOWN_NIR = synthetic_nir(999)
