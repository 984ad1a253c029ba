"""N5: sentinels are planted, every success and failure is driven, and then everything that is kept is read.

No NIR, name, amount, password or token in a log line, span, URL, Redis key, error message, process argument; and no
NIR, name or password in clear in what PostgreSQL and Valkey write to disk.
"""

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
import psycopg
import pyotp
import pytest
from redis.asyncio import Redis

from deploy.local.channels import acting_as
from deploy.local.processes import ProcessFile
from deploy.local.secrets import read_password
from msa.gateway.v1 import quotient_service_pb2 as quotient_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from msa.quotient.v1 import dossier_service_pb2 as dossier_pb
from msa.quotient.v1 import opposition_service_pb2 as opposition_pb
from msa.quotient.v1.opposition_service_pb2_grpc import OppositionServiceStub
from services.kit.database import connection_parameters
from services.kit.migrate import OwnerSettings
from services.kit.telemetry import SPAN_ATTRIBUTES
from tests.caisse import BOURGOGNE, SIGNED_FORM, Caisse, User
from tests.e2e.conftest import Channels
from tests.people import new_nir
from tests.portal import CONSULT_MANY, Portal, answered, bearer, grpc_bearer, queries_for
from tests.stack import Stack

FAMILY_NAME = "Zwetschgenkuchen"
# Of whom the register of partners knows: kept there, told nowhere.
REGISTER_NAMES = ("Zinnienstrauss", "Quittenbrot", "Feldmohnblume", "zinnien@feldmohn.example")
AMOUNT_CENTS = 3133713
PASSWORD = "Sentinelle-du-Colombier-77"
WRONG_PASSWORD = "Sentinelle-perdue-0815"
FLUSH_SECONDS = 2.0
SHORTEST_NIR = 13
# Envoy's own: what it takes from the caller is overwritten by "-", what it counts itself is left as it is.
EDGE_ATTRIBUTES = {
    "component",
    "downstream_cluster",
    "error",
    "grpc.authority",
    "grpc.content_type",
    "grpc.message",
    "grpc.path",
    "grpc.status_code",
    "grpc.timeout",
    "guid:x-client-trace-id",
    "guid:x-request-id",
    "http.method",
    "http.protocol",
    "http.route",
    "http.status_code",
    "http.url",
    "node_id",
    "peer.address",
    "request_size",
    "response_flags",
    "response_size",
    "upstream_address",
    "upstream_cluster",
    "upstream_cluster.name",
    "user_agent",
    "zone",
}


@dataclass
class Canary:
    """What was planted, and what came back as errors."""

    nir: str
    user: User
    tokens: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    """Device tokens, the app's secret, recovery codes."""
    errors: list[str] = field(default_factory=list)

    def never_kept(self) -> list[str]:
        """What may stand nowhere in clear, not even in a database."""
        spaced = f"{self.nir[0]} {self.nir[1:3]} {self.nir[3:5]}"
        temporary = self.user.temporary_password
        return [
            self.nir[:13],
            spaced,
            FAMILY_NAME,
            PASSWORD,
            WRONG_PASSWORD,
            temporary,
            *self.tokens,
            *self.secrets,
        ]

    def never_told(self) -> list[str]:
        """What may stand in no log, span, error or Redis key."""
        euros = [f"{AMOUNT_CENTS}", "31337.13", "31337,13"]
        names = ("vallombreuse.example", "Pâquerette", *REGISTER_NAMES)
        return [*self.never_kept(), *euros, self.user.login, *names]


@pytest.fixture(scope="module")
async def canary(stack: Stack, channels: Channels, caisse: Caisse, portal: Portal) -> Canary:
    """Everything is done once, well and badly."""
    planted = Canary(
        await caisse.publish(nom=FAMILY_NAME, amount_cents=AMOUNT_CENTS), await caisse.habilitate()
    )
    await _succeed(planted, caisse, portal)
    await _use_the_register(planted, caisse)
    await _fail_by_json(planted, portal)
    await _fail_by_grpc(planted, portal)
    await _fail_inside(planted, channels, caisse)
    await _fail_on_the_wire(planted, stack)
    await _fail_while_a_service_is_away(planted, stack, portal)
    await asyncio.sleep(FLUSH_SECONDS)
    return planted


