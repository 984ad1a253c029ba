"""Which new passwords are taken (art. 4-3; CNIL deliberation 2022-100)."""

import math
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.passwords.common_passwords import load_common_passwords
from services.identity.passwords.domain import (
    MAXIMUM_PASSWORD_LENGTH,
    MINIMUM_PASSWORD_LENGTH,
    PasswordRules,
    new_temporary_password,
    recently_used_violation,
    renewal_is_advised,
)
from services.identity.passwords.folding import letters_and_digits, normalised, plain, readings, words
from services.identity.passwords.guessing import CommonPasswords, is_too_guessable
from services.identity.passwords.personal_words import PersonalWords
from services.identity.readable import UNAMBIGUOUS
from services.kit.config import ConfigError
from services.kit.redaction import Password

LOGIN = "x21-4f7k2m"
CURRENT = Password("Vieux mot de passe")
PERSONAL_WORDS = PersonalWords(bytes(range(32)))
COMMON = load_common_passwords()
RULES = PasswordRules(COMMON, PERSONAL_WORDS)
NAMES = PERSONAL_WORDS.indexes(["Léa-Rose", "d'Ornac Lefèvre", "Bœuf"])
GOOD = "une vache dans le pré"

# Every sign that protobuf can carry: Unicode without surrogates.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=MAXIMUM_PASSWORD_LENGTH)


def _broken_rules(new: str, current: Password = CURRENT) -> set[str]:
    violations = RULES.violations(Password(new), current, LOGIN, NAMES)
    assert {violation.field for violation in violations} <= {"new_password"}
    rules = [violation.rule for violation in violations]
    assert len(set(rules)) == len(rules)
    return set(rules)


@pytest.mark.parametrize(
    "new",
    [
        GOOD,
        "correct cheval agrafe batterie",
        "k7m2px4w9qh3",
        "Ünïcödé: добрый день",
        "🐄 rumine 🌱 en paix 🎻",
        # Of score 3, the lowest that is taken.
        "vanille, soleil",
        "vélo lune gruyère " * 7,
    ],
)
def test_a_password_that_is_long_and_hard_to_guess_is_taken(new: str) -> None:
    assert _broken_rules(new) == set()


def test_a_password_has_12_to_128_characters() -> None:
    assert (MINIMUM_PASSWORD_LENGTH, MAXIMUM_PASSWORD_LENGTH) == (12, 128)
    assert "PASSWORD_LENGTH" in _broken_rules("k7m2px4w9qh")
    assert _broken_rules("k7m2px4w9qh3") == set()
    longest = (GOOD + " ") * 6
    assert _broken_rules(longest[:128]) == set()
    assert _broken_rules(longest[:129]) == {"PASSWORD_LENGTH"}


def test_characters_are_counted_as_they_are_read() -> None:
    decomposed = unicodedata.normalize("NFD", "é" * 6 + "k7m2x")
    assert len(decomposed) > MINIMUM_PASSWORD_LENGTH
    assert "PASSWORD_LENGTH" in _broken_rules(decomposed)


def test_too_much_is_refused_without_a_look_at_it() -> None:
    assert _broken_rules(LOGIN + "a" * 1_000_000 + "\n") == {"PASSWORD_LENGTH"}


@pytest.mark.parametrize("sign", ["\n", "\r", "\t", "\0", "\x1b", "\x85", "\u2028", "\u2029"])
def test_what_nobody_types_but_a_paste_brings_is_refused_rather_than_dropped(sign: str) -> None:
    assert _broken_rules(GOOD + sign) == {"PASSWORD_CONTROL_CHARACTER"}


@pytest.mark.parametrize("new", ["  une vache dans le pré  ", "une\u00a0vache\u202fdans le pré"])
def test_spaces_are_characters_like_others(new: str) -> None:
    assert _broken_rules(new) == set()


SPELLINGS = (
    "été à la campagne, un matin",
    unicodedata.normalize("NFD", "été à la campagne, un matin"),
    "été\u00a0à la\u202fcampagne, un matin",
)


@pytest.mark.parametrize("again", SPELLINGS)
@pytest.mark.parametrize("current", SPELLINGS)
def test_the_current_password_is_no_new_one_whatever_keyboard_wrote_it(again: str, current: str) -> None:
    assert _broken_rules(again, Password(current)) == {"PASSWORD_UNCHANGED"}


