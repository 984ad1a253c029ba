"""What letters say: pure wording."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.mailer.domain import Audience, Deadline, DeadlineKind, Text
from services.mailer.french import day_in_words, delay_in_words
from services.mailer.letters import one_line, reminder_text, warning_text
from services.mailer.wording import REMINDERS

TODAY = date(2026, 11, 24)
PARTNER = "Mairie de Saint-Ouen-l’Aumône"
ARTICLES = {
    DeadlineKind.RENEWAL: "9-1",
    DeadlineKind.LAST_DAY_TO_DENOUNCE: "9-2",
    DeadlineKind.CONVENTION_END: "9-2",
    DeadlineKind.CURE_END: "9-2",
    DeadlineKind.FORCE_MAJEURE_TERMINATION: "10",
    DeadlineKind.SUSPENSION_END: "7-2",
    DeadlineKind.RECERTIFICATION: "9-1",
    DeadlineKind.ATTESTATION: "6-1",
    DeadlineKind.UNDERTAKING: "6-1",
}
EVERY_LETTER = [(kind, audience) for kind in DeadlineKind for audience in Audience]
every_letter = pytest.mark.parametrize(("kind", "audience"), EVERY_LETTER)


def deadline(kind: DeadlineKind = DeadlineKind.RENEWAL, days: int = 30) -> Deadline:
    return Deadline(kind, TODAY + timedelta(days=days), PARTNER, user_count=0)


def told(
    audience: Audience = Audience.CAISSE,
    about: Deadline | None = None,
    *,
    takes_replies: bool = True,
) -> Text:
    return reminder_text(about or deadline(), audience, TODAY, takes_replies=takes_replies)


def flat(text: Text) -> str:
    """Subject and body on one line, with plain spaces."""
    return " ".join(f"{text.subject} {text.body}".split())


def test_every_kind_has_a_text_for_every_audience() -> None:
    assert set(REMINDERS) == set(EVERY_LETTER)


def test_no_two_letters_say_the_same() -> None:
    texts = {told(audience, deadline(kind)) for kind, audience in EVERY_LETTER}
    assert len({text.subject for text in texts}) == len(EVERY_LETTER)
    assert len({text.body for text in texts}) == len(EVERY_LETTER)


@every_letter
def test_a_letter_names_partner_day_delay_and_article(kind: DeadlineKind, audience: Audience) -> None:
    text = told(audience, deadline(kind))
    assert "dans 30 jours" in text.subject
    body = " ".join(text.body.split())
    assert PARTNER in body
    assert "jeudi 24 décembre 2026 (dans 30 jours)" in body
    assert re.search(rf"articles?\s(?:\S+\set\s)?{ARTICLES[kind]}\b", body)


@every_letter
@pytest.mark.parametrize("days", [90, 1, 0, -1, -12])
def test_nothing_is_left_to_fill_in(kind: DeadlineKind, audience: Audience, days: int) -> None:
    text = told(audience, deadline(kind, days))
    assert not set("{}") & set(text.subject + text.body)
    assert delay_in_words(TODAY + timedelta(days=days), TODAY) in text.subject


@every_letter
def test_a_letter_is_short_lines_of_plain_french_text(kind: DeadlineKind, audience: Audience) -> None:
    text = told(audience, replace(deadline(kind), user_count=3))
    assert max(len(line) for line in text.body.splitlines()) <= 76
    assert text.body.startswith("Bonjour,\n\n")
    assert text.body.endswith("\n")
    # What French sets apart, it sets apart by a space at which no line breaks; and it has no straight apostrophe.
    assert not re.search("[^\u00a0][:;?!»]", text.body + text.subject)
    assert not re.search("«[^\u00a0]|['\"]|  ", text.body + text.subject)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 7, 1), "mercredi 1er juillet 2026"),
        (date(2028, 2, 29), "mardi 29 février 2028"),
        (date(2026, 12, 31), "jeudi 31 décembre 2026"),
        (date(2027, 8, 15), "dimanche 15 août 2027"),
    ],
)
def test_days_are_written_in_words(day: date, words: str) -> None:
    assert day_in_words(day) == words


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (90, "dans 90 jours"),
        (2, "dans 2 jours"),
        (1, "demain"),
        (0, "aujourd’hui"),
        (-1, "depuis hier"),
        (-2, "depuis 2 jours"),
    ],
)
def test_delays_count_from_the_day_of_the_letter(days: int, words: str) -> None:
    assert delay_in_words(TODAY + timedelta(days=days), TODAY) == words


def test_users_are_counted_where_there_are_any() -> None:
    about = deadline(DeadlineKind.RECERTIFICATION)
    assert "utilisateurs concernés : 3." in flat(told(about=replace(about, user_count=3)))
    assert "utilisateurs concernés" not in flat(told(about=about))


def test_a_partner_is_told_whether_replies_are_read() -> None:
    assert "répondez à ce message" in flat(told(Audience.PARTNER))
    assert "personne ne lit les réponses" in flat(told(Audience.PARTNER, takes_replies=False))
    assert "répon" not in flat(told(Audience.CAISSE, deadline(DeadlineKind.UNDERTAKING)))


def test_a_user_is_told_when_and_how_to_keep_the_access() -> None:
    text = warning_text(date(2026, 12, 1), TODAY, takes_replies=True)
    assert text.subject == "Votre accès au quotient familial sera désactivé dans 7 jours"
    assert "mardi 1er décembre 2026 (dans 7 jours)" in flat(text)
    assert "connectez-vous avant ce jour" in flat(text)
    assert "http" not in flat(text)


@pytest.mark.parametrize(
    "denomination",
    [
        "Mairie\r\nBcc: tous@ailleurs.example",
        "Mairie\nBcc: tous@ailleurs.example",
        "Mairie\r\n\r\nUn autre corps",
        "Mairie\u2028Bcc: x",
        "Mairie\x00\x1b[31m\u202e",
        "\n.\r\nMAIL FROM:<x@y.example>",
    ],
)
@every_letter
def test_no_denomination_begins_a_line(kind: DeadlineKind, audience: Audience, denomination: str) -> None:
    text = told(audience, replace(deadline(kind), partner_denomination=denomination))
    assert not re.search(r"[\r\n\x00\x1b\u2028\u202e]", text.subject)
    assert not re.search(r"[\r\x00\x1b\u2028\u202e]", text.body)
    assert one_line(denomination) in flat(text)
    # It wraps like any other text, between greeting and closing.
    assert text.body.startswith("Bonjour,\n\n")
    assert "Message automatique" in text.body


def test_a_denomination_is_no_template() -> None:
    about = replace(deadline(), partner_denomination="{day} {0} {partner.__class__} %s")
    assert "{day} {0} {partner.__class__} %s" in flat(told(about=about))