async def _succeed(planted: Canary, caisse: Caisse, portal: Portal) -> None:
    user = planted.user
    first = answered(await portal.sign_in(user.login, user.temporary_password))["session_token"]
    changed = await portal.change_password(first, user.temporary_password, PASSWORD)
    second = answered(changed)["session_token"]
    answered(await portal.consult(second, planted.nir))
    signed_in = answered(await portal.sign_in(user.login, PASSWORD))
    third = signed_in["session_token"]
    shown = answered(await portal.consult(third, planted.nir))
    assert shown["periods"][0]["amount_cents"] == AMOUNT_CENTS
    assert FAMILY_NAME in json.dumps(shown)
    await portal.consult_grpc(third, planted.nir)
    await _consult_many(planted, portal, third)
    answered(await portal.post("/v1/oppositions", third, nir=planted.nir))
    answered(await portal.consult(third, planted.nir))
    answered(await portal.json.get("/v1/consultations", headers=bearer(third)))
    answered(await portal.json.get("/v1/status"))
    await caisse.journal(planted.nir)
    planted.tokens += [first, second, third]
    planted.secrets.append(signed_in["device_token"])
    await _use_a_second_factor(planted, portal)


async def _consult_many(planted: Canary, portal: Portal, token: str) -> None:
    """As an array, as lines and over gRPC; the NIR with the wrong key in the middle."""
    nirs = [planted.nir, _with_wrong_key(planted.nir), planted.nir]
    shown, refused, _ = (await portal.consult_many(token, queries_for(nirs))).json()
    assert shown["consultation"]["periods"][0]["amount_cents"] == AMOUNT_CENTS
    planted.errors.append(json.dumps(refused))
    async with portal.consult_many_lines(token, queries_for(nirs)) as rows:
        planted.errors += [json.dumps(row) async for row in rows if "error" in row]
    by_grpc = [row async for row in portal.consult_many_grpc(token, queries_for(nirs))]
    planted.errors += [str(row) for row in by_grpc if row.HasField("error")]


async def _use_a_second_factor(planted: Canary, portal: Portal) -> None:
    begun = answered(
        await portal.post("/v1/second-factor:begin", planted.tokens[-1], current_password=PASSWORD)
    )
    code = pyotp.TOTP(begun["totp_secret"]).now()
    confirmed = answered(
        await portal.post("/v1/second-factor:confirm", planted.tokens[-1], one_time_code=code)
    )
    recovery_codes = confirmed["recovery_codes"]
    planted.tokens.append(confirmed["session_token"])
    planted.secrets += [begun["totp_secret"], begun["otpauth_uri"], *recovery_codes]
    with_code = {"login": planted.user.login, "password": PASSWORD, "one_time_code": recovery_codes[0]}
    signed_in = answered(await portal.json.post("/v1/sessions", json=with_code))
    planted.tokens.append(signed_in["session_token"])
    planted.secrets.append(signed_in["device_token"])


async def _use_the_register(planted: Canary, caisse: Caisse) -> None:
    """Acts of an agent on a partner whose people are planted (art. 4-1, annexe 2), done well and refused."""
    representative, nom, prenom, email = REGISTER_NAMES
    convention = await caisse.convention()
    shown = (
        await caisse.partners.GetPartner(partner_pb.GetPartnerRequest(partner_id=convention.partner_id))
    ).partner
    update = partner_pb.UpdatePartnerRequest(
        partner_id=convention.partner_id,
        denomination=shown.denomination,
        profile=partner_pb.PartnerProfile(
            representative=representative, representative_function="Maire", email=email
        ),
        etag=shown.etag,
    )
    await caisse.partners.UpdatePartner(update)
    registration = habilitation_pb.RegisterHabilitationRequest(
        convention_id=convention.convention_id,
        user=habilitation_pb.User(nom=nom, prenom=prenom, email=email),
        bouquet=habilitation_pb.BOUQUET_QUOTIENT_FAMILIAL,
        form=SIGNED_FORM,
    )
    user = (await caisse.habilitations.RegisterHabilitation(registration)).habilitation
    withdrawal = habilitation_pb.WithdrawHabilitationRequest(
        habilitation_id=user.habilitation_id, withdrawal_reason=planted.nir
    )
    self_signed = habilitation_pb.RegisterHabilitationRequest()
    self_signed.CopyFrom(registration)
    self_signed.form.signatory_name = f"{prenom} {nom}"
    malformed = habilitation_pb.RegisterHabilitationRequest()
    malformed.CopyFrom(registration)
    malformed.user.email = f"{nom} {planted.nir}"
    refusals = (
        caisse.partners.UpdatePartner(update),
        caisse.habilitations.RegisterHabilitation(registration),
        caisse.habilitations.RegisterHabilitation(self_signed),
        caisse.habilitations.RegisterHabilitation(malformed),
        caisse.habilitations.WithdrawHabilitation(withdrawal),
        caisse.partners.UpdatePartner(update, metadata=acting_as(nom)),
    )
    for call in refusals:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        planted.errors.append(f"{refused.value.details()} {refused.value.trailing_metadata()}")
    withdrawal.withdrawal_reason = "départ"
    await caisse.habilitations.WithdrawHabilitation(withdrawal)


