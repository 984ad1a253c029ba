"""A partner's software: what it does through the gateway, as JSON and as gRPC."""

import json
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
from google.protobuf import json_format

from msa.gateway.v1 import quotient_service_pb2 as quotient_pb
from msa.gateway.v1.opposition_service_pb2_grpc import OppositionServiceStub
from msa.gateway.v1.quotient_service_pb2_grpc import QuotientServiceStub
from msa.gateway.v1.session_service_pb2_grpc import SessionServiceStub
from tests.caisse import User

NEW_PASSWORD = "Coquelicot-Jonquille-1999"
PURPOSE = "PURPOSE_PRICING"
CONSULT_MANY = "/v1/quotients:consultMany"
NDJSON = "application/x-ndjson"


class Portal:
    """One client of the gateway; close it by `aclose`."""

    def __init__(self, gateway_url: str, ca_file: Path) -> None:
        self.json = httpx.AsyncClient(
            base_url=gateway_url, http2=True, verify=ssl.create_default_context(cafile=ca_file), timeout=10
        )
        credentials = grpc.ssl_channel_credentials(ca_file.read_bytes())
        self.channel = grpc.aio.secure_channel(gateway_url.removeprefix("https://"), credentials)
        self.sessions = SessionServiceStub(self.channel)
        self.quotients = QuotientServiceStub(self.channel)
        self.oppositions = OppositionServiceStub(self.channel)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.json.aclose()
        await self.channel.close()

    async def sign_in(self, login: str, password: str) -> httpx.Response:
        """`POST /v1/sessions`."""
        return await self.json.post("/v1/sessions", json={"login": login, "password": password})

    async def change_password(self, token: str, current: str, new: str = NEW_PASSWORD) -> httpx.Response:
        """`POST /v1/password`."""
        body = {"current_password": current, "new_password": new}
        return await self.json.post("/v1/password", json=body, headers=bearer(token))

    async def post(self, path: str, token: str, **fields: Any) -> httpx.Response:
        """Any other `POST` of a session."""
        return await self.json.post(path, json=fields, headers=bearer(token))

    async def open_session(self, user: User) -> str:
        """The first sign-in with its change of password (art. 4-3); returns the token."""
        signed_in = answered(await self.sign_in(user.login, user.temporary_password))
        changed = await self.change_password(signed_in["session_token"], user.temporary_password)
        return str(answered(changed)["session_token"])

    async def sign_in_again(self, user: User) -> str:
        """A later sign-in with the password chosen; returns the token."""
        return str(answered(await self.sign_in(user.login, NEW_PASSWORD))["session_token"])

    async def consult(self, token: str, nir: str, **fields: Any) -> httpx.Response:
        """`POST /v1/quotients:consult`."""
        body = {"nir": nir, "purpose": PURPOSE, **fields}
        return await self.json.post("/v1/quotients:consult", json=body, headers=bearer(token))

    async def consult_grpc(
        self, token: str, nir: str, month: str = "", case_reference: str = ""
    ) -> quotient_pb.ConsultQuotientResponse:
        """`msa.gateway.v1.QuotientService/ConsultQuotient`."""
        request = quotient_pb.ConsultQuotientRequest(
            nir=nir, month=month, purpose=quotient_pb.PURPOSE_PRICING, case_reference=case_reference
        )
        return await self.quotients.ConsultQuotient(request, metadata=grpc_bearer(token), timeout=10)

    async def consult_many(self, token: str, queries: Sequence[Mapping[str, str]]) -> httpx.Response:
        """`POST /v1/quotients:consultMany`; the answer is an array."""
        return await self.json.post(CONSULT_MANY, json={"queries": queries}, headers=bearer(token))

    @asynccontextmanager
    async def consult_many_lines(
        self, token: str, queries: Sequence[Mapping[str, str]]
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """The same, one object to a line, as they arrive."""
        headers = bearer(token) | {"accept": NDJSON}
        async with self.json.stream(
            "POST", CONSULT_MANY, json={"queries": queries}, headers=headers
        ) as response:
            assert response.status_code == httpx.codes.OK
            assert response.headers["content-type"] == NDJSON
            yield (json.loads(line) async for line in response.aiter_lines())

    def consult_many_grpc(self, token: str, queries: Sequence[Mapping[str, str]]) -> Any:
        """`msa.gateway.v1.QuotientService/ConsultQuotients`: the call, whose rows arrive one by one."""
        request = json_format.ParseDict({"queries": list(queries)}, quotient_pb.ConsultQuotientsRequest())
        return self.quotients.ConsultQuotients(request, metadata=grpc_bearer(token), timeout=60)


def queries_for(nirs: Iterable[str], **fields: str) -> list[dict[str, str]]:
    """A query for each NIR, with its place as the reference of the case."""
    return [
        {"nir": nir, "purpose": PURPOSE, "case_reference": f"row {position}", **fields}
        for position, nir in enumerate(nirs)
    ]


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"authorization": f"Bearer {token}"}


def grpc_bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The metadata that carry a token."""
    return tuple(bearer(token).items())


def answered(response: httpx.Response) -> dict[str, Any]:
    """The JSON of an answer that is no error."""
    assert response.status_code == httpx.codes.OK, response.text
    return dict(json.loads(response.text))


def reason(response: httpx.Response) -> str:
    """The reason in the problem that an error is (RFC 9457)."""
    assert response.is_error, "expected an error"
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["reason"])


def violations(response: httpx.Response) -> list[tuple[str, str]]:
    """Field and rule of each violation in an error."""
    return [(violation["field"], violation["rule"]) for violation in response.json()["violations"]]
