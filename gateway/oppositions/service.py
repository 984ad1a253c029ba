"""Use case: a partner records the opposition of a person who objected to it (annexe 1)."""

from typing import Protocol

from gateway.admission import Admission, Notice
from gateway.domain import ClientContext, Right
from gateway.oppositions.domain import Declaration, DeclarationDraft, RecordedOpposition, read_declaration
from services.kit.clock import Clock, paris_date
from services.kit.redaction import SessionToken


class Oppositions(Protocol):
    """Quotient's part."""

    async def record(self, declaration: Declaration, right: Right) -> RecordedOpposition:
        """Records it against the partner of the right, with its caisse; committed when this returns (N1)."""
        ...


class PartnerOppositions:
    """Oppositions that partners declare against themselves."""

    def __init__(self, clock: Clock, admission: Admission, oppositions: Oppositions) -> None:
        self._clock = clock
        self._admission = admission
        self._oppositions = oppositions

    async def admit(self, token: SessionToken, client: ClientContext, notice: Notice) -> Right:
        """The right of the caller, before his fields are looked at. Raises what `Admission.admit` raises."""
        _, right = await self._admission.admit(token, client, notice)
        return right

    async def record(self, right: Right, draft: DeclarationDraft) -> RecordedOpposition:
        """Records it: from here on it withholds the person's dossier from this partner (N1).

        The answer is the same whether the caisse knows the person or not (N6). Raises InvalidField, passed on too, and
        DependencyUnavailable.
        """
        declaration = read_declaration(draft, paris_date(self._clock.now()))
        async with self._admission.budget():
            return await self._oppositions.record(declaration, right)
