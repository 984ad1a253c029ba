import stat
from pathlib import Path

from deploy.local.demo import Memory
from deploy.local.layout import Layout
from deploy.local.people import FAMILIES, UNKNOWN_NIR, synthetic_nir
from services.kit.nir import Nir


def test_every_invented_nir_is_well_formed_and_another() -> None:
    nirs = {synthetic_nir(order) for order in range(1, 1000)}
    assert len(nirs) == 999
    for nir in nirs:
        Nir.parse(nir)


def test_no_family_has_the_unknown_nir() -> None:
    assert UNKNOWN_NIR not in {family.nir for family in FAMILIES}


def test_memory_is_private_and_comes_back(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.make()
    memory = Memory(layout)
    memory.nirs = {"available": "1"}
    memory.write()
    assert Memory(layout).nirs == {"available": "1"}
    assert stat.S_IMODE((layout.data / "demo.json").stat().st_mode) == 0o600