@pytest.mark.parametrize("login", [LOGIN, LOGIN.upper(), "X21 4F7K2M", "x214f7k2m"])
def test_the_login_stands_in_no_password(login: str) -> None:
    assert _broken_rules(f"vélo lune {login} gruyère") == {"PASSWORD_CONTAINS_LOGIN"}


@pytest.mark.parametrize(
    "name",
    [
        "Lefèvre",
        "LEFEVRE",
        "lefe\u0300vre",
        "l3f3vr3",
        "Lefevre1985",
        "unlefevredeplus",
        "Ornac",
        "boeuf",
        "BŒUF",
        "Léa",
        "lea",
        "7 Lea7",
    ],
)
def test_the_user_s_names_stand_in_no_password(name: str) -> None:
    assert _broken_rules(f"vélo lune {name} gruyère") == {"PASSWORD_CONTAINS_NAME"}


@pytest.mark.parametrize("other", ["lef evre", "lefebvre", "cléat", "dor nac", "Ros"])
def test_words_that_are_like_his_names_are_the_user_s_own_affair(other: str) -> None:
    assert _broken_rules(f"vélo lune {other} gruyère") == set()


def test_names_are_kept_as_keyed_digests_of_their_words() -> None:
    assert PERSONAL_WORDS.indexes(["Léa Lefèvre", "LEFEVRE"]) == PERSONAL_WORDS.indexes(["lefevre", "lea"])
    assert all(len(index) == 32 for index in NAMES)
    # lea, rose, ornac, lefevre, boeuf: "d" is no name.
    assert len(NAMES) == 5
    assert PERSONAL_WORDS.indexes(["de La O'", "", "  "]) == ()
    assert not set(NAMES) & set(PersonalWords(bytes(32)).indexes(["Léa", "Rose", "Ornac", "Lefèvre", "Bœuf"]))


@pytest.mark.parametrize(
    "common", ["motdepasse123", "MotDePasse123", "azertyuiop12", "Jetaimemonamour", "123456789azerty"]
)
def test_a_password_that_many_people_have_is_refused(common: str) -> None:
    assert _broken_rules(common) == {"PASSWORD_TOO_COMMON", "PASSWORD_TOO_GUESSABLE"}


@pytest.mark.parametrize(
    "new",
    [
        "aaaaaaaaaaaa",
        "abcdefghijkl",
        "987654321098",
        "qwertzuiopqwertz",
        "marseille13!!",
        "Bourgogne2026!",
        "P@ssw0rd2026!",
        "m0td3p4ss3!2026",
        "QuotientFamilial26",
        "Agricole2026!",
        "ellisramellisram",
        "talocohc2026!",
        "a" * 40 + GOOD,
    ],
)
def test_a_password_that_is_guessed_in_few_tries_is_refused(new: str) -> None:
    assert _broken_rules(new) == {"PASSWORD_TOO_GUESSABLE"}


def test_a_guesser_knows_the_login() -> None:
    assert not is_too_guessable("4f7k2m-f7!x", "x58-8z9p3q", COMMON)
    assert is_too_guessable("4f7k2m-f7!x", LOGIN, COMMON)


def test_every_broken_rule_is_told_at_once() -> None:
    assert _broken_rules("rose\n") == {
        "PASSWORD_LENGTH",
        "PASSWORD_CONTROL_CHARACTER",
        "PASSWORD_CONTAINS_NAME",
        "PASSWORD_TOO_GUESSABLE",
    }
    assert _broken_rules(LOGIN, Password(LOGIN)) == {
        "PASSWORD_LENGTH",
        "PASSWORD_UNCHANGED",
        "PASSWORD_CONTAINS_LOGIN",
        "PASSWORD_TOO_GUESSABLE",
    }


def test_a_rule_tells_what_to_do_and_quotes_nothing() -> None:
    sentinels = ["Lefevre", LOGIN, "azerty"]
    violations = RULES.violations(Password(" ".join([*sentinels, "\n"])), CURRENT, LOGIN, NAMES)
    violations += RULES.violations(Password("azertyuiop12"), Password("azertyuiop12"), LOGIN, NAMES)
    violations += RULES.violations(Password("x" * 200), CURRENT, LOGIN, NAMES)
    violations.append(recently_used_violation())
    assert {violation.rule for violation in violations} == {
        "PASSWORD_LENGTH",
        "PASSWORD_CONTROL_CHARACTER",
        "PASSWORD_UNCHANGED",
        "PASSWORD_CONTAINS_LOGIN",
        "PASSWORD_CONTAINS_NAME",
        "PASSWORD_TOO_COMMON",
        "PASSWORD_TOO_GUESSABLE",
        "PASSWORD_RECENTLY_USED",
    }
    assert not any(sentinel in str(violation) for violation in violations for sentinel in sentinels)
    assert all(len(violation.description) > 20 for violation in violations)