async def _fail_by_json(planted: Canary, portal: Portal) -> None:
    nir, token, login = planted.nir, planted.tokens[-1], planted.user.login
    auth = bearer(token)
    consult = "/v1/quotients:consult"
    requests = [
        portal.consult(token, _with_wrong_key(nir)),
        portal.consult(token, f"{nir}9"),
        portal.consult(token, nir, month=nir),
        portal.consult(token, nir, case_reference=f"ref {nir}"),
        portal.consult(token, nir, purpose=nir),
        portal.consult(token, nir, unknown_field=nir),
        portal.consult(planted.tokens[0], nir),
        portal.consult_many(planted.tokens[0], queries_for([nir])),
        portal.consult_many(token, queries_for([nir] * 501)),
        portal.consult_many(token, [{"nir": nir, "unknown_field": nir}]),
        portal.json.post(CONSULT_MANY, content=f'{{"queries": [{{"nir": "{nir}"', headers=auth),
        portal.post("/v1/oppositions", token, nir=_with_wrong_key(nir)),
        portal.post("/v1/oppositions", token, nir=nir, reference=f"ref {nir}"),
        portal.post("/v1/oppositions", token, nir=nir, received_on=nir),
        portal.post("/v1/oppositions", planted.tokens[0], nir=nir),
        portal.json.get(f"/v1/consultations?page_token={nir}", headers=auth),
        portal.json.get(f"/v1/consultations?nir={nir}", headers=auth),
        portal.json.get("/v1/consultations?whole_partner=true", headers=auth),
        portal.json.post(consult, content=f'{{"nir": "{nir}", {FAMILY_NAME}', headers=auth),
        portal.json.post(consult, content=f'{{"nir": "{nir}"', headers=auth),
        portal.json.post(consult, content=f'{{"nir": {{"{nir}": 1}}}}', headers=auth),
        portal.json.post(consult, content=json.dumps({"nir": nir * 6000}), headers=auth),
        portal.json.post(f"{consult}?nir={nir}", json={"nir": nir}, headers=auth),
        portal.json.get(f"/v1/status?nir={nir}&token={token}"),
        portal.json.get(f"/v1/quotients/{nir}", headers=auth),
        portal.json.get(f"/{nir}", headers=auth | {"x-nir": nir, "user-agent": nir, "referer": nir}),
        portal.json.put(consult, json={"nir": nir}, headers=auth),
        portal.sign_in(login, WRONG_PASSWORD),
        portal.sign_in(login, PASSWORD),
        portal.json.post("/v1/sessions", json={"login": login, "password": PASSWORD, "one_time_code": nir}),
        portal.json.post("/v1/sessions", json={"login": login, "password": PASSWORD, "device_token": nir}),
        portal.post("/v1/second-factor:begin", token, current_password=WRONG_PASSWORD),
        portal.post("/v1/second-factor:begin", token, current_password=PASSWORD),
        portal.post("/v1/second-factor:confirm", token, one_time_code=planted.secrets[1]),
        portal.post("/v1/second-factor:remove", token, current_password=PASSWORD, one_time_code=nir),
        portal.sign_in(PASSWORD, login),
        portal.sign_in(nir, FAMILY_NAME),
        portal.change_password(token, WRONG_PASSWORD, PASSWORD),
        portal.change_password(token, PASSWORD, "court"),
    ]
    for request in requests:
        response = await request
        assert response.is_error, response.text
        planted.errors.append(f"{response.headers} {response.text}")


