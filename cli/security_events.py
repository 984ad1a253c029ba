"""The record of security events: its kinds in plain words, and how a page of it is shown."""

from collections.abc import Mapping, Sequence

from cli import paging, views
from cli.application import Qf
from cli.output import Row
from msa.identity.v1 import security_event_service_pb2 as pb
from msa.identity.v1 import security_event_service_pb2_grpc as rpc

WORDS: Mapping[str, str] = {
    "ACCOUNT_CREATED": "account made",
    "SIGNED_IN": "signed in",
    "SIGN_IN_REFUSED": "sign-in refused",
    "ACCOUNT_LOCKED": "locked by too many failures",
    "ACCOUNT_UNLOCKED": "unlocked by the caisse",
    "SESSION_SUPERSEDED": "session ended by another sign-in",
    "SIGNED_OUT": "signed out",
    "SESSIONS_REVOKED": "sessions revoked by the caisse",
    "PASSWORD_CHANGED": "password chosen",
    "CREDENTIAL_CHANGE_REFUSED": "change of credentials refused",
    "TEMPORARY_PASSWORD_ISSUED": "temporary password issued",
    "ACCOUNT_DISABLED": "disabled by the caisse",
    "DORMANT_ACCOUNT_DISABLED": "disabled: 12 months unused",
    "SECOND_FACTOR_ENROLLED": "second factor enrolled",
    "SECOND_FACTOR_REMOVED": "second factor removed",
    "RECOVERY_CODE_USED": "recovery code used",
    "RECOVERY_CODES_RENEWED": "recovery codes renewed",
    "PARTNER_POLICY_SET": "policy of a partner set",
    "UNUSUAL_USE_NOTICED": "unusual use noticed",
    "USE_SUSPENDED": "suspended for unusual use",
    "USE_SUSPENSION_LIFTED": "suspension for unusual use lifted",
    "USE_POLICY_SET": "policy on unusual use set",
}


def show(qf: Qf, title: str, empty: str, columns: Sequence[str], limit: int, account_id: str = "") -> None:
    """Shows the newest `limit` events, of one account or all, with `columns`; JSON has every field."""
    service = qf.services.identity
    stub = rpc.SecurityEventServiceStub(service.channel)
    paging.show(
        qf,
        limit,
        lambda size, token: service.call(
            stub.ListSecurityEvents,
            pb.ListSecurityEventsRequest(account_id=account_id, page_size=size, page_token=token),
        ),
        lambda page: page.events,
        _row,
        title=title,
        empty=empty,
        columns=columns,
    )


def _row(event: pb.SecurityEvent) -> Row:
    shown = views.fields(event)
    return {**shown, "event": WORDS.get(str(shown["kind"]), shown["kind"])}
