from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.errors import InvalidField
from services.partners.conventions.domain import Convention
from services.partners.habilitations.domain import (
    Authorization,
    Bouquet,
    Decision,
    Habilitation,
    Standing,
    decide,
    known_bouquet,
    named_user,
    require_batch,
    uuid_or_none,
)

TODAY = date(2026, 11, 23)
IN_FORCE = Convention(UUID(int=1), UUID(int=2), "21", date(2025, 3, 10), date(2025, 3, 10))
PENDING = replace(IN_FORCE, cnil_declaration_date=None)
ENDED = replace(IN_FORCE, end_date=TODAY)
LIVE = Standing(UUID(int=3), Bouquet.QUOTIENT_FAMILIAL, withdrawn=False, suspended=False, convention=IN_FORCE)


def decision(standing: Standing | None, bouquet: Bouquet | None = Bouquet.QUOTIENT_FAMILIAL) -> Decision:
    return decide(standing, bouquet, TODAY).decision


def test_a_live_habilitation_under_a_convention_in_force_is_granted_its_caisse() -> None:
    assert decide(LIVE, Bouquet.QUOTIENT_FAMILIAL, TODAY) == Authorization(Decision.GRANTED, IN_FORCE)


@pytest.mark.parametrize("convention", [PENDING, ENDED])
def test_a_convention_not_in_force_opens_nothing(convention: Convention) -> None:
    refusal = decide(replace(LIVE, convention=convention), Bouquet.QUOTIENT_FAMILIAL, TODAY)
    assert refusal == Authorization(Decision.CONVENTION_NOT_IN_FORCE)


def test_a_suspended_partner_is_refused_whatever_its_convention() -> None:
    for convention in (IN_FORCE, PENDING, ENDED):
        assert decision(replace(LIVE, suspended=True, convention=convention)) is Decision.PARTNER_SUSPENDED


def test_a_habilitation_that_is_not_valid_tells_nothing_of_its_partner() -> None:
    withdrawn = replace(LIVE, withdrawn=True)
    suspended = replace(withdrawn, suspended=True, convention=ENDED)
    for standing in (None, withdrawn, suspended):
        assert decision(standing) is Decision.HABILITATION_NOT_VALID


def test_another_bouquet_is_not_opened() -> None:
    """Art. 4-2: a partner is listed by the bouquet to which it is habilitated."""
    assert decision(LIVE, None) is Decision.HABILITATION_NOT_VALID


@given(
    withdrawn=st.booleans(),
    suspended=st.booleans(),
    convention=st.sampled_from([IN_FORCE, PENDING, ENDED]),
    bouquet=st.sampled_from([None, Bouquet.QUOTIENT_FAMILIAL]),
)
def test_only_a_grant_names_a_caisse(
    withdrawn: bool, suspended: bool, convention: Convention, bouquet: Bouquet | None
) -> None:
    standing = replace(LIVE, withdrawn=withdrawn, suspended=suspended, convention=convention)
    verdict = decide(standing, bouquet, TODAY)
    lawful = not withdrawn and not suspended and convention is IN_FORCE and bouquet is not None
    assert (verdict.decision is Decision.GRANTED) == lawful
    assert verdict.convention == (convention if lawful else None)


@given(st.text())
def test_any_text_is_a_uuid_or_none(text: str) -> None:
    found = uuid_or_none(text)
    assert found is None or found == UUID(text)


def test_a_batch_holds_at_most_500_items() -> None:
    require_batch(500)
    with pytest.raises(InvalidField):
        require_batch(501)


def test_no_bouquet_is_refused() -> None:
    with pytest.raises(InvalidField):
        known_bouquet(None)


@pytest.mark.parametrize(
    "email",
    ["a@b.fr", "Prenom.Nom+qf@mairie-de-vallombreuse.example", "x_1@sub.domain.gouv.fr", f"{'l' * 64}@b.fr"],
)
def test_an_ordinary_address_is_accepted(email: str) -> None:
    assert named_user("Pâquerette", "Zoé", f" {email} ").email == email


@pytest.mark.parametrize(
    "email",
    [
        *(
            "",
            "a",
            "a@b",
            "@b.fr",
            "a@",
            "a b@c.fr",
            "a@b..fr",
            "a@-b.fr",
            "a@b.fr\n.x",
            "a@@b.fr",
            "é@b.fr",
            "a@b.f",
        ),
        f"{'l' * 65}@b.fr",
        f"a@{'d' * 63}.{'d' * 63}.{'d' * 63}.{'d' * 63}.fr",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_without_being_repeated(email: str) -> None:
    with pytest.raises(InvalidField) as refused:
        named_user("Pâquerette", "Zoé", email)
    (violation,) = refused.value.violations
    assert violation.field == "user.email"
    assert violation.description == "must be an e-mail address, name@domain"


def test_a_user_never_prints_himself() -> None:
    """N5: whatever prints a habilitation shows no name and no address."""
    user = named_user("Pâquerette", "Zoé", "zoe@vallombreuse.example")
    printed = repr(
        Habilitation(
            habilitation_id=UUID(int=3),
            convention_id=UUID(int=1),
            partner_id=UUID(int=2),
            caisse_code="21",
            user=user,
            bouquet=Bouquet.QUOTIENT_FAMILIAL,
            create_time=datetime(2026, 1, 1, tzinfo=UTC),
        )
    )
    assert not any(secret in printed for secret in ("Pâquerette", "Zoé", "vallombreuse"))
