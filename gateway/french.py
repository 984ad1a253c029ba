"""What partners are told in French: what is the matter and what to do, reason by reason and rule by rule.

All of it is fixed: no text has a place for a value (N5).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.kit.errors import Reason
from services.kit.hours import CLOSING, OPENING

HOURS = f"de {OPENING.hour} h à {CLOSING.hour} h, heure de Paris, 7 jours sur 7"


@dataclass(frozen=True)
class Words:
    """What is the matter, in a few words, and what to do."""

    title: str
    detail: str


# Every reason that partners meet; the others are for internal callers.
WORDS: Mapping[Reason, Words] = {
    Reason.SESSION_REQUIRED: Words(
        "Session requise",
        "Connectez-vous, puis envoyez le jeton de session dans l'en-tête « authorization: Bearer … ».",
    ),
    Reason.SESSION_NOT_VALID: Words(
        "Session terminée ou inconnue",
        "La session est terminée ou inconnue : connectez-vous de nouveau.",
    ),
    Reason.CREDENTIALS_REFUSED: Words(
        "Identifiants refusés",
        "Ces identifiants ne sont pas acceptés. Vérifiez-les ; après plusieurs échecs, attendez un moment ou "
        "demandez-en de nouveaux à votre caisse.",
    ),
    Reason.PASSWORD_CHANGE_REQUIRED: Words(
        "Changement de mot de passe requis",
        "Remplacez d'abord le mot de passe provisoire, puis continuez avec le nouveau jeton de session (art. 4-3).",
    ),
    Reason.RATE_LIMITED: Words(
        "Trop d'appels",
        "Trop d'appels en trop peu de temps : espacez-les.",
    ),
    Reason.SERVICE_CLOSED: Words(
        "Service fermé",
        f"Le service est ouvert {HOURS} (art. 5).",
    ),
    Reason.DEPENDENCY_UNAVAILABLE: Words(
        "Service momentanément indisponible",
        "Le service est momentanément indisponible. Rien n'a été communiqué.",
    ),
    Reason.CONVENTION_NOT_IN_FORCE: Words(
        "Convention pas en vigueur",
        "La convention de votre organisme avec la caisse n'est pas en vigueur (art. 9) : adressez-vous à votre caisse.",
    ),
    Reason.HABILITATION_NOT_VALID: Words(
        "Habilitation insuffisante",
        "Votre habilitation ne permet pas cet appel, ou plus (art. 4) : adressez-vous à votre caisse.",
    ),
    Reason.PARTNER_SUSPENDED: Words(
        "Accès de l'organisme suspendu",
        "La caisse a suspendu l'accès de votre organisme (art. 7-2) : adressez-vous à elle.",
    ),
    Reason.USER_SUSPENDED: Words(
        "Accès suspendu",
        "La caisse a suspendu votre accès (art. 7-2) : adressez-vous à elle.",
    ),
    Reason.USE_SUSPENDED: Words(
        "Usage inhabituel, accès suspendu",
        "L'usage de ce compte a été jugé inhabituel : il est suspendu jusqu'à ce que votre caisse l'ait examiné "
        "(art. 7-2). Adressez-vous à elle.",
    ),
    Reason.NETWORK_NOT_ALLOWED: Words(
        "Réseau non autorisé",
        "Les appels de votre organisme ne sont acceptés que depuis les réseaux qu'il a désignés (art. 7-2) : appelez "
        "depuis l'un d'eux, ou faites ajouter celui-ci par votre caisse.",
    ),
    Reason.CLIENT_CERTIFICATE_REQUIRED: Words(
        "Certificat client requis",
        "Les appels de votre organisme ne sont acceptés qu'avec un certificat client qu'il a désigné (art. 7-2) : "
        "présentez-le, ou faites enregistrer le nouveau par votre caisse.",
    ),
    Reason.INVALID_FIELD: Words(
        "Champ non conforme",
        "La demande enfreint une règle au moins : corrigez chaque champ cité.",
    ),
    Reason.MALFORMED_REQUEST: Words(
        "Requête illisible",
        "La requête ne peut pas être lue : envoyez du HTTP ordinaire avec du JSON, ou du gRPC.",
    ),
    Reason.REQUEST_TOO_LARGE: Words(
        "Requête trop volumineuse",
        "La requête est trop volumineuse : envoyez-en moins à la fois.",
    ),
    Reason.UNKNOWN_METHOD: Words(
        "Méthode inconnue",
        "Il n'y a rien à cette adresse, ou pas par ce verbe : vérifiez le chemin et le verbe.",
    ),
    Reason.TLS_REQUIRED: Words(
        "TLS requis",
        "Ce port ne parle que TLS (art. 7-1) : utilisez https.",
    ),
    Reason.DEADLINE_EXCEEDED: Words(
        "Délai dépassé",
        "Le délai est passé avant la fin de l'appel : renvoyez la demande.",
    ),
    Reason.INTERNAL: Words(
        "Erreur interne",
        "Une erreur interne s'est produite. Indiquez l'identifiant de trace à votre caisse.",
    ),
    Reason.SECOND_FACTOR_REQUIRED: Words(
        "Second facteur requis",
        "L'identifiant et le mot de passe sont justes, mais le code manque : reconnectez-vous avec un code de votre "
        "application d'authentification, ou avec un code de secours.",
    ),
    Reason.SECOND_FACTOR_ENROLMENT_REQUIRED: Words(
        "Second facteur à mettre en place",
        "La caisse exige un second facteur (art. 7-1) : mettez-le en place, puis continuez avec le nouveau jeton de "
        "session.",
    ),
    Reason.SECOND_FACTOR_STATE: Words(
        "État du second facteur",
        "L'état du second facteur ne permet pas cet appel. S'il y en a déjà un, retirez-le d'abord ; si aucun n'a été "
        "commencé, ou depuis trop longtemps, recommencez ; s'il est exigé par la caisse, il ne se retire pas.",
    ),
    Reason.MAINTENANCE: Words(
        "Maintenance en cours",
        "Le service de votre caisse est en maintenance ; GET /v1/status dit jusqu'à quand (art. 5).",
    ),
}

_ONLY_DIGITS = "ne comporte que des chiffres, sauf 2A ou 2B comme département de naissance"
_NO_NIR = "ne doit pas contenir de NIR"

# Each continues a sentence that begins with the name of the field.
RULES: Mapping[str, str] = {
    "NIR_CHARACTERS": _ONLY_DIGITS,
    "NIR_LENGTH": "comporte 13 caractères et une clé de 2 chiffres, 15 en tout, sans compter les espaces",
    "NIR_SEX": "commence par 1 ou 2 (3, 4, 7 ou 8 pour un numéro provisoire)",
    "NIR_MONTH": "a un mois de naissance de 01 à 12, ou 20, de 30 à 42, de 50 à 99 quand il n'est pas connu",
    "NIR_DEPARTMENT": "a un département de naissance ; 00 n'en est pas un",
    "NIR_COMMUNE": "a une commune de naissance ; 000 n'en est pas une",
    "NIR_ORDER": "a un numéro d'ordre ; 000 n'en est pas un",
    "NIR_KEY_MISMATCH": "a une clé qui ne correspond pas à ses 13 caractères ; cherchez une faute de frappe",
    "MONTH": "est une année et un mois, comme « 2026-11 »",
    "PURPOSE": "dit à quoi sert la consultation : l'une des valeurs PURPOSE_… de l'interface",
    "PURPOSE_TEXT": "dit le motif en clair quand « purpose » est PURPOSE_OTHER, et reste vide sinon",
    "TEXT": "tient sur une ligne de 100 caractères au plus",
    "NIR_IN_TEXT": _NO_NIR,
    "CASE_REFERENCE": "comporte au plus 64 lettres, chiffres, espaces et . _ / -",
    "CASE_REFERENCE_REQUIRED": "est exigé par votre caisse : indiquez votre référence du dossier",
    "NIR_IN_REFERENCE": _NO_NIR,
    "QUERY_COUNT": "comporte de 1 à 500 demandes",
    "BATCH_SIZE": "comporte plus d'éléments que permis, ou moins",
    "RANGE": "est compris entre 0 et 500",
    "PAGE_TOKEN": "est le « next_page_token » de la page précédente",
    "UUID": "est un UUID",
    "DATE": "est un jour, comme « 2026-11-24 »",
    "DATE_NOT_REAL": "est un jour du calendrier, comme « 2026-11-24 »",
    "DATE_RANGE": "est compris entre les années 1900 et 2199",
    "DATE_IN_FUTURE": "n'est pas après aujourd'hui",
    "REQUESTER": "est l'une des valeurs OPPOSITION_REQUESTER_… de l'interface",
    "CHANNEL": "est l'une des valeurs OPPOSITION_CHANNEL_… de l'interface",
    "PASSWORD_LENGTH": "doit avoir de 12 à 128 caractères",
    "PASSWORD_CONTROL_CHARACTER": "ne doit contenir ni fin de ligne, ni tabulation, ni autre caractère de commande : "
    "ôtez ce qui a été collé avec lui",
    "PASSWORD_UNCHANGED": "doit être différent du mot de passe actuel",
    "PASSWORD_CONTAINS_LOGIN": "ne doit pas contenir l'identifiant",
    "PASSWORD_CONTAINS_NAME": "ne doit contenir ni votre nom ni votre prénom",
    "PASSWORD_TOO_COMMON": "est celui de beaucoup de gens : choisissez le vôtre",
    "PASSWORD_TOO_GUESSABLE": "est facile à deviner : commencez par plusieurs mots sans rapport entre eux ni avec la "
    "MSA, ou laissez un gestionnaire de mots de passe le créer",
    "PASSWORD_RECENTLY_USED": "a déjà servi ici il y a peu : choisissez-en un nouveau",
}
OTHER_RULE = "enfreint une règle : voyez ce que la documentation dit de ce champ"

_UNITS = ((86_400, "jour"), (3_600, "heure"), (60, "minute"), (1, "seconde"))


def wait_in_words(seconds: int) -> str:
    """A time to wait, in its two largest units and never shorter than it is: "3 heures et 12 minutes"."""
    first = next(place for place, (length, _) in enumerate(_UNITS) if seconds >= length or length == 1)
    shown = _UNITS[first : first + 2] if first < 2 else _UNITS[first : first + 1]
    rest = -(-seconds // shown[-1][0]) * shown[-1][0]
    if first and rest >= _UNITS[first - 1][0]:
        return wait_in_words(rest)
    counts = []
    for length, unit in shown:
        counts.append((rest // length, unit))
        rest %= length
    return " et ".join(f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in counts if count)
