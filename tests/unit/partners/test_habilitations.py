from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.kit.errors import InvalidField
from services.partners.conventions.domain import Convention
from services.partners.habilitations.domain import (
    SERVICES,
    Authorization,
    Bouquet,
    ConfirmedTooEarly,
    ConventionNotInForce,
    Decision,
    Habilitation,
    HabilitationEnded,
    OnlineService,
    Standing,
    confirmed_lapse_date,
    decide,
    first_lapse_date,
    known_bouquet,
    named_user,
    require_batch,
    uuid_or_none,
)

TODAY = date(2026, 11, 23)
IN_FORCE = Convention(UUID(int=1), UUID(int=2), "21", date(2025, 3, 10), date(2025, 3, 10))
PENDING = replace(IN_FORCE, cnil_declaration_date=None)
ENDED = replace(IN_FORCE, end_date=TODAY)
LIVE = Standing(
    UUID(int=3),
    Bouquet.QUOTIENT_FAMILIAL,
    withdrawn=False,
    lapse_date=date(2027, 5, 9),
    user_suspended=False,
    partner_suspended=False,
    convention=IN_FORCE,
)
CONSULTATION = OnlineService.QUOTIENT_CONSULTATION


def decision(standing: Standing | None, service: OnlineService | None = CONSULTATION) -> Decision:
    return decide(standing, service, TODAY).decision


def test_a_live_habilitation_under_a_convention_in_force_is_granted_its_caisse() -> None:
    assert decide(LIVE, CONSULTATION, TODAY) == Authorization(Decision.GRANTED, IN_FORCE)


@pytest.mark.parametrize("convention", [PENDING, ENDED])
def test_a_convention_not_in_force_opens_nothing(convention: Convention) -> None:
    refusal = decide(replace(LIVE, convention=convention), CONSULTATION, TODAY)
    assert refusal == Authorization(Decision.CONVENTION_NOT_IN_FORCE)


@pytest.mark.parametrize("convention", [IN_FORCE, PENDING, ENDED])
def test_who_is_suspended_is_refused_whatever_the_convention(convention: Convention) -> None:
    """Art. 7-2."""
    standing = replace(LIVE, convention=convention)
    assert decision(replace(standing, user_suspended=True)) is Decision.USER_SUSPENDED
    assert decision(replace(standing, partner_suspended=True)) is Decision.PARTNER_SUSPENDED
    both = replace(standing, partner_suspended=True, user_suspended=True)
    assert decision(both) is Decision.PARTNER_SUSPENDED


def test_a_habilitation_that_is_not_valid_tells_nothing_of_its_partner() -> None:
    withdrawn, lapsed = replace(LIVE, withdrawn=True), replace(LIVE, lapse_date=TODAY)
    suspended = replace(withdrawn, partner_suspended=True, convention=ENDED)
    for standing in (None, withdrawn, lapsed, suspended):
        assert decision(standing) is Decision.HABILITATION_NOT_VALID


def test_a_service_that_is_not_in_the_bouquet_is_not_opened() -> None:
    """Art. 4-2: a partner is listed by the bouquet to which it is habilitated."""
    assert decision(LIVE, None) is Decision.HABILITATION_NOT_VALID


def test_the_bouquet_of_who_is_answerable_opens_the_review_and_a_users_does_not() -> None:
    """Art. 4-2: consultation and review; for a user, consultation alone."""
    answerable = replace(LIVE, bouquet=Bouquet.QUOTIENT_FAMILIAL_RESPONSABLE)
    for service in (CONSULTATION, OnlineService.CONSULTATION_REVIEW):
        assert decision(answerable, service) is Decision.GRANTED
    assert decision(LIVE, OnlineService.CONSULTATION_REVIEW) is Decision.HABILITATION_NOT_VALID


def test_what_the_caisse_decided_comes_with_a_grant_and_with_nothing_else() -> None:
    """Art. 5."""
    end = datetime(2026, 11, 23, 12, tzinfo=UTC)
    standing = replace(LIVE, case_reference_required=True, maintenance_end_time=end)
    granted = decide(standing, CONSULTATION, TODAY)
    assert (granted.case_reference_required, granted.maintenance_end_time) == (True, end)
    refused = decide(replace(standing, partner_suspended=True), CONSULTATION, TODAY)
    assert refused == Authorization(Decision.PARTNER_SUSPENDED)


