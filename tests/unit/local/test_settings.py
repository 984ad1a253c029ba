import pytest

from deploy.local.errors import LocalStackError
from deploy.local.options import Options
from deploy.local.settings import Ports, parse_overrides


def options(otlp_endpoint: str = "") -> Options:
    return Options(Ports(), {}, with_demo=True, always_open=True, only=[], other_otlp_endpoint=otlp_endpoint)


def test_environment_sets_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QF_LOCAL_EDGE_PORT", "9443")
    assert Ports.fixed() == Ports(edge_port=9443)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("QF_LOCAL_EGDE_PORT", "9443"), ("QF_LOCAL_EDGE_PORT", "https"), ("QF_LOCAL_EDGE_PORT", "70000")],
)
def test_wrong_variable_is_named_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(LocalStackError, match=rf"{variable}.*Known are .*QF_LOCAL_VALKEY_PORT"):
        Ports.fixed()


def test_one_port_for_two_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QF_LOCAL_OTLP_PORT", "8443")
    with pytest.raises(LocalStackError, match="QF_LOCAL_EDGE_PORT and QF_LOCAL_OTLP_PORT are both 8443"):
        Ports.fixed()


def test_free_ports_are_all_different() -> None:
    ports = Ports.free().model_dump().values()
    assert len(set(ports)) == len(ports)


def test_overrides_are_toml_values_else_text() -> None:
    items = [
        "gateway.hours.always_open=false",
        "edge.note=a=b",
        "identity.session.idle=5",
        "identity.x=[1, 2]",
    ]
    assert parse_overrides(items) == {
        "gateway": {"hours": {"always_open": False}},
        "edge": {"note": "a=b"},
        "identity": {"session": {"idle": 5}, "x": [1, 2]},
    }


@pytest.mark.parametrize("item", ["gateway", "gateway=1", "gateway.=1", ".x=1", "gateway.hours"])
def test_override_of_another_shape_is_refused(item: str) -> None:
    with pytest.raises(LocalStackError, match=r"expected COMPONENT\.KEY=VALUE"):
        parse_overrides([item])


def test_override_below_a_plain_value_is_refused() -> None:
    with pytest.raises(LocalStackError, match=r"expected COMPONENT\.KEY=VALUE"):
        parse_overrides(["gateway.hours=1", "gateway.hours.always_open=true"])


def test_spans_go_to_the_desk_unless_another_back_end_is_named() -> None:
    assert options().otlp_endpoint == "http://127.0.0.1:4317"
    other = options("https://traces.example:4317")
    assert (other.otlp_endpoint, other.with_trace_desk) == ("https://traces.example:4317", False)
    assert not {"otlp_port", "trace_desk_port"} & other.ports_in_use.keys()


def test_back_end_without_a_scheme_is_refused() -> None:
    with pytest.raises(LocalStackError, match="QF_LOCAL_OTLP_ENDPOINT=traces:4317"):
        options("traces:4317")


def test_the_variable_of_the_back_end_is_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QF_LOCAL_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert Ports.fixed() == Ports()
