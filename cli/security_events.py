"""The record of security events: its kinds in plain words, and how a page of it is shown."""

from collections.abc import Mapping, Sequence

from cli import views
from cli.application import Qf
from cli.output import Row
from msa.identity.v1 import security_event_service_pb2 as pb
from msa.identity.v1 import security_event_service_pb2_grpc as rpc

_PREFIX = "SECURITY_EVENT_KIND_"
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
}


def show(qf: Qf, title: str, empty: str, columns: Sequence[str], limit: int, account_id: str = "") -> None:
    """Shows the newest `limit` events, of one account or all, with `columns`; JSON has every field."""
    service = qf.services.identity
    stub = rpc.SecurityEventServiceStub(service.channel)
    events, more = views.up_to(
        limit,
        lambda size, token: service.call(
            stub.ListSecurityEvents,
            pb.ListSecurityEventsRequest(account_id=account_id, page_size=size, page_token=token),
        ),
        lambda page: page.events,
    )
    qf.output.records(title, [_row(event) for event in events], empty, columns)
    if more:
        qf.output.note("There are more; raise --limit.")


def _row(event: pb.SecurityEvent) -> Row:
    kind = views.enum_name(pb.SecurityEventKind.Name, event.kind, _PREFIX)
    return {
        "event_time": views.instant(event, "event_time"),
        "event": WORDS.get(kind, kind),
        "kind": kind,
        "account_id": event.account_id,
        "scope": event.scope,
        "network_prefix": event.network_prefix,
        "device_id": event.device_id,
        "session_id": event.session_id,
        "trace_id": event.trace_id,
        "event_id": event.event_id,
    }
