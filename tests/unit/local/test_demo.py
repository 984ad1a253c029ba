import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.local.demo import Memory
from deploy.local.layout import Layout
from deploy.local.partner_certificate import ensure_partner_certificate
from deploy.local.people import AGENTS, FAMILIES, UNKNOWN_NIR, WRONG_NIRS, WrongNir, synthetic_nir
from services.kit.errors import InvalidField
from services.kit.nir import Nir

NOW = datetime(2026, 11, 23, 11, tzinfo=UTC)


def test_every_invented_nir_is_well_formed_and_another() -> None:
    nirs = {synthetic_nir(order) for order in range(1, 1000)}
    assert len(nirs) == 999
    for nir in nirs:
        Nir.parse(nir)


def test_no_family_has_the_unknown_nir() -> None:
    assert UNKNOWN_NIR not in {family.nir for family in FAMILIES}


def test_no_two_families_share_a_nir_and_all_are_well_formed() -> None:
    nirs = [family.nir for family in FAMILIES]
    nirs += [family.second.nir for family in FAMILIES if family.second]
    assert len(set(nirs)) == len(nirs)
    for nir in nirs:
        assert Nir.parse(nir).reveal() == nir


@pytest.mark.parametrize("wrong", WRONG_NIRS.values(), ids=WRONG_NIRS)
def test_a_wrong_nir_breaks_the_rule_that_it_is_there_for(wrong: WrongNir) -> None:
    with pytest.raises(InvalidField) as refused:
        Nir.parse(wrong.nir)
    assert [violation.rule for violation in refused.value.violations] == [wrong.rule]


def test_there_is_a_wrong_nir_for_each_rule() -> None:
    assert len({wrong.rule for wrong in WRONG_NIRS.values()}) == len(WRONG_NIRS) == 8


def test_every_user_has_a_nir_of_his_caisse_or_one_of_the_first() -> None:
    known = {family.nir: family.caisse for family in FAMILIES}
    elsewhere = [agent.state for agent in AGENTS if known[agent.nir] != agent.caisse]
    # In maintenance nothing is looked up.
    assert elsewhere == ["caisse_in_maintenance"]


def test_the_partners_certificate_is_kept_until_near_its_end(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    first = ensure_partner_certificate(layout, NOW)
    assert ensure_partner_certificate(layout, NOW + timedelta(days=600)) == first
    assert ensure_partner_certificate(layout, NOW + timedelta(days=710)) != first
    assert stat.S_IMODE((layout.tls / "partner.key").stat().st_mode) == 0o600


def test_memory_is_private_and_comes_back(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    memory = Memory(layout)
    memory.nirs = {"available": "1"}
    memory.write()
    assert Memory(layout).nirs == {"available": "1"}
    assert stat.S_IMODE((layout.data / "demo.json").stat().st_mode) == 0o600
