import pytest

from services.kit.errors import InvalidField
from services.partners.caisses import Caisse, Caisses, CaissesNotUsable, load_caisses

BOURGOGNE = Caisse("21", "MSA Bourgogne", ("21", "58", "71", "89"))


def test_the_35_caisses_ship_with_the_package() -> None:
    caisses = load_caisses().all()
    assert len(caisses) == 35
    assert BOURGOGNE in caisses
    assert Caisse("20", "MSA Corse", ("2A", "2B")) in caisses


def test_caisses_are_listed_by_code() -> None:
    codes = [caisse.code for caisse in load_caisses().all()]
    assert codes == sorted(codes)


@pytest.mark.parametrize(
    "wrong",
    [
        [BOURGOGNE, BOURGOGNE],
        [BOURGOGNE, Caisse("25", "MSA Franche-Comté", ("25", "21"))],
        [Caisse("2", "MSA Bourgogne", ("21",))],
        [Caisse("21", "", ("21",))],
        [Caisse("21", "MSA Bourgogne", ())],
        [Caisse("21", "MSA Bourgogne", ("2C",))],
    ],
)
def test_a_list_of_caisses_that_breaks_a_rule_stops_the_start(wrong: list[Caisse]) -> None:
    with pytest.raises(CaissesNotUsable):
        Caisses(wrong)


@pytest.mark.parametrize("code", ["", "00", "MSA Bourgogne", "2", "２１"])
def test_a_code_of_no_caisse_is_refused(code: str) -> None:
    with pytest.raises(InvalidField) as refused:
        load_caisses().require(code)
    assert refused.value.violations[0].rule == "CAISSE_CODE"
