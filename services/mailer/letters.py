"""Letters as pure functions: the same message, told on the same day, makes the same letter."""

import re
import textwrap
import unicodedata
from collections.abc import Iterable
from datetime import date

from services.mailer import wording
from services.mailer.domain import Audience, Deadline, Text, UnusualUse
from services.mailer.french import day_in_words, delay_in_words, instant_in_words

_WIDTH = 76
# Where French sets apart or keeps together, by a space at which no line breaks.
_KEPT_SPACE = re.compile(r" (?=[:;?!»])|(?<=«) |(?<=article) (?=\d)|(?<=articles) (?=\d)|(?<=\d) (?=h\b)")
_NO_BREAK_SPACE = "\u00a0"


def reminder_text(deadline: Deadline, audience: Audience, today: date, *, takes_replies: bool) -> Text:
    """What a caisse or a partner is told of a deadline, on the day `today`."""
    words = wording.REMINDERS[deadline.kind, audience]
    partner = one_line(deadline.partner_denomination)
    subject, *paragraphs = _filled(words, deadline.due_date, today, partner)
    if deadline.user_count:
        paragraphs.append(_typeset(wording.USERS_CONCERNED).format(count=deadline.user_count))
    if audience is Audience.PARTNER:
        paragraphs.append(_typeset(_on_replies(takes_replies)))
    return Text(subject, _body(paragraphs))


def warning_text(disable_date: date, today: date, *, takes_replies: bool) -> Text:
    """What a user is told whose account will be disabled."""
    subject, *paragraphs = _filled(wording.DORMANCY_WARNING, disable_date, today)
    return Text(subject, _body([*paragraphs, _typeset(_on_replies(takes_replies))]))


def unusual_use_text(unusual: UnusualUse) -> Text:
    """What a caisse is told of unusual use: which account, why, and what to do (art. 7-2); nothing of a person (N5)."""
    words = wording.USE_SUSPENDED if unusual.suspended else wording.USE_NOTICED
    values = {
        "instant": instant_in_words(unusual.event_time),
        "caisse": one_line(unusual.caisse_code),
        "account": unusual.account_id,
        "partner": unusual.partner_id,
        "score": unusual.score,
        "reasons": "\n".join(
            _typeset(wording.UNUSUAL_USE_REASONS[reason.kind]).format(
                observed=reason.observed_count, expected=reason.expected_count
            )
            for reason in unusual.reasons
        ),
    }
    subject, *paragraphs = (_typeset(text).format_map(values) for text in (words.subject, *words.paragraphs))
    return Text(subject, _body(paragraphs))


def one_line(text: str) -> str:
    """`text` without line ends and other characters that are not shown: it can forge no header."""
    shown = (" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    return " ".join("".join(shown).split())


def _filled(words: wording.Wording, due: date, today: date, partner: str = "") -> list[str]:
    values = {"day": day_in_words(due), "delay": delay_in_words(due, today), "partner": partner}
    return [_typeset(text).format_map(values) for text in (words.subject, *words.paragraphs)]


def _on_replies(takes_replies: bool) -> str:
    return wording.REPLY if takes_replies else wording.NO_REPLY


def _typeset(text: str) -> str:
    return _KEPT_SPACE.sub(_NO_BREAK_SPACE, text)


def _body(paragraphs: Iterable[str]) -> str:
    parts = (wording.GREETING, *paragraphs, _typeset(wording.CLOSING))
    return "\n\n".join(map(_wrapped, parts)) + "\n"


def _wrapped(part: str) -> str:
    """Each of its lines by itself: commands and the points of a list stay lines of their own."""
    return "\n".join(
        textwrap.fill(
            line, _WIDTH, break_on_hyphens=False, subsequent_indent="  " if line.startswith("–") else ""
        )
        for line in part.split("\n")
    )
