"""What letters say: pure wording."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from services.mailer.domain import (
    Audience,
    Deadline,
    DeadlineKind,
    Text,
    UnusualUse,
    UnusualUseKind,
    UnusualUseReason,
)
from services.mailer.french import day_in_words, delay_in_words, instant_in_words
from services.mailer.letters import one_line, reminder_text, unusual_use_text, warning_text
from services.mailer.wording import REMINDERS, UNUSUAL_USE_REASONS

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


@pytest.mark.parametrize(
    ("instant", "words"),
    [
        (datetime(2026, 7, 1, 7, 5, tzinfo=UTC), "mercredi 1er juillet 2026 à 9\u00a0h\u00a005"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "vendredi 1er janvier 2027 à 0\u00a0h\u00a030"),
    ],
)
def test_instants_are_those_of_the_clocks_of_paris(instant: datetime, words: str) -> None:
    assert instant_in_words(instant) == words


def unusual(*, suspended: bool = True) -> UnusualUse:
    """One of every kind of reason."""
    return UnusualUse(
        caisse_code="21",
        account_id=UUID(int=1),
        partner_id=UUID(int=2),
        event_time=datetime(2026, 11, 24, 8, 30, tzinfo=UTC),
        score=93,
        reasons=[UnusualUseReason(kind, 150 + kind, 20 + kind) for kind in UnusualUseKind],
        suspended=suspended,
    )


def test_a_caisse_is_told_which_account_is_suspended_why_and_what_to_do_art_7_2() -> None:
    text = unusual_use_text(unusual())
    assert text.subject == "Compte suspendu pour usage inhabituel, à examiner (caisse 21)"
    told = flat(text)
    assert "Le mardi 24 novembre 2026 à 9 h 30, un compte du service" in told
    assert "a été suspendu : son usage laisse soupçonner un abus (article 7-2)" in told
    assert f"Compte : {UUID(int=1)} Partenaire : {UUID(int=2)} Indice : 93 sur 100." in told
    for words in (
        "NIR inconnus de la caisse : 151, pour 21 au plus d’ordinaire.",
        "Consultations : 152, pour 22 au plus d’ordinaire.",
        "Consultations à des heures où ce partenaire n’en fait pas : 153.",
        "Réseaux différents en une journée : 154, pour 24 au plus d’ordinaire.",
    ):
        assert words in told


def test_every_kind_of_unusual_use_has_words() -> None:
    assert set(UNUSUAL_USE_REASONS) == set(UnusualUseKind)


def test_commands_stand_on_lines_of_their_own_to_be_copied() -> None:
    suspended, noticed = unusual_use_text(unusual()), unusual_use_text(unusual(suspended=False))
    looking = [
        "    qf use list --caisse 21",
        f"    qf user show --account {UUID(int=1)}",
        f"    qf partner show {UUID(int=2)}",
    ]
    lifting = f"    qf use lift --account {UUID(int=1)}"
    commands = [[line for line in text.body.splitlines() if " qf " in line] for text in (suspended, noticed)]
    assert commands == [[*looking, lifting], [*looking, "    qf use policy --caisse 21 --no-mail-notices"]]


def test_what_suspends_nobody_says_so() -> None:
    text = unusual_use_text(unusual(suspended=False))
    assert text.subject == "Usage inhabituel d’un compte, à examiner (caisse 21)"
    assert "Ce compte n’est pas suspendu." in flat(text)
    assert "a été suspendu" not in flat(text)


@pytest.mark.parametrize("suspended", [True, False])
def test_a_letter_of_unusual_use_is_short_lines_of_plain_french_text_without_a_link(suspended: bool) -> None:
    text = unusual_use_text(unusual(suspended=suspended))
    assert max(len(line) for line in text.body.splitlines()) <= 76
    assert text.body.startswith("Bonjour,\n\n")
    assert not set("{}") & set(text.subject + text.body)
    assert not re.search("[^\u00a0][:;?!»]", text.body + text.subject)
    assert not re.search("«[^\u00a0]|['\"]|http", text.body + text.subject)
    # A point of the list goes on under its text.
    lines = text.body.splitlines()
    assert [line[:2] for number, line in enumerate(lines) if lines[number - 1].startswith("–")] == ["  "] * 4


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