async def _fail_by_grpc(planted: Canary, portal: Portal) -> None:
    for nir, metadata in (
        (planted.nir, ()),
        (_with_wrong_key(planted.nir), grpc_bearer(planted.tokens[-1])),
        (planted.nir, grpc_bearer(f"{planted.tokens[-1]}x")),
        (planted.nir * 6000, grpc_bearer(planted.tokens[-1])),
    ):
        request = portal.quotients.ConsultQuotient
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await request(_consult_request(nir), metadata=metadata, timeout=10)
        planted.errors.append(f"{refused.value.details()} {refused.value.trailing_metadata()}")


async def _fail_inside(planted: Canary, channels: Channels, caisse: Caisse) -> None:
    nir = planted.nir
    wrong_scope = opposition_pb.OppositionScope(caisse_code=nir, partner_id=nir)
    stranger = OppositionServiceStub(channels("quotient", "partners"))
    for stub in (caisse.oppositions, stranger):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.RecordOpposition(opposition_pb.RecordOppositionRequest(nir=nir, scope=wrong_scope))
        planted.errors.append(f"{refused.value.details()} {refused.value.trailing_metadata()}")
    wrong_key = dossier_pb.DossierRecord(caisse_code=BOURGOGNE, nir=_with_wrong_key(nir), numero_dossier="D1")
    wrong_number = dossier_pb.DossierRecord(
        caisse_code=BOURGOGNE, nir=new_nir(), numero_dossier=f"{nir}{FAMILY_NAME}\x00"
    )
    request = dossier_pb.PublishDossiersRequest(records=[wrong_key, wrong_number])
    refusals = [str(response) async for response in caisse.dossiers.PublishDossiers(iter([request]))]
    assert "NIR_KEY_MISMATCH" in refusals[0]
    planted.errors += refusals


async def _fail_on_the_wire(planted: Canary, stack: Stack) -> None:
    request = f"GET /{planted.nir} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {planted.tokens[-1]}\r\n\r\n"

    def plain_http() -> str:
        with socket.create_connection(("127.0.0.1", stack.ports.edge_port), timeout=5) as connection:
            connection.sendall(request.encode())
            return connection.recv(65536).decode(errors="replace")

    planted.errors.append(await asyncio.to_thread(plain_http))


async def _fail_while_a_service_is_away(planted: Canary, stack: Stack, portal: Portal) -> None:
    for part in ("quotient", "postgres", "valkey"):
        async with stack.kept_away(part):
            for response in (
                await portal.consult(planted.tokens[-1], planted.nir),
                await portal.consult_many(planted.tokens[-1], queries_for([planted.nir] * 2)),
                await portal.post("/v1/oppositions", planted.tokens[-1], nir=planted.nir),
            ):
                planted.errors.append(response.text)
                assert "DEPENDENCY_UNAVAILABLE" in response.text
        for name in (part, "identity", "partners", "quotient"):
            await stack.wait_until_ready(name)


def _with_wrong_key(nir: str) -> str:
    return f"{nir[:13]}{int(nir[13:]) % 97 + 1:02}"


def _consult_request(nir: str) -> quotient_pb.ConsultQuotientRequest:
    return quotient_pb.ConsultQuotientRequest(nir=nir, purpose=quotient_pb.PURPOSE_PRICING)


def found(sentinels: list[str], haystack: bytes) -> list[str]:
    """The sentinels that stand in `haystack`, as UTF-8. An amount counts by itself only: the digits of clocks and of
    random identifiers hold any seven sooner or later."""
    return [sentinel for sentinel in sentinels if re.search(_as_told(sentinel), haystack)]


def _as_told(sentinel: str) -> bytes:
    escaped = re.escape(sentinel.encode())
    is_amount = not sentinel.strip("0123456789.,") and len(sentinel) < SHORTEST_NIR
    return rb"(?<![0-9A-Za-z])" + escaped + rb"(?![0-9A-Za-z])" if is_amount else escaped


@pytest.mark.parametrize("told", [b"3133713", b'{"amount_cents":3133713}', b"31337,13 EUR", b"x 31337.13 y"])
def test_an_amount_is_found_where_it_is_told(told: bytes) -> None:
    assert found(["3133713", "31337.13", "31337,13"], told)


