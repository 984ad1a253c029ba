"""Invented agents and families. No town, name or number here is anybody's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stdnum.fr.nir import calc_check_digits

from deploy.local.states import State

BOURGOGNE = "21"
MIDI_PYRENEES_NORD = "12"
# Asks for a reference of the case with each consultation.
POITOU = "86"
# Is in maintenance.
LORRAINE = "54"
# INSEE gives no commune such a number, so nobody was ever born there.
NO_COMMUNE = "990"
# The same of Guadeloupe, whose communes have two digits behind 971.
NO_COMMUNE_OF_GUADELOUPE = "199"


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
    """A partner's agent, as on an access request (annexe 2); `nir` is of a family that his caisse knows."""

    organisation: Organisation
    caisse: str
    nom: str
    prenom: str
    email: str
    state: State
    nir: str

    @property
    def partner(self) -> str:
        """The partner's dénomination."""
        return self.organisation.denomination


@dataclass(frozen=True)
class SecondAllocataire:
    """Another allocataire of a dossier, by whose NIR it is found too."""

    kind: str
    nir: str
    nom: str
    prenoms: str


@dataclass(frozen=True)
class Family:
    """A dossier with an amount per year from last year on; `kind` says what it is good for.

    A closed one was closed on the first day of this year. Where amounts change within the month, they take turns: on
    the 15th of every month another one begins.
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
    changes_within_month: bool = False
    second: SecondAllocataire | None = None


@dataclass(frozen=True)
class WrongNir:
    """A text that is no NIR, and the rule that it breaks."""

    nir: str
    rule: str


def synthetic_nir(order: int, department: str = BOURGOGNE, commune: str = NO_COMMUNE) -> str:
    """A valid NIR that is nobody's; `order` is 1 to 999."""
    body = f"{2 - order % 2}{70 + order % 30:02}{1 + order % 12:02}{department}{commune}{order:03}"
    return body + str(calc_check_digits(body))


AVAILABLE_NIR = synthetic_nir(1)
OTHER_CAISSE_NIR = synthetic_nir(5, MIDI_PYRENEES_NORD)
POITOU_NIR = synthetic_nir(7, POITOU)

_MONTFAUCELLE = Organisation(
    "Mairie de Montfaucelle", "COMMUNE", "1 place de la Fontaine", "21990", "Montfaucelle",
    "Honorine Clairbois", "Maire", ("21",), "mairie@montfaucelle.example",
)  # fmt: skip


def _town_hall(town: str, domain: str, postal_code: str = "21992", departments: str = "21") -> Organisation:
    return Organisation(
        f"Mairie de {town}", "COMMUNE", "1 place de la Mairie", postal_code, town,
        "Aymar Lagrenée", "Maire", (departments,), f"mairie@{domain}.example",
    )  # fmt: skip


def _agent_in(state: State, town: str, domain: str, nom: str, prenom: str) -> Agent:
    """The agent of a town hall in Burgundy that is there for one state."""
    address = f"{prenom}.{nom}@{domain}.example".lower()
    return Agent(_town_hall(town, domain), BOURGOGNE, nom, prenom, address, state, AVAILABLE_NIR)


# The first is the one that the screen shows.
AGENTS: Sequence[Agent] = (
    Agent(
        _MONTFAUCELLE, BOURGOGNE, "Bellavoine", "Odette", "odette.bellavoine@montfaucelle.example",
        State.ORDINARY, AVAILABLE_NIR,
    ),
    Agent(
        Organisation(
            "Centre de loisirs de la Combe-Verte", "CENTRE_DE_LOISIRS", "8 chemin des Écoles", "21991", "Combe-Verte",
            "Firmin Roquelaine", "Directeur", ("21", "71"), "direction@combe-verte.example",
        ),
        BOURGOGNE, "Ducornet", "Amaury", "a.ducornet@combe-verte.example", State.ORDINARY, AVAILABLE_NIR,
    ),
    Agent(
        Organisation(
            "Mairie de Roquebrac", "COMMUNE", "2 place du Foirail", "12990", "Roquebrac",
            "Célestine Vabrerol", "Maire", ("12",), "mairie@roquebrac.example",
        ),
        MIDI_PYRENEES_NORD, "Fontarèche", "Inès", "i.fontareche@roquebrac.example",
        State.ORDINARY, OTHER_CAISSE_NIR,
    ),
    _agent_in(State.HABILITATION_WITHDRAWN, "Saint-Aubrac", "saint-aubrac", "Garancel", "Lise"),
    _agent_in(State.USER_SUSPENDED, "Hautecroze", "hautecroze", "Tirebois", "Nadia"),
    _agent_in(State.PARTNER_SUSPENDED, "Clos-Moreau", "clos-moreau", "Vertamy", "Hugo"),
    _agent_in(State.CONVENTION_ENDED, "Bussy-Lavau", "bussy-lavau", "Carmontel", "Rose"),
    _agent_in(State.SECOND_FACTOR_REQUIRED, "Fontbrune", "fontbrune", "Delestrade", "Omar"),
    _agent_in(State.NETWORK_NOT_ALLOWED, "Marsanne-sur-Ouze", "marsanne", "Poncelier", "Jade"),
    _agent_in(State.CLIENT_CERTIFICATE_REQUIRED, "Val-Serein", "val-serein", "Rochebrande", "Yves"),
    _agent_in(State.USE_SUSPENDED, "Tresnay-le-Bas", "tresnay", "Malicorne", "Alma"),
    Agent(
        _town_hall("Vouneuil-la-Combe", "vouneuil", "86990", POITOU), POITOU, "Chasseraud", "Denis",
        "d.chasseraud@vouneuil.example", State.CASE_REFERENCE_REQUIRED, POITOU_NIR,
    ),
    Agent(
        _town_hall("Brémoncelle", "bremoncelle", "54990", LORRAINE), LORRAINE, "Wendelange", "Clara",
        "c.wendelange@bremoncelle.example", State.CAISSE_IN_MAINTENANCE, AVAILABLE_NIR,
    ),
    Agent(
        _MONTFAUCELLE, BOURGOGNE, "Saint-Clair", "Basile", "basile.saint-clair@montfaucelle.example",
        State.MANAGER, AVAILABLE_NIR,
    ),
)  # fmt: skip