def test_the_lists_hold_the_20_000_commonest_and_french_ones() -> None:
    assert len(COMMON) >= 20_000
    for common in (
        "123456",
        "password",
        "azerty",
        "AZERTYUIOP",
        "motdepasse",
        "doudou",
        "marseille",
        "jetaime",
        "Étoile",
    ):
        assert common in COMMON
    assert GOOD not in COMMON
    assert "" not in COMMON


def test_an_operator_adds_a_list_of_his_own(tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_text("Château-Thierry-02\n\nsecond one\r\n", "utf-8")
    with_own = load_common_passwords(own)
    assert "chateau-thierry-02" in with_own
    assert "second one" in with_own
    assert "azerty" in with_own
    assert len(with_own) == len(COMMON) + 2


@pytest.mark.parametrize("content", [None, b"\xe9t\xe9\n"])
def test_an_operator_s_list_that_cannot_be_read_stops_the_start(
    tmp_path: Path, content: bytes | None
) -> None:
    own = tmp_path / "own.txt"
    if content is not None:
        own.write_bytes(content)
    with pytest.raises(ConfigError, match=r"own\.txt"):
        load_common_passwords(own)


def test_a_temporary_password_has_99_bits_and_is_read_without_doubt() -> None:
    password = new_temporary_password().reveal()
    groups = password.split("-")
    assert [len(group) for group in groups] == [5, 5, 5, 5]
    assert set("".join(groups)) <= set(UNAMBIGUOUS)
    assert 20 * math.log2(len(UNAMBIGUOUS)) > 99
    assert len({new_temporary_password().reveal() for _ in range(1000)}) == 1000


def test_a_temporary_password_keeps_the_rules() -> None:
    for _ in range(50):
        assert _broken_rules(new_temporary_password().reveal()) == set()


def test_a_change_is_advised_once_the_password_is_as_old_as_set() -> None:
    chosen = datetime(2025, 11, 23, 9, 0, tzinfo=UTC)
    due = chosen + timedelta(days=365)
    assert not renewal_is_advised(chosen, due - timedelta(microseconds=1), 365)
    assert renewal_is_advised(chosen, due, 365)
    assert not renewal_is_advised(due, chosen, 1)


@given(TEXTS)
def test_every_text_is_judged_the_same_in_each_unicode_form(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert normalised(Password(composed)) == normalised(Password(decomposed)) == normalised(Password(text))
    assert normalised(Password(normalised(Password(text)))) == normalised(Password(text))
    assert _broken_rules(composed) == _broken_rules(decomposed)


@given(TEXTS)
def test_folding_keeps_every_sign_in_its_place(text: str) -> None:
    assert len(plain(text)) == len(text)
    assert all(len(reading) == len(text) for reading in readings(text))


@given(TEXTS)
def test_the_words_of_a_text_are_their_own_words(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    assert words(unicodedata.normalize("NFD", text)) == words(unicodedata.normalize("NFC", text)) == found


@given(st.text("abcdefghijklmnopqrstuvwxyzéèçÀ", min_size=4, max_size=40), TEXTS, TEXTS)
def test_a_name_is_found_wherever_it_stands(name: str, before: str, after: str) -> None:
    password = f"{before} {name}{after}"[:MAXIMUM_PASSWORD_LENGTH]
    indexes = PERSONAL_WORDS.indexes([name])
    assert PERSONAL_WORDS.is_contained(f"{before}.{name}.{after}", indexes)
    assert not PERSONAL_WORDS.is_contained(password, ())


@given(TEXTS)
def test_what_is_common_within_a_password_is_a_part_of_it(text: str) -> None:
    assert all(part in text for part in COMMON.within(text))


@given(TEXTS, TEXTS)
def test_a_common_password_of_a_list_is_known_again(text: str, other: str) -> None:
    common = CommonPasswords([text])
    assert text in common
    assert (other in common) == (plain(other) == plain(text))


@given(TEXTS)
def test_a_login_is_compared_by_its_letters_and_digits(text: str) -> None:
    assert letters_and_digits(LOGIN) in letters_and_digits(f"{text}{LOGIN}{text}")
