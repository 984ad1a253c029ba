"""Makes the acknowledgement of a denunciation of what is on record of the convention (art. 9-2)."""

from datetime import date, timedelta

from cli import views
from cli.letters.records import CaisseIdentity, DenouncingParty, DenunciationLetter, PartnerIdentity
from cli.letters.translation import NothingToTell
from msa.partners.v1 import convention_service_pb2 as pb


def denunciation_letter(
    written_date: date,
    caisse: CaisseIdentity,
    partner: PartnerIdentity,
    convention: pb.Convention,
    fact_id: str | None,
) -> DenunciationLetter:
    """The acknowledgement of the denunciation that ends the convention (art. 9-2). Raises NothingToTell.

    `fact_id` is needed where more than one stands.
    """
    denunciation = _denunciation(convention, fact_id)
    receipt_date = _receipt(denunciation)
    signature_date, end_date, secrecy_end_date = (
        views.day(convention, field) for field in ("signature_date", "end_date", "secrecy_end_date")
    )
    if not (signature_date and end_date and secrecy_end_date):
        raise _decides_no_end()
    by_caisse = denunciation.party == pb.PARTY_CAISSE
    return DenunciationLetter(
        written_date=written_date,
        caisse=caisse,
        partner=partner,
        convention_id=convention.convention_id,
        signature_date=signature_date,
        denounced_by=DenouncingParty.CAISSE if by_caisse else DenouncingParty.PARTNER,
        registered_letter=denunciation.letter_reference,
        receipt_date=receipt_date,
        missed_term_date=_missed_term(signature_date, receipt_date, end_date),
        last_date=end_date - timedelta(days=1),
        end_date=end_date,
        secrecy_end_date=secrecy_end_date,
    )


def _denunciation(convention: pb.Convention, fact_id: str | None) -> pb.Denunciation:
    """The denunciation asked for: of those that stand, the one that was received first decides the end."""
    standing = _standing_denunciations(convention)
    asked = [fact.denunciation for fact in standing if fact_id in {None, fact.fact_id}]
    if not asked:
        raise NothingToTell(
            "No such denunciation is on record (art. 9-2).",
            "`qf convention show` lists what is; `qf convention denounce` records one.",
        )
    if len(asked) > 1:
        raise NothingToTell("More than one denunciation is on record (art. 9-2).", "Name one with --fact.")
    if _receipt(asked[0]) > min(_receipt(fact.denunciation) for fact in standing):
        raise _decides_no_end()
    return asked[0]


def _receipt(denunciation: pb.Denunciation) -> date:
    return views.day(denunciation, "receipt_date") or date.max


def _standing_denunciations(convention: pb.Convention) -> list[pb.ConventionFact]:
    void = {fact.annulment.annulled_fact_id for fact in convention.facts if fact.HasField("annulment")}
    return [fact for fact in convention.facts if fact.HasField("denunciation") and fact.fact_id not in void]


def _missed_term(signature_date: date, receipt_date: date, end_date: date) -> date | None:
    """The term between the receipt and the end, which the denunciation came too late for; None where there is none.

    Raises NothingToTell where the convention ends on a day to which no denunciation received then can lead.
    """
    years = end_date.year - signature_date.year
    earlier, latest = (_anniversary(signature_date, years - back) for back in (2, 1))
    if end_date != _anniversary(signature_date, years) or not earlier <= receipt_date < end_date:
        raise _decides_no_end()
    return latest if receipt_date < latest else None


def _anniversary(day: date, years: int) -> date:
    """28 February after a 29 February, in a common year: as the service counts terms (art. 9-1)."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def _decides_no_end() -> NothingToTell:
    return NothingToTell(
        "It is not this denunciation that ends the convention (art. 9-2).",
        "`qf convention show` tells when it ends and what is on record.",
    )
