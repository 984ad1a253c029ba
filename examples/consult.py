"""A partner's client: signs in, looks quotients up one by one and in one call, lists its own consultations, signs out.

gRPC over TLS, with the public API's stubs only. With the local stack running (`make up`):

    .venv/bin/python examples/consult.py --demo .local/demo.json

It is the demo user. At the first sign-in the temporary password must be replaced (art. 4-3): the new one is read from
--new-password-file, or made up and kept in a private file beside demo.json, so that a second run signs in with it.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status  # type: ignore[import-untyped]  # grpcio-status ships no types

from msa.gateway.v1 import consultation_service_pb2 as consultation_pb
from msa.gateway.v1 import opposition_service_pb2 as opposition_pb
from msa.gateway.v1 import quotient_service_pb2 as quotient_pb
from msa.gateway.v1 import session_service_pb2 as session_pb
from msa.gateway.v1.consultation_service_pb2_grpc import ConsultationServiceStub
from msa.gateway.v1.opposition_service_pb2_grpc import OppositionServiceStub
from msa.gateway.v1.quotient_service_pb2_grpc import QuotientServiceStub
from msa.gateway.v1.session_service_pb2_grpc import SessionServiceStub

# Every call has a deadline: a partner's screen must not wait for ever.
TIMEOUT_SECONDS = 5.0
BATCH_TIMEOUT_SECONDS = 120.0
# A refusal that names a delay may be tried again after it; nobody waits longer than this for a screen.
LONGEST_WAIT_SECONDS = 5.0
TRIES = 3

T = TypeVar("T")


class Gateway:
    """The partner's side of the gateway. The session token lives here and nowhere else."""

    def __init__(self, url: str, ca_file: Path) -> None:
        credentials = grpc.ssl_channel_credentials(ca_file.read_bytes())
        self._channel = grpc.secure_channel(
            urlsplit(url).netloc, credentials, [("grpc.enable_http_proxy", 0)]
        )
        self._sessions = SessionServiceStub(self._channel)
        self._quotients = QuotientServiceStub(self._channel)
        self._oppositions = OppositionServiceStub(self._channel)
        self._consultations = ConsultationServiceStub(self._channel)
        self._token = ""

    def sign_in(self, login: str, password: str) -> bool:
        """Opens a session; tells whether the password must be changed before anything else."""
        reply = self._call(self._sessions.SignIn, session_pb.SignInRequest(login=login, password=password))
        self._token = reply.session_token
        return bool(reply.password_change_required)

    def change_password(self, current: str, new: str) -> None:
        """Replaces the password. The answer carries a new token; the old one is over."""
        request = session_pb.ChangePasswordRequest(current_password=current, new_password=new)
        self._token = self._call(self._sessions.ChangePassword, request).session_token

    def consult(self, nir: str, case_reference: str) -> quotient_pb.ConsultQuotientResponse:
        """Looks the QF of the present month up."""
        request = quotient_pb.ConsultQuotientRequest(
            nir=nir, purpose=quotient_pb.PURPOSE_CANTEEN, case_reference=case_reference
        )
        return self._call(self._quotients.ConsultQuotient, request)

    def consult_many(self, nirs: Sequence[str]) -> Iterator[quotient_pb.ConsultQuotientsResponse]:
        """Looks up to 500 up in one call; each answer comes as soon as it is there."""
        queries = [
            quotient_pb.QuotientQuery(
                nir=nir, purpose=quotient_pb.PURPOSE_CANTEEN, case_reference=f"BATCH/{number}"
            )
            for number, nir in enumerate(nirs, start=1)
        ]
        request = quotient_pb.ConsultQuotientsRequest(queries=queries)
        return self._quotients.ConsultQuotients(
            request, timeout=BATCH_TIMEOUT_SECONDS, metadata=self._metadata()
        )

    def oppose(self, nir: str) -> str:
        """Records that a person objected at the counter (annexe 1); returns the opposition's id."""
        request = opposition_pb.RecordOppositionRequest(
            nir=nir, channel=opposition_pb.OPPOSITION_CHANNEL_COUNTER, reference="OPP/1"
        )
        return str(self._call(self._oppositions.RecordOpposition, request).opposition_id)

    def own_consultations(self, count: int) -> Sequence[consultation_pb.Consultation]:
        """The user's last consultations, newest first."""
        request = consultation_pb.ListConsultationsRequest(page_size=count)
        return self._call(self._consultations.ListConsultations, request).consultations

    def sign_out(self) -> None:
        """Ends the session."""
        self._call(self._sessions.SignOut, session_pb.SignOutRequest())
        self._channel.close()

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        return again(lambda: method(request, timeout=TIMEOUT_SECONDS, metadata=self._metadata()))

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._token}"),) if self._token else ()


