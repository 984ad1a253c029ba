"""One address, three protocols: each row of the sandbox's tables comes to the same in all of them (art. 3, 4, 7).

gRPC as grpcurl speaks it, with nothing known beforehand but what reflection says; gRPC-Web as a browser speaks it, in
both of its forms; JSON by curl. The rows are those of `docs/guides/sandbox.md`, for users of their own.
"""

import json
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import grpc
import httpx
import pytest

from deploy.local import demo
from deploy.local.demo import User
from deploy.local.layout import Layout
from deploy.local.people import AVAILABLE_NIR, LORRAINE, POITOU
from deploy.local.states import State
from gateway.edge.methods import public_services
from services.kit.clock import SystemClock
from tests.grpc_web import GrpcWeb
from tests.people import new_nir
from tests.portal import NEW_PASSWORD
from tests.protocols import Answer, ByCurl, ByGrpc, ByGrpcWeb, Certificate, Client, Fields, Interface
from tests.sandbox_guide import table
from tests.stack import Stack

CONSULT = "QuotientService.ConsultQuotient"
CONSULT_MANY = "QuotientService.ConsultQuotients"
SIGN_IN = "SessionService.SignIn"
STATUS = "StatusService.GetStatus"
LIST = "ConsultationService.ListConsultations"
PURPOSE = "PURPOSE_CANTEEN"
UNKNOWN_TOKEN = "A" * 43

Rows = list[tuple[str, ...]]


@dataclass(frozen=True)
class Protocols:
    """The same software, once for each protocol."""

    interface: Interface
    clients: Mapping[str, Client]

    def ask_each(self, method: str, fields: Fields, token: str = "") -> list[Answer]:
        """What each of them is answered."""
        return [client.call(method, fields, token) for client in self.clients.values()]

    def ask(self, method: str, fields: Fields, token: str = "") -> Answer:
        """What all of them are answered alike."""
        answers = self.ask_each(method, fields, token)
        assert dict(zip(self.clients, answers, strict=True)) == dict.fromkeys(self.clients, answers[0])
        return answers[0]

    def consult(self, fields: Fields, token: str, purpose: str = PURPOSE) -> Answer:
        """A consultation by each of them: the same answer, and a line of the journal each (N2)."""
        said = {"purpose": purpose} if purpose else {}
        answers = self.ask_each(CONSULT, {**said, **fields}, token)
        shown = [dict(answer.message) for answer in answers if answer.messages]
        lines = {message.pop("consultation_id") for message in shown}
        told = [replace(answer, messages=[]) for answer in answers]
        assert dict(zip(self.clients, told, strict=True)) == dict.fromkeys(self.clients, told[0])
        assert shown == [*shown[:1]] * len(shown)
        assert len(lines) == len(shown)
        return replace(told[0], messages=shown[:1])


@dataclass
class Sandbox:
    """The demo users of these tests, and the sessions that they opened."""

    layout: Layout
    protocols: Protocols
    tokens: dict[str, str] = field(default_factory=dict)

    def user(self, state: str) -> User:
        """The first user of a state."""
        return next(user for agent, user in demo.agents(self.layout) if agent.state == state)

    def nir(self, state: str) -> str:
        """One that his caisse knows."""
        return next(agent.nir for agent, _ in demo.agents(self.layout) if agent.state == state)

    def token(self, state: str, client: Client | None = None) -> str:
        """The session of a user who has replaced his temporary password (art. 4-3)."""
        if state not in self.tokens:
            user, by = self.user(state), client or self.protocols.clients["curl"]
            opened = by.call(SIGN_IN, credentials(user)).message
            change = {"current_password": user.temporary_password, "new_password": NEW_PASSWORD}
            changed = by.call("SessionService.ChangePassword", change, opened["session_token"])
            self.tokens[state] = changed.message["session_token"]
        return self.tokens[state]

    def first_token(self) -> str:
        """The session of a user who has not replaced it yet."""
        user = next(user for agent, user in demo.agents(self.layout)[1:] if agent.state is State.ORDINARY)
        return str(self.protocols.clients["curl"].call(SIGN_IN, credentials(user)).message["session_token"])

    def token_of(self, session: str) -> str:
        """The token of a session as the guide names it."""
        named: Mapping[str, Callable[[], str]] = {
            "ordinary": lambda: self.token(State.ORDINARY),
            "first": self.first_token,
            "none": lambda: "",
            "unknown": lambda: UNKNOWN_TOKEN,
        }
        return named[session]()


def credentials(user: User) -> dict[str, str]:
    return {"login": user.login, "password": user.temporary_password}