@pytest.mark.parametrize("clock", [b"1790313371328", b"a3133713f", b"1231337.139"])
def test_an_amount_is_not_seen_in_the_digits_of_a_clock(clock: bytes) -> None:
    assert found(["3133713", "31337.13", "31337,13"], clock) == []


def files_under(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_file())


async def test_no_log_line_tells(canary: Canary, stack: Stack) -> None:
    logs = {path.name: path.read_bytes() for path in files_under(stack.layout.logs)}
    assert b"upstream_unavailable" in logs["gateway.log"]
    assert {name: leaked for name, log in logs.items() if (leaked := found(canary.never_told(), log))} == {}


async def newest_traces(stack: Stack) -> list[str]:
    """The traces that the desk shows, each as its JSON."""
    async with httpx.AsyncClient(base_url=stack.demo["traces_url"]) as desk:
        traces = (await desk.get("/api/traces", params={"limit": 1000})).json()["traces"]
        return [(await desk.get(f"/api/traces/{trace['trace_id']}")).text for trace in traces]


async def test_no_span_tells(canary: Canary, stack: Stack) -> None:
    traces = await newest_traces(stack)
    assert any("ConsultQuotient" in trace for trace in traces)
    assert found(canary.never_told(), "\n".join(traces).encode()) == []


@pytest.mark.usefixtures("canary")
async def test_spans_say_only_what_is_registered(stack: Stack) -> None:
    said: dict[str, set[str]] = {"edge": set(), "services": set()}
    for trace in await newest_traces(stack):
        for span in json.loads(trace)["spans"]:
            said["edge" if span["service"] == "edge" else "services"] |= set(span["attributes"])
            assert span["events"] == []
            assert span["status_message"] == ""
    assert {"qf.outcome", "db.operation.name"} <= said["services"] <= set(SPAN_ATTRIBUTES)
    assert {"http.route"} <= said["edge"] <= EDGE_ATTRIBUTES


async def test_no_error_tells(canary: Canary) -> None:
    assert len(canary.errors) > 45
    assert [error for error in canary.errors if found(canary.never_told(), error.encode())] == []


async def test_no_redis_key_or_value_tells(canary: Canary, stack: Stack) -> None:
    password = read_password(stack.layout, "valkey.password")
    kept: list[bytes] = []
    async with Redis(host="127.0.0.1", port=stack.ports.valkey_port, password=password) as client:
        async for key in client.scan_iter():
            kept += [key, await client.dump(key) or b""]
    assert kept
    assert found(canary.never_told(), b"\n".join(kept)) == []


async def test_nothing_stands_in_clear_on_disk(canary: Canary, stack: Stack) -> None:
    """PostgreSQL's tables and write-ahead log, Valkey's append-only file."""
    stores = [stack.layout.data / "postgres", stack.layout.data / "valkey"]
    read = {path: path.read_bytes() for store in stores for path in files_under(store)}
    assert any("pg_wal" in path.parts for path in read)
    assert {
        path.name: leaked for path, content in read.items() if (leaked := found(canary.never_kept(), content))
    } == {}


async def test_no_row_of_identity_tells(canary: Canary, stack: Stack) -> None:
    """Texts as they stand, and bytes both as they are and as they are written."""
    owner = stack.settings("identity_owner", OwnerSettings).database
    rows: list[bytes] = []
    async with await psycopg.AsyncConnection.connect(**connection_parameters(owner)) as connection:
        tables = await connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
        )
        for (table,) in await tables.fetchall():
            async with connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy:
                rows += [bytes(row) async for row in copy]
    dump = b"\n".join(rows)
    assert canary.user.account_id.encode() in dump
    never_kept = canary.never_kept()
    assert found([*never_kept, *(secret.encode().hex() for secret in never_kept)], dump) == []


def test_no_process_argument_tells(canary: Canary, stack: Stack) -> None:
    processes = ProcessFile(stack.layout.processes_file).read()
    arguments = [Path(f"/proc/{process.pid}/cmdline").read_bytes() for process in processes.values()]
    secrets = [path.read_text() for path in stack.layout.secrets.glob("*.password")]
    assert len(arguments) > 7
    assert found([*canary.never_told(), *secrets], b"\n".join(arguments)) == []
