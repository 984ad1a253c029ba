"""Art. 7-2: a partner may name the networks that it calls from, and the client certificates that it shows."""

import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from msa.identity.v1 import account_service_pb2 as account_pb
from services.kit.errors import Reason
from services.kit.status import reason_of
from tests.caisse import Caisse
from tests.e2e.conftest import Agent
from tests.portal import NEW_PASSWORD, PURPOSE, Portal, answered, bearer, queries_for, reason
from tests.stack import Stack

HERE, ELSEWHERE = "127.0.0.0/8", "203.0.113.0/24"
FORGED = {"x-forwarded-for": "203.0.113.7", "x-qf-client-address": "203.0.113.7", "x-real-ip": "203.0.113.7"}
CONSULT = "/v1/quotients:consult"


@dataclass(frozen=True)
class Shown:
    """A client certificate with its key, and the SHA-256 of its DER."""

    file: Path
    sha256: str


def issue(folder: Path, name: str) -> Shown:
    """A certificate of an authority that nobody knows: it is the digest that counts."""
    issued = trustme.CA().issue_cert(f"{name}.example")
    file = folder / f"{name}.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(file)
    certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    return Shown(file, hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest())


async def allow(caisse: Caisse, agent: Agent, *, networks: tuple[str, ...] = (), sha256: str = "") -> None:
    """Says what the partner named; returns when it is acknowledged."""
    policy = account_pb.PartnerPolicy(
        partner_id=agent.user.partner_id,
        networks=networks,
        client_certificates_sha256=[sha256] if sha256 else [],
    )
    await caisse.accounts.SetPartnerPolicy(account_pb.SetPartnerPolicyRequest(policy=policy))


@asynccontextmanager
async def client_with(stack: Stack, shown: Shown | None) -> AsyncIterator[httpx.AsyncClient]:
    """A partner's software that shows a certificate, or none."""
    context = ssl.create_default_context(cafile=stack.ca_file)
    if shown:
        context.load_cert_chain(shown.file)
    async with httpx.AsyncClient(base_url=stack.gateway_url, verify=context, timeout=10) as client:
        yield client


async def test_from_another_network_nothing_is_consulted_from_the_next_call_on(
    caisse: Caisse, portal: Portal, own_agent: Agent, agent: Agent
) -> None:
    nir = await caisse.publish()
    await allow(caisse, own_agent, networks=(ELSEWHERE, HERE))
    answered(await portal.consult(own_agent.token, nir))
    await allow(caisse, own_agent, networks=(ELSEWHERE,))
    for refused in (
        await portal.consult(own_agent.token, nir),
        await portal.consult_many(own_agent.token, queries_for([nir])),
        await portal.post("/v1/oppositions", own_agent.token, nir=nir),
        await portal.json.get("/v1/consultations", headers=bearer(own_agent.token)),
        await portal.sign_in(own_agent.user.login, NEW_PASSWORD),
    ):
        assert (refused.status_code, reason(refused)) == (httpx.codes.FORBIDDEN, "NETWORK_NOT_ALLOWED")
    assert len(await caisse.journal(nir)) == 1
    # It is that partner's, and nobody else's.
    answered(await portal.consult(agent.token, nir))
    await allow(caisse, own_agent)
    answered(await portal.consult(own_agent.token, nir))


async def test_saying_that_one_calls_from_elsewhere_does_not_help(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    await allow(caisse, own_agent, networks=(ELSEWHERE,))
    body = {"nir": nir, "purpose": PURPOSE}
    refused = await portal.json.post(CONSULT, json=body, headers=bearer(own_agent.token) | FORGED)
    assert reason(refused) == "NETWORK_NOT_ALLOWED"
    assert await caisse.journal(nir) == []


async def test_networks_named_between_two_rows_stop_a_batch(
    caisse: Caisse, portal: Portal, own_agent: Agent
) -> None:
    nir = await caisse.publish()
    async with portal.consult_many_lines(own_agent.token, queries_for([nir] * 200)) as rows:
        first = await anext(rows)
        await allow(caisse, own_agent, networks=(ELSEWHERE,))
        rest = [row async for row in rows]
    assert "consultation" in first
    assert rest[-1]["error"]["reason"] == "NETWORK_NOT_ALLOWED"
    assert len(await caisse.journal(nir)) < 200


async def test_without_the_certificate_that_the_partner_named_nothing_is_consulted(
    stack: Stack, caisse: Caisse, own_agent: Agent, tmp_path: Path
) -> None:
    nir, named, other = await caisse.publish(), issue(tmp_path, "named"), issue(tmp_path, "other")
    await allow(caisse, own_agent, sha256=named.sha256)
    forged = {"x-qf-client-certificate": named.sha256}
    for shown in (None, other):
        async with client_with(stack, shown) as client:
            body, headers = {"nir": nir, "purpose": PURPOSE}, bearer(own_agent.token) | forged
            refused = await client.post(CONSULT, json=body, headers=headers)
            assert (refused.status_code, reason(refused)) == (
                httpx.codes.FORBIDDEN,
                "CLIENT_CERTIFICATE_REQUIRED",
            )
            sign_in = {"login": own_agent.user.login, "password": NEW_PASSWORD}
            refused = await client.post("/v1/sessions", json=sign_in)
            assert reason(refused) == "CLIENT_CERTIFICATE_REQUIRED"
    assert await caisse.journal(nir) == []


async def test_with_the_certificate_that_the_partner_named_one_and_many_are_consulted(
    stack: Stack, caisse: Caisse, own_agent: Agent, tmp_path: Path
) -> None:
    nir, named = await caisse.publish(), issue(tmp_path, "named")
    await allow(caisse, own_agent, sha256=named.sha256.upper(), networks=(HERE,))
    async with client_with(stack, named) as client:
        headers = bearer(own_agent.token)
        answered(await client.post(CONSULT, json={"nir": nir, "purpose": PURPOSE}, headers=headers))
        many = {"queries": queries_for([nir] * 2)}
        rows = (await client.post("/v1/quotients:consultMany", json=many, headers=headers)).json()
        assert [row["consultation"]["outcome"] for row in rows] == ["OUTCOME_AVAILABLE"] * 2
    assert len(await caisse.journal(nir)) == 3


@pytest.mark.parametrize("networks", [("203.0.113.7/24",), ("nowhere",), ("",)])
async def test_what_is_no_network_is_not_put_in_force(
    caisse: Caisse, portal: Portal, own_agent: Agent, networks: tuple[str, ...]
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await allow(caisse, own_agent, networks=networks)
    assert reason_of(refused.value) is Reason.INVALID_FIELD
    answered(await portal.consult(own_agent.token, await caisse.publish()))