@contextmanager
def speaking(stack: Stack, certificate: Certificate | None = None) -> Iterator[Protocols]:
    """The clients, showing a certificate of their own where there is one."""
    pair = certificate and (
        certificate.private_key_file.read_bytes(),
        certificate.certificate_file.read_bytes(),
    )
    tls = grpc.ssl_channel_credentials(stack.ca_file.read_bytes(), *(pair or ()))
    context = ssl.create_default_context(cafile=stack.ca_file)
    if certificate:
        context.load_cert_chain(certificate.certificate_file, certificate.private_key_file)
    address = stack.gateway_url.removeprefix("https://")
    with ExitStack() as opened:
        channel = opened.enter_context(grpc.secure_channel(address, tls, [("grpc.enable_http_proxy", 0)]))
        http = opened.enter_context(httpx.Client(base_url=stack.gateway_url, verify=context, timeout=10))
        interface = Interface(channel)
        clients: dict[str, Client] = {
            "gRPC by reflection": ByGrpc(interface, channel),
            "gRPC-Web": ByGrpcWeb(interface, GrpcWeb(http, text=False)),
            "gRPC-Web in base64": ByGrpcWeb(interface, GrpcWeb(http, text=True)),
            "curl": ByCurl(interface, stack.gateway_url, stack.ca_file, certificate),
        }
        yield Protocols(interface, clients)


