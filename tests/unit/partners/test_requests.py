"""The form of annexe 2: what is missing on it, and who may not be its user (art. 4-1, 4-4)."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.errors import InvalidField
from services.partners.habilitations.domain import Bouquet
from services.partners.requests.domain import (
    AccessRequest,
    Form,
    RequestIncomplete,
    RequestKind,
    RequestState,
    checked,
    missing_fields,
    require_acceptable,
    require_whole,
)

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 11, tzinfo=UTC)
FORM = Form(
    partner_denomination="Mairie de Vallombreuse",
    partner_representative="Aubin Verlaine",
    partner_representative_function="Maire",
    user_nom="Pâquerette",
    user_prenom="Zoé",
    user_email="zoe@vallombreuse.example",
    signatory_name="Aubin Verlaine",
    signature_place="Vallombreuse",
    signature_date=TODAY,
    signed=True,
    scan_sha256="5f" * 32,
    scan_reference="GED-1",
)
FIELDS = sorted(Form.__dataclass_fields__)
USER_FIELDS = ("user_nom", "user_prenom", "user_email")


def request(form: Form = FORM, kind: RequestKind = RequestKind.CREATION) -> AccessRequest:
    return AccessRequest(
        UUID(int=1), UUID(int=2), UUID(int=3), "21", kind, Bouquet.QUOTIENT_FAMILIAL, form, NOW
    )


def without(*fields: str) -> Form:
    """The form with these fields left empty."""
    kept: dict[str, Any] = {field: getattr(FORM, field) for field in FIELDS if field not in fields}
    return Form(**kept)


def test_a_whole_form_lacks_nothing() -> None:
    assert missing_fields(FORM, RequestKind.CREATION) == []
    assert request().state is RequestState.RECEIVED


@given(st.sets(st.sampled_from(FIELDS), min_size=1))
def test_each_missing_field_is_listed_and_no_other(absent: set[str]) -> None:
    lacking = request(without(*absent))
    assert {name.replace(".", "_") for name in lacking.missing} == absent
    assert lacking.state is RequestState.INCOMPLETE
    with pytest.raises(RequestIncomplete):
        require_acceptable(lacking, None)
    with pytest.raises(InvalidField) as refused:
        require_whole(lacking)
    assert len(refused.value.violations) == len(absent)


@pytest.mark.parametrize("kind", [RequestKind.MODIFICATION, RequestKind.WITHDRAWAL])
def test_who_leaves_needs_nobody_who_follows(kind: RequestKind) -> None:
    """Art. 4-4."""
    leaving = request(without(*USER_FIELDS), kind)
    assert leaving.missing == []
    assert not leaving.grants


def test_who_follows_is_named_in_full_or_not_at_all() -> None:
    """Art. 4-4."""
    following = request(without("user_email"), RequestKind.MODIFICATION)
    assert following.missing == ["user.email"]
    assert following.grants


def test_a_withdrawal_habilitates_nobody_whoever_is_named() -> None:
    assert not request(FORM, RequestKind.WITHDRAWAL).grants


@given(st.permutations(["Zoé", "Pâquerette"]), st.sampled_from([str.upper, str.lower, str.title]))
def test_the_user_does_not_sign_for_himself_however_he_writes_his_name(
    names: list[str], case: object
) -> None:
    """Art. 4-1."""
    assert callable(case)
    with pytest.raises(InvalidField) as refused:
        require_acceptable(request(replace(FORM, signatory_name=case(" ".join(names)))), None)
    assert refused.value.violations[0].rule == "SELF_REGISTRATION"


@pytest.mark.parametrize("civility", ["Mme", "Mme.", "MADAME", "M.", "mlle", "Monsieur"])
def test_a_civility_hides_nobody_who_signs_for_himself(civility: str) -> None:
    """Art. 4-1."""
    form = replace(FORM, signatory_name=f"{civility} Zoé PÂQUERETTE")
    with pytest.raises(InvalidField) as refused:
        require_acceptable(request(form), None)
    assert refused.value.violations[0].rule == "SELF_REGISTRATION"


def test_a_date_in_the_future_is_refused_and_blanks_do_not_count() -> None:
    with pytest.raises(InvalidField):
        checked(replace(FORM, signature_date=date(2026, 11, 24)), TODAY)
    assert checked(replace(FORM, scan_sha256="5F" * 32, signature_place="  Vallombreuse "), TODAY) == FORM


def test_a_form_never_prints_its_people() -> None:
    """N5."""
    printed = repr(request())
    assert not any(secret in printed for secret in ("Pâquerette", "Zoé", "Verlaine", "zoe@"))