class Passwords:
    """The passwords that this example chose, by login, in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by_login: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def of(self, login: str) -> str | None:
        """The password chosen for `login` in an earlier run."""
        return self._by_login.get(login)

    def keep(self, login: str, password: str) -> None:
        """Remembers it for the next run."""
        self._by_login[login] = password
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(self._by_login, file)


def sign_in(
    gateway: Gateway, user: Mapping[str, Any], passwords: Passwords, new_password: str | None
) -> None:
    """Signs the demo user in with the password of an earlier run, else with the temporary one, and replaces that."""
    login, temporary = user["login"], user["temporary_password"]
    chosen = passwords.of(login)
    if chosen is not None:
        try:
            gateway.sign_in(login, chosen)
        except grpc.RpcError as error:
            # A stack that was reset knows nothing of the earlier run.
            if reason_of(error) != "CREDENTIALS_REFUSED":
                raise
        else:
            return
    if gateway.sign_in(login, temporary):
        password = new_password or secrets.token_urlsafe(18)
        gateway.change_password(temporary, password)
        passwords.keep(login, password)
        print("The temporary password was replaced.")


def again(call: Callable[[], T]) -> T:
    """Sends a call again where the refusal says after what delay (RetryInfo), and nowhere else."""
    for _ in range(TRIES - 1):
        try:
            return call()
        except grpc.RpcError as error:
            retry = detail_of(error, error_details_pb2.RetryInfo)
            if retry is None or retry.retry_delay.ToMilliseconds() > LONGEST_WAIT_SECONDS * 1000:
                raise
            time.sleep(retry.retry_delay.ToMilliseconds() / 1000)
    return call()


def detail_of(error: grpc.RpcError, kind: type[T]) -> T | None:
    """One of the details of an error."""
    status = rpc_status.from_call(error)
    for each in status.details if status else ():
        detail: Any = kind()
        if each.Unpack(detail):
            return detail
    return None


def reason_of(error: grpc.RpcError) -> str:
    """The reason in the error's ErrorInfo: machine-readable and stable, unlike the text."""
    info = detail_of(error, error_details_pb2.ErrorInfo)
    return str(info.reason) if info else error.code().name


def words_of(error: grpc.RpcError) -> str:
    """What to do, in French where the gateway could be reached."""
    words = detail_of(error, error_details_pb2.LocalizedMessage)
    return str(words.message) if words else str(error.details())


def show_many(kinds: Sequence[str], replies: Iterator[quotient_pb.ConsultQuotientsResponse]) -> None:
    """Prints the rows of a batch as they come; one that was not answered tells why, the others stand."""
    for reply in replies:
        if reply.HasField("consultation"):
            show(kinds[reply.position], reply.consultation)
        else:
            print(f"{kinds[reply.position]:<28} {reply.error.reason:<14} {reply.error.detail}")


def show(kind: str, reply: quotient_pb.ConsultQuotientResponse) -> None:
    """Prints one row; the amount is what the partner came for."""
    outcome = quotient_pb.Outcome.Name(reply.outcome).removeprefix("OUTCOME_")
    periods = ", ".join(
        f"{period.amount_cents / 100:.2f} € from {period.valid_from}"
        + (f" to {period.valid_to}" if period.valid_to else "")
        for period in reply.periods
    )
    print(f"{kind:<28} {outcome:<14} {reply.dossier.numero:<20} {periods}".rstrip())


def use(gateway: Gateway, nirs: Mapping[str, str], opposed: str | None) -> None:
    """What a partner's software does in a session."""
    print(f"{'family':<28} {'outcome':<14} {'dossier':<20} quotient familial")
    for number, (kind, nir) in enumerate(nirs.items(), start=1):
        show(kind, gateway.consult(nir, f"CANTEEN/{number}"))
    print("\nIn one call:")
    show_many(list(nirs), gateway.consult_many(list(nirs.values())))
    if opposed:
        print(f"\nOpposition recorded: {gateway.oppose(nirs[opposed])}")
    print("\nYour last consultations:")
    for line in gateway.own_consultations(len(nirs)):
        outcome = quotient_pb.Outcome.Name(line.outcome).removeprefix("OUTCOME_")
        print(f"{line.consult_time.ToJsonString():<32} {outcome:<14} {line.case_reference}")


def main() -> None:
    """Consults each of the demo's families."""
    parser = argparse.ArgumentParser(
        description="Looks the demo's quotients up, as a partner's software does."
    )
    parser.add_argument("--demo", type=Path, default=Path(".local/demo.json"), help="written by `make up`")
    parser.add_argument("--login", help="one of the demo's users; else the first")
    parser.add_argument(
        "--new-password-file", type=Path, help="holds the password to choose (12 to 128 characters)"
    )
    parser.add_argument(
        "--oppose", metavar="FAMILY", help="one of the demo's families: records that it objected (annexe 1)"
    )
    arguments = parser.parse_args()
    if not arguments.demo.is_file():
        sys.exit(f"There is no {arguments.demo}: start the local stack with `make up`.")
    demo = json.loads(arguments.demo.read_text())
    user = next((u for u in demo["users"] if arguments.login in {None, u["login"]}), None)
    if user is None:
        sys.exit("The demo has no such user.")
    new_password = (
        arguments.new_password_file.read_text().rstrip("\n") if arguments.new_password_file else None
    )
    gateway = Gateway(demo["gateway_url"], Path(demo["ca_file"]))
    try:
        sign_in(gateway, user, Passwords(arguments.demo.with_name("demo-passwords.json")), new_password)
        use(gateway, demo["nirs"], arguments.oppose)
        gateway.sign_out()
    except grpc.RpcError as error:
        sys.exit(f"The gateway refused: {reason_of(error)} ({words_of(error)})")


if __name__ == "__main__":
    main()
