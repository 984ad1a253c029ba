"""Dossiers as they travel."""

from msa.quotient.v1 import dossier_service_pb2 as pb
from services.kit.messages import to_date
from services.quotient.dossiers.domain import Coordonnees, QuotientPeriod


def coordonnees_message(coordonnees: Coordonnees) -> pb.Coordonnees:
    """Coordonnées as they travel."""
    return pb.Coordonnees(
        allocataires=[
            pb.Allocataire(
                nom_naissance=person.nom_naissance, nom_usage=person.nom_usage, prenoms=person.prenoms
            )
            for person in coordonnees.allocataires
        ],
        destinataire=coordonnees.destinataire,
        complement_information=coordonnees.complement_information,
        complement_information_geographique=coordonnees.complement_information_geographique,
        numero_libelle_voie=coordonnees.numero_libelle_voie,
        lieu_dit=coordonnees.lieu_dit,
        code_postal_ville=coordonnees.code_postal_ville,
        pays=coordonnees.pays,
    )


def period_message(period: QuotientPeriod) -> pb.QuotientPeriod:
    """A QF as it travels."""
    return pb.QuotientPeriod(
        valid_from=to_date(period.valid_from),
        valid_to=to_date(period.valid_to),
        amount_cents=period.amount_cents,
    )
