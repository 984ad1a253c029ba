"""Habilitations and bouquets ↔ protobuf, as several handlers need them."""

from collections.abc import Mapping
from datetime import date

from msa.partners.v1 import habilitation_service_pb2 as pb
from services.kit.messages import to_date, to_timestamp
from services.partners.habilitations.domain import Bouquet, Habilitation, known_bouquet
from services.partners.suspensions.translation import suspension_message

BOUQUETS: Mapping[int, Bouquet] = {pb.Bouquet.Value(f"BOUQUET_{bouquet}"): bouquet for bouquet in Bouquet}


def bouquet_in(number: int) -> Bouquet:
    """The bouquet in a request. Raises InvalidField."""
    return known_bouquet(BOUQUETS.get(number))


def habilitation_message(habilitation: Habilitation, today: date) -> pb.Habilitation:
    """A habilitation as it stands on `today`."""
    user, suspension = habilitation.user, habilitation.suspension
    bears = suspension if suspension and suspension.bears_on(today) else None
    return pb.Habilitation(
        habilitation_id=str(habilitation.habilitation_id),
        convention_id=str(habilitation.convention_id),
        partner_id=str(habilitation.partner_id),
        caisse_code=habilitation.caisse_code,
        user=pb.User(nom=user.nom, prenom=user.prenom, email=user.email),
        bouquet=pb.Bouquet.Value(f"BOUQUET_{habilitation.bouquet}"),
        create_time=to_timestamp(habilitation.create_time),
        withdraw_time=to_timestamp(habilitation.withdraw_time),
        state=pb.HabilitationState.Value(f"HABILITATION_STATE_{habilitation.state_on(today)}"),
        lapse_date=to_date(habilitation.lapse_date),
        suspension=suspension_message(bears),
        withdrawal_reason=habilitation.withdrawal_reason,
    )
