"""The journal and the register as a partner's review sees them."""

from collections.abc import Collection, Mapping
from datetime import date

from gateway.clients import instant
from gateway.domain import Outcome, Purpose, Right
from gateway.review.domain import JournalPage, PastConsultation, UserName
from msa.partners.v1 import habilitation_service_pb2 as partners_pb
from msa.partners.v1.habilitation_service_pb2_grpc import HabilitationServiceStub
from msa.quotient.v1 import disclosure_service_pb2 as disclosure_pb
from msa.quotient.v1.disclosure_service_pb2_grpc import DisclosureServiceStub
from services.kit.client import Upstream

_LIST = "msa.quotient.v1.DisclosureService/ListDisclosures"
_NAME = "msa.partners.v1.HabilitationService/NameUsers"


class JournalClient:
    """Quotient's `DisclosureService`."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._stub = DisclosureServiceStub(upstream.channel)

    async def page(
        self, right: Right, account_id: str | None, page_size: int, page_token: str
    ) -> JournalPage:
        """Lines of the partner with the caisse of the right, of one account where it is given."""
        request = disclosure_pb.ListDisclosuresRequest(
            caisse_code=right.caisse_code,
            partner_id=right.partner_id,
            account_id=account_id or "",
            page_size=page_size,
            page_token=page_token,
        )
        reply = await self._upstream.call(_LIST, self._stub.ListDisclosures, request)
        return JournalPage([_consultation(line) for line in reply.disclosures], reply.next_page_token)


class UserClient:
    """Partners' `HabilitationService`."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._stub = HabilitationServiceStub(upstream.channel)

    async def names(self, partner_id: str, habilitation_ids: Collection[str]) -> Mapping[str, UserName]:
        """The names of the partner's users, by habilitation."""
        request = partners_pb.NameUsersRequest(
            partner_id=partner_id, habilitation_ids=sorted(habilitation_ids)
        )
        reply = await self._upstream.call(_NAME, self._stub.NameUsers, request)
        return {each.habilitation_id: UserName(each.user.nom, each.user.prenom) for each in reply.users}


def _consultation(line: disclosure_pb.Disclosure) -> PastConsultation:
    return PastConsultation(
        consultation_id=line.consultation_id,
        consult_time=instant(line.disclose_time),
        month=date(line.month.year, line.month.month, 1),
        purpose=Purpose(line.purpose),
        purpose_text=line.purpose_text,
        case_reference=line.case_reference,
        outcome=Outcome(line.outcome),
        habilitation_id=line.habilitation_id,
    )