def test_every_bouquet_holds_a_service() -> None:
    """Art. 4-2."""
    assert set(SERVICES) == set(Bouquet)
    assert all(SERVICES.values())


@given(
    withdrawn=st.booleans(),
    days_left=st.integers(-400, 400),
    user_suspended=st.booleans(),
    partner_suspended=st.booleans(),
    convention=st.sampled_from([IN_FORCE, PENDING, ENDED]),
    service=st.sampled_from([None, CONSULTATION]),
)
def test_only_a_grant_names_a_caisse(
    withdrawn: bool,
    days_left: int,
    user_suspended: bool,
    partner_suspended: bool,
    convention: Convention,
    service: OnlineService | None,
) -> None:
    standing = replace(
        LIVE,
        withdrawn=withdrawn,
        lapse_date=TODAY + timedelta(days=days_left),
        user_suspended=user_suspended,
        partner_suspended=partner_suspended,
        convention=convention,
    )
    verdict = decide(standing, service, TODAY)
    ended = withdrawn or days_left <= 0
    lawful = (
        not (ended or user_suspended or partner_suspended) and convention is IN_FORCE and service is not None
    )
    assert (verdict.decision is Decision.GRANTED) == lawful
    assert verdict.convention == (convention if lawful else None)


class TestConfirmation:
    """The yearly confirmation of users, at each renewal (art. 4-4, 9-1)."""

    @given(
        signed=st.dates(date(2000, 1, 1), date(2026, 12, 31)),
        begun=st.dates(date(2027, 1, 1), date(2040, 12, 31)),
    )
    @example(signed=date(2024, 2, 29), begun=date(2027, 2, 28))
    @example(signed=date(2024, 2, 29), begun=date(2028, 2, 28))
    def test_a_user_lasts_until_sixty_days_after_the_next_renewal(self, signed: date, begun: date) -> None:
        lapse_date = first_lapse_date(
            replace(IN_FORCE, signature_date=signed, cnil_declaration_date=signed), begun
        )
        renewal = lapse_date - timedelta(days=60)
        assert begun < renewal <= begun + timedelta(days=366)
        assert (renewal.month, renewal.day) in {(signed.month, signed.day), (2, 28)}

    @given(
        signed=st.dates(date(2000, 1, 1), date(2026, 12, 31)),
        begun=st.dates(date(2027, 1, 1), date(2040, 12, 31)),
        day=st.integers(-90, 59),
    )
    @example(signed=date(2024, 2, 29), begun=date(2027, 3, 1), day=0)
    def test_confirmed_in_time_he_lasts_a_year_longer_whenever_that_was(
        self, signed: date, begun: date, day: int
    ) -> None:
        convention = replace(IN_FORCE, signature_date=signed, cnil_declaration_date=signed)
        first = first_lapse_date(convention, begun)
        renewal = first - timedelta(days=60)
        confirmed = confirmed_lapse_date(signed, first, renewal + timedelta(days=day))
        assert timedelta(days=365) <= confirmed - first <= timedelta(days=366)

    def test_too_early_and_too_late_are_told_apart(self) -> None:
        lapse_date = date(2027, 5, 9)
        with pytest.raises(ConfirmedTooEarly):
            confirmed_lapse_date(date(2025, 3, 10), lapse_date, date(2026, 12, 9))
        with pytest.raises(HabilitationEnded):
            confirmed_lapse_date(date(2025, 3, 10), lapse_date, lapse_date)

    @pytest.mark.parametrize("convention", [PENDING, ENDED, replace(IN_FORCE, signature_date=None)])
    def test_nobody_is_habilitated_under_a_convention_that_is_not_in_force(
        self, convention: Convention
    ) -> None:
        """Art. 4-2, 9-1."""
        with pytest.raises(ConventionNotInForce):
            first_lapse_date(convention, TODAY)


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
            lapse_date=date(2027, 5, 9),
        )
    )
    assert not any(secret in printed for secret in ("Pâquerette", "Zoé", "vallombreuse"))
