"""How a fact gets on record: what follows from it, in one sentence before it is recorded and one afterwards."""

from __future__ import annotations

from datetime import date, timedelta

from cli import register, views
from cli.application import Qf
from cli.output import Row
from msa.partners.v1 import convention_service_pb2 as pb

_CURE_PERIOD = timedelta(days=30)
# A receipt that lies further before the term falls in an earlier one.
_TERM = timedelta(days=365)


def record(
    qf: Qf, read: pb.Convention, fact: pb.ConventionFact, title: str, reason: str, *, about: str = ""
) -> None:
    """Records `fact` unless somebody changed the convention since it was `read`; `about` says how to go on."""
    request = pb.RecordFactRequest(convention_id=read.convention_id, fact=fact, reason=reason, etag=read.etag)
    reply = qf.services.partners.call(register.conventions(qf).RecordFact, request)
    show_changed(qf, title, reply.convention, {"fact_id": reply.fact_id})
    if about:
        qf.output.note(about.replace("FACT", reply.fact_id))


def show_changed(qf: Qf, title: str, convention: pb.Convention, more: Row | None = None) -> None:
    """Shows a convention that was changed, and says where it stands."""
    qf.output.record(title, {**(more or {}), **views.convention(convention)})
    qf.output.note(standing(convention))


def standing(convention: pb.Convention) -> str:
    """Where a convention stands and what it waits for, in one sentence."""
    end = views.day(convention, "end_date")
    match convention.state:
        case pb.CONVENTION_STATE_DRAFT:
            return (
                "A draft, without effect until both have signed: "
                f"qf convention sign {convention.convention_id} --by PARTY --date DAY (art. 9-1)"
            )
        case pb.CONVENTION_STATE_PENDING if not convention.HasField("cnil_declaration_date"):
            return (
                "Signed, without effect until: "
                f"qf convention declare-cnil {convention.convention_id} --date DAY (art. 9-1)"
            )
        case pb.CONVENTION_STATE_PENDING:
            return "Signed; it takes effect on the later of signature and CNIL declaration (art. 9-1)."
        case pb.CONVENTION_STATE_ENDED:
            secrecy = views.day(convention, "secrecy_end_date")
            return f"Over since {end}" + (f"; secrecy until {secrecy} (art. 6-1)." if secrecy else ".")
        case _ if end is not None:
            return f"In force until it ends: {end} is the first day without effect."
        case _:
            return f"In force; it renews itself on {views.day(convention, 'term_date')} (art. 9-1)."


def denunciation_brings(convention: pb.Convention, received: date) -> str:
    """What a denunciation received on this day brings (art. 9-2); empty where the service must tell."""
    term, last_day = views.day(convention, "term_date"), views.day(convention, "last_denunciation_date")
    if term is None or last_day is None or not term - _TERM <= received < term:
        return ""
    if received <= last_day:
        return f"Received on {received}, it is in time for the term of {term}: the convention ends then (art. 9-2)."
    return (
        f"Received on {received}, it is too late for the term of {term}, for which {last_day} was the last day: "
        "the convention ends a year after that term (art. 9-2)."
    )


def notice_brings(received: date) -> str:
    """What a formal notice received on this day brings (art. 9-2)."""
    end = received + _CURE_PERIOD
    return f"Unless the breach is cured before {end}, the convention ends on that day (art. 9-2)."
