"""Unusual use in plain words, and its score as a bar (art. 7-2)."""

from collections.abc import Mapping

from cli import views
from cli.output import Row
from msa.identity.v1 import use_service_pb2 as pb

_BAR_CELLS = 10
_NEVER = 101
WORDS: Mapping[str, str] = {
    "UNKNOWN_NIRS": "{observed} unknown NIRs (up to {expected} are usual)",
    "VOLUME": "{observed} consultations (up to {expected} are usual)",
    "ODD_HOURS": "{observed} consultations at hours at which the partner makes none",
    "MANY_NETWORKS": "{observed} networks in a day (up to {expected} are usual)",
}


def row(unusual: pb.UnusualUse) -> Row:
    """One that was noticed."""
    return {
        **views.fields(unusual, "event_time"),
        "bar": _bar(unusual.score),
        **views.fields(unusual, "score"),
        "why": _why(unusual),
        "state": _state(unusual),
        **views.fields(unusual, "suspended", "lift_time", "account_id", "partner_id", "caisse_code"),
        "reasons": [_counted(reason) for reason in unusual.reasons],
        **views.fields(unusual, "unusual_use_id", "trace_id"),
    }


def in_words(unusual: pb.UnusualUse) -> str:
    """One in a few words: where it stands, its score, and why."""
    return f"{_state(unusual)}, score {unusual.score}: {_why(unusual)}"


def style(shown: Row) -> str:
    """How its row is to look: what a caisse must attend to stands out."""
    return {"suspended": "red", "told": "yellow"}.get(str(shown["state"]), "")


def policy(record: pb.UsePolicy) -> Row:
    """A caisse's policy."""
    never = record.suspension_score == _NEVER
    return {
        **views.fields(record, "caisse_code", "notice_score", "suspension_score", "notices_mailed"),
        "meaning": f"told from a score of {record.notice_score} on"
        + (", by mail too" if record.notices_mailed else "")
        + ("; nobody is suspended" if never else f"; suspended from {record.suspension_score} on"),
    }


def _bar(score: int) -> str:
    filled = round(_BAR_CELLS * score / 100)
    return "█" * filled + "░" * (_BAR_CELLS - filled)


def _state(unusual: pb.UnusualUse) -> str:
    if not unusual.suspended:
        return "told"
    return "lifted" if unusual.HasField("lift_time") else "suspended"


def _why(unusual: pb.UnusualUse) -> str:
    return "; ".join(map(_in_words, unusual.reasons))


def _in_words(reason: pb.UnusualUseReason) -> str:
    words = WORDS.get(_kind(reason), f"{_kind(reason)}: {{observed}}")
    return words.format(observed=reason.observed_count, expected=reason.expected_count)


def _counted(reason: pb.UnusualUseReason) -> str:
    return f"{_kind(reason)}:points={reason.points},observed={reason.observed_count},expected={reason.expected_count}"


def _kind(reason: pb.UnusualUseReason) -> str:
    return str(views.fields(reason, "kind")["kind"])
