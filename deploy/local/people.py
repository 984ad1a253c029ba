"""Invented agents and families. No town, name or number here is anybody's."""

from collections.abc import Sequence
from dataclasses import dataclass

from stdnum.fr.nir import calc_check_digits

BOURGOGNE = "21"
MIDI_PYRENEES_NORD = "12"
# INSEE gives no commune such a number, so nobody was ever born there.
NO_COMMUNE = "990"


# The caisses' own people (art. 4-1), as their certificates and internal systems name them.
DIRECTOR_NAME = "directrice.agents.qf.internal"
AGENT_NAME = "odile.agents.qf.internal"


@dataclass(frozen=True)
class Organisation:
    """A partner, as the caisse's register knows it; its representative signs the forms (annexe 2)."""

    denomination: str
    structure_kind: str
    street: str
    postal_code: str
    commune: str
    representative: str
    representative_function: str
    departments: tuple[str, ...]
    email: str


@dataclass(frozen=True)
class Agent:
    """A partner's agent, as on an access request (annexe 2)."""

    organisation: Organisation
    caisse: str
    nom: str
    prenom: str
    email: str

    @property
    def partner(self) -> str:
        """The partner's dénomination."""
        return self.organisation.denomination


@dataclass(frozen=True)
class Family:
    """A dossier with an amount per year from last year on; `kind` says what it is good for.

    A closed one was closed on the first day of this year.
    """

    kind: str
    caisse: str
    numero_dossier: str
    nir: str
    nom: str
    prenoms: str
    street: str
    town: str
    amounts_cents: tuple[int, ...] = ()
    closed: bool = False


def synthetic_nir(order: int, department: str = BOURGOGNE) -> str:
    """A valid NIR that is nobody's; `order` is 1 to 999."""
    body = f"{2 - order % 2}{70 + order % 30:02}{1 + order % 12:02}{department}{NO_COMMUNE}{order:03}"
    return body + str(calc_check_digits(body))


# The first is the one that the screen shows.
AGENTS: Sequence[Agent] = (
    Agent(
        Organisation(
            "Mairie de Montfaucelle", "COMMUNE", "1 place de la Fontaine", "21990", "Montfaucelle",
            "Honorine Clairbois", "Maire", ("21",), "mairie@montfaucelle.example",
        ),
        BOURGOGNE, "Bellavoine", "Odette", "odette.bellavoine@montfaucelle.example",
    ),
    Agent(
        Organisation(
            "Centre de loisirs de la Combe-Verte", "CENTRE_DE_LOISIRS", "8 chemin des Écoles", "21991", "Combe-Verte",
            "Firmin Roquelaine", "Directeur", ("21", "71"), "direction@combe-verte.example",
        ),
        BOURGOGNE, "Ducornet", "Amaury", "a.ducornet@combe-verte.example",
    ),
    Agent(
        Organisation(
            "Mairie de Roquebrac", "COMMUNE", "2 place du Foirail", "12990", "Roquebrac",
            "Célestine Vabrerol", "Maire", ("12",), "mairie@roquebrac.example",
        ),
        MIDI_PYRENEES_NORD, "Fontarèche", "Inès", "i.fontareche@roquebrac.example",
    ),
)  # fmt: skip

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
        "dossier_closed", BOURGOGNE, "2100006", synthetic_nir(6), "Beaurepaire", "Solange",
        "3 impasse des Noyers", "21991 COMBE-VERTE", (51_300,), closed=True,
    ),
    Family(
        "other_caisse", MIDI_PYRENEES_NORD, "1200001", synthetic_nir(5, MIDI_PYRENEES_NORD), "Castelroux", "Anaïs",
        "7 route du Causse", "12990 ROQUEBRAC", (55_900,),
    ),
)  # fmt: skip
# A valid NIR that no dossier has.
UNKNOWN_NIR = synthetic_nir(999)