FAMILIES: Sequence[Family] = (
    Family(
        "available", BOURGOGNE, "2100001", AVAILABLE_NIR, "Vauquelin", "Jeanne Marie",
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
        "other_caisse", MIDI_PYRENEES_NORD, "1200001", OTHER_CAISSE_NIR, "Castelroux", "Anaïs",
        "7 route du Causse", "12990 ROQUEBRAC", (55_900,),
    ),
    Family(
        "several_periods", BOURGOGNE, "2100007", synthetic_nir(8), "Brindejonc", "Sarah",
        "9 rue des Tanneurs", "21990 MONTFAUCELLE", (38_900, 45_200), changes_within_month=True,
    ),
    Family(
        "two_allocataires", BOURGOGNE, "2100008", synthetic_nir(9), "Lestrange", "Gaspard",
        "2 rue du Four", "21990 MONTFAUCELLE", (82_300,),
        second=SecondAllocataire("second_parent", synthetic_nir(10), "Aubépin", "Irène"),
    ),
    Family(
        "born_in_corse_du_sud", BOURGOGNE, "2100009", synthetic_nir(11, "2A"), "Casalta-Neuve", "Ange",
        "5 cours du Moulin", "21990 MONTFAUCELLE", (49_600,),
    ),
    Family(
        "born_in_haute_corse", BOURGOGNE, "2100010", synthetic_nir(12, "2B"), "Pietralunga", "Livia",
        "6 cours du Moulin", "21990 MONTFAUCELLE", (52_800,),
    ),
    Family(
        "born_overseas", BOURGOGNE, "2100011", synthetic_nir(13, "97", NO_COMMUNE_OF_GUADELOUPE), "Boisrosé", "Maël",
        "14 rue des Écoles", "21991 COMBE-VERTE", (36_400,),
    ),
    Family(
        "other_caisse_with_reference", POITOU, "8600001", POITOU_NIR, "Chantemarle", "Élise",
        "1 chemin du Lac", "86990 VOUNEUIL-LA-COMBE", (47_100,),
    ),
)  # fmt: skip
# A valid NIR that no dossier has.
UNKNOWN_NIR = synthetic_nir(999)


def _with_key(body: str) -> str:
    return body + str(calc_check_digits(body))


_BODY, _KEY = AVAILABLE_NIR[:13], int(AVAILABLE_NIR[13:])
# One for each rule; each is the available family's, spoilt. But for the key, keys fit what they can.
WRONG_NIRS: Mapping[str, WrongNir] = {
    "wrong_key": WrongNir(f"{_BODY}{_KEY % 97 + 1:02}", "NIR_KEY_MISMATCH"),
    "letters": WrongNir(AVAILABLE_NIR.replace(NO_COMMUNE, "99O"), "NIR_CHARACTERS"),
    "without_key": WrongNir(_BODY, "NIR_LENGTH"),
    "impossible_sex": WrongNir(_with_key("5" + _BODY[1:]), "NIR_SEX"),
    "impossible_month": WrongNir(_with_key(_BODY[:3] + "13" + _BODY[5:]), "NIR_MONTH"),
    "impossible_department": WrongNir(_with_key(_BODY[:5] + "00" + _BODY[7:]), "NIR_DEPARTMENT"),
    "impossible_commune": WrongNir(_with_key(_BODY[:7] + "000" + _BODY[10:]), "NIR_COMMUNE"),
    "impossible_order": WrongNir(_with_key(_BODY[:10] + "000"), "NIR_ORDER"),
}
