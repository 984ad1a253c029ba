import importlib
from pathlib import Path

from google.protobuf.descriptor import FileDescriptor

from services.partners.access import ACCESS
from tools.paths import PROTOS

FILES = sorted((PROTOS / "msa" / "partners" / "v1").glob("*_pb2.py"))


def test_every_rpc_says_who_may_call_it() -> None:
    methods = {
        f"/{service.full_name}/{method.name}"
        for file in FILES
        for service in _descriptor(file).services_by_name.values()
        for method in service.methods
    }
    assert set(ACCESS) == methods


def test_the_gateway_asks_what_it_needs_for_its_users_and_nothing_else() -> None:
    admitted = {method for method, roles in ACCESS.items() if "gateway" in roles}
    assert admitted == {
        "/msa.partners.v1.HabilitationService/Authorize",
        "/msa.partners.v1.HabilitationService/NameUsers",
        "/msa.partners.v1.CaisseSettingsService/ListCaisseAvailabilities",
    }
    assert all(ACCESS[method] == {"gateway"} for method in admitted)


def test_who_may_act_is_an_internal_system_or_an_agent_himself() -> None:
    """Art. 4-1: the register asks whether the agent is habilitated; who may ask at all stands here."""
    roles = set(ACCESS.values())
    caisse = frozenset({"agent_tools", "agents"})
    alone = {frozenset({role}) for role in ("operators", "gateway", "mailer")}
    assert roles == {caisse, caisse | {"mailer"}, *alone}


def _descriptor(file: Path) -> FileDescriptor:
    descriptor: FileDescriptor = importlib.import_module(f"msa.partners.v1.{file.stem}").DESCRIPTOR
    return descriptor