@pytest.fixture(scope="module")
async def sandbox(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """Demo users made anew, whom no other test knows."""
    layout = Layout(tmp_path_factory.mktemp("sandbox"))
    layout.make()
    shutil.copytree(stack.layout.tls, layout.tls, dirs_exist_ok=True)
    await demo.seed(layout, stack.ports, SystemClock())
    with speaking(stack) as protocols:
        yield Sandbox(layout, protocols)


def rows(heading: str) -> pytest.MarkDecorator:
    """Parametrises a test by the rows of a table of the guide."""
    found: Rows = table(heading)
    return pytest.mark.parametrize("row", found, ids=[row[0] for row in found])


def test_the_gateway_tells_its_interface_and_no_internal_one(sandbox: Sandbox) -> None:
    told = set(sandbox.protocols.interface.services())
    of_reflection = {name for name in told if name.startswith("grpc.reflection.")}
    assert told - of_reflection == set(public_services())


@rows("Families")
def test_a_family_is_met_alike(sandbox: Sandbox, row: tuple[str, ...]) -> None:
    _, nir, _, outcome = row
    answer = sandbox.protocols.consult({"nir": nir}, sandbox.token(State.ORDINARY))
    assert (answer.http_status, answer.message["outcome"]) == (200, outcome)
    assert bool(answer.message["periods"]) is (outcome == "OUTCOME_AVAILABLE")
    assert ("dossier" in answer.message) is (outcome in {"OUTCOME_AVAILABLE", "OUTCOME_NO_QUOTIENT"})


def test_any_other_nir_is_not_found_and_no_error(sandbox: Sandbox) -> None:
    for nir in [new_nir() for _ in range(3)]:
        answer = sandbox.protocols.consult({"nir": nir}, sandbox.token(State.ORDINARY))
        assert answer.message == {"outcome": "OUTCOME_NOT_FOUND", "periods": []}


@rows("NIRs that break a rule")
def test_a_wrong_nir_breaks_the_same_rule_in_the_same_words(sandbox: Sandbox, row: tuple[str, ...]) -> None:
    _, nir, rule, words = row
    answer = sandbox.protocols.consult({"nir": nir}, sandbox.token(State.ORDINARY))
    assert (answer.http_status, answer.reason) == (400, "INVALID_FIELD")
    assert answer.violations == (("nir", rule, words),)


@rows("Users")
def test_a_user_meets_the_same_refusal_in_the_same_words(sandbox: Sandbox, row: tuple[str, ...]) -> None:
    state, _, refused_call, reason, http_status, _, words = row
    protocols, user = sandbox.protocols, sandbox.user(state)
    if refused_call == "sign_in":
        answer = protocols.ask(SIGN_IN, credentials(user))
    else:
        answer = protocols.consult({"nir": sandbox.nir(state)}, sandbox.token(state))
    assert (answer.http_status, answer.reason, answer.detail) == (int(http_status), reason, words)
    assert answer.tells_wait is (reason == "MAINTENANCE")
    if refused_call == "none":
        assert answer.message["outcome"] == "OUTCOME_AVAILABLE"


@rows("Calls")
def test_a_call_is_answered_alike(sandbox: Sandbox, row: tuple[str, ...]) -> None:
    _, session, method, request, met, violation, http_status, _ = row
    protocols, token = sandbox.protocols, sandbox.token_of(session)
    if method == CONSULT:
        answer = protocols.consult(json.loads(request), token, purpose="")
    else:
        answer = protocols.ask(method, json.loads(request), token)
    assert answer.http_status == int(http_status)
    assert (answer.reason or answer.message["outcome"]) == met
    assert [f"{name}`: `{rule}" for name, rule, _ in answer.violations] == [violation][: bool(violation)]


def test_the_reference_that_the_caisse_asks_for_opens_the_way(sandbox: Sandbox) -> None:
    """Art. 6-1: what was refused without a reference is answered with one."""
    state = State.CASE_REFERENCE_REQUIRED
    fields = {"nir": sandbox.nir(state), "case_reference": "CLSH/118"}
    assert sandbox.protocols.consult(fields, sandbox.token(state)).message["outcome"] == "OUTCOME_AVAILABLE"
    refused = sandbox.protocols.consult({"nir": sandbox.nir(state)}, sandbox.token(state))
    assert [(name, rule) for name, rule, _ in refused.violations] == [
        ("case_reference", "CASE_REFERENCE_REQUIRED")
    ]


def test_the_certificate_that_the_partner_named_opens_the_way(stack: Stack, sandbox: Sandbox) -> None:
    """Art. 7-2: with it every protocol gets in; a session that was opened with it is refused without it."""
    state, tls = State.CLIENT_CERTIFICATE_REQUIRED, sandbox.layout.tls
    with speaking(stack, Certificate(tls / "partner.pem", tls / "partner.key")) as protocols:
        token = sandbox.token(state, protocols.clients["curl"])
        assert protocols.consult({"nir": AVAILABLE_NIR}, token).message["outcome"] == "OUTCOME_AVAILABLE"
    refused = sandbox.protocols.consult({"nir": AVAILABLE_NIR}, token)
    assert refused.reason == "CLIENT_CERTIFICATE_REQUIRED"


def test_many_at_once_are_met_as_one_by_one(sandbox: Sandbox) -> None:
    """Each query of a list has the outcome that its row says; one that breaks a rule leaves the others alone."""
    families, (wrong, *_) = table("Families"), table("NIRs that break a rule")
    queries = [{"nir": nir, "purpose": PURPOSE} for _, nir, *_ in [*families, wrong]]
    answers = sandbox.protocols.ask_each(CONSULT_MANY, {"queries": queries}, sandbox.token(State.ORDINARY))
    told = [[_result(message) for message in answer.messages] for answer in answers]
    expected = [(position, outcome) for position, (*_, outcome) in enumerate(families)]
    assert told == [[*expected, (len(families), "INVALID_FIELD")]] * len(answers)


def _result(message: Fields) -> tuple[int, str]:
    result = message.get("consultation") or message["error"]
    return message["position"], result.get("outcome") or result["reason"]


def test_the_manager_reviews_what_the_partners_users_consulted(sandbox: Sandbox) -> None:
    """Art. 4-2: the bouquet of who is answerable holds the review; each user sees his own lines."""
    nir = sandbox.nir(State.ORDINARY)
    sandbox.protocols.consult({"nir": nir, "case_reference": "REVUE/1"}, sandbox.token(State.ORDINARY))
    reviewed = sandbox.protocols.ask(LIST, {"whole_partner": True}, sandbox.token(State.MANAGER)).message
    own = sandbox.protocols.ask(LIST, {}, sandbox.token(State.ORDINARY)).message
    for page in (reviewed, own):
        newest = page["consultations"][: len(sandbox.protocols.clients)]
        assert {line["case_reference"] for line in newest} == {"REVUE/1"}
        assert {line["user"]["nom"] for line in newest} == {"Bellavoine"}


def test_the_status_tells_the_maintenances_to_anybody(sandbox: Sandbox) -> None:
    """Art. 4-6, 5: one caisse is in maintenance, another one has announced one; no session is needed."""
    caisses = {each["caisse_code"]: each for each in sandbox.protocols.ask(STATUS, {}).message["caisses"]}
    assert caisses[LORRAINE]["state"] == "SERVICE_STATE_MAINTENANCE"
    end = datetime.fromisoformat(caisses[LORRAINE]["maintenance_end_time"])
    assert SystemClock().now() < end < SystemClock().now() + timedelta(hours=72)
    assert caisses[POITOU]["state"] == "SERVICE_STATE_OPEN"
    assert len(caisses[POITOU]["maintenances"]) == 1
