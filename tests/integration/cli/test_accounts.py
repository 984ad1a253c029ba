"""Accounts and sessions with `qf`, against fakes: what is sent, shown, asked before it is done, and not done at all."""

import hashlib
import json
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

from msa.identity.v1 import account_service_pb2 as pb
from msa.identity.v1 import outbox_service_pb2 as outbox_pb
from msa.identity.v1 import security_event_service_pb2 as event_pb
from msa.identity.v1 import use_service_pb2 as use_pb
from msa.partners.v1 import deadline_service_pb2 as deadline_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import outbox_service_pb2 as reminder_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.kit.errors import RecordChanged, RecordNotFound
from services.kit.interceptors import ClientNotAllowed
from tests.integration.cli.fakes import Fakes, refuse

PASSWORD = "Xy7-temporary-password"
ACCOUNT = pb.Account(account_id="acc-1", habilitation_id="hab-1", login="21-GARM")
OF_USER = ("--habilitation", "hab-1")


def stamp(text: str) -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(datetime.fromisoformat(text).astimezone(UTC))
    return moment


@pytest.fixture
def known(fakes: Fakes) -> Fakes:
    """Fakes that know one user, one partner, one caisse."""
    habilitation = habilitation_pb.Habilitation(
        habilitation_id="hab-1", user=habilitation_pb.User(nom="GARMELIN")
    )
    partner = partner_pb.Partner(partner_id="par-1", denomination="Mairie de Valbrune")
    fakes.script.replies |= {
        "GetHabilitation": lambda _: habilitation_pb.GetHabilitationResponse(habilitation=habilitation),
        "GetPartner": lambda _: partner_pb.GetPartnerResponse(partner=partner),
        "ListCaisses": lambda _: partner_pb.ListCaissesResponse(
            caisses=[partner_pb.Caisse(caisse_code="21", name="MSA Bourgogne")]
        ),
        "GetAccount": lambda _: pb.GetAccountResponse(account=ACCOUNT),
        "UnlockAccount": lambda _: pb.UnlockAccountResponse(),
        "RevokeSessions": lambda _: pb.RevokeSessionsResponse(),
    }
    return fakes


def test_a_user_is_shown_with_the_state_of_the_account(known: Fakes) -> None:
    account = pb.Account(
        account_id="acc-1",
        habilitation_id="hab-1",
        login="21-GARM",
        locked=True,
        second_factor_enrolled=True,
        password_set_time=stamp("2026-11-03T09:00:00+01:00"),
        last_sign_in_time=stamp("2026-11-20T08:30:00+01:00"),
        dormancy_date=Date(year=2027, month=11, day=20),
        disable_time=stamp("2026-11-21T10:00:00+01:00"),
    )
    known.script.replies["GetAccount"] = lambda _: pb.GetAccountResponse(account=account)
    shown = json.loads(known.qf("user", "show", *OF_USER, "--json").stdout)
    assert (shown["locked"], shown["second_factor_enrolled"], shown["password_change_required"]) == (
        True,
        True,
        False,
    )
    assert shown["password_set_time"] == "2026-11-03T08:00:00+00:00"
    assert shown["last_sign_in_time"] == "2026-11-20T07:30:00+00:00"
    assert shown["dormancy_date"] == "2027-11-20"
    assert shown["disable_time"] == "2026-11-21T09:00:00+00:00"
    table = known.qf("user", "show", *OF_USER).stdout
    assert "2026-11-20 08:30:00" in table


def test_whose_an_account_is_can_be_asked(known: Fakes) -> None:
    shown = json.loads(known.qf("user", "show", "--account", "acc-1", "--json").stdout)
    assert (shown["nom"], shown["login"]) == ("GARMELIN", "21-GARM")
    assert known.script.requests == [
        pb.GetAccountRequest(account_id="acc-1"),
        habilitation_pb.GetHabilitationRequest(habilitation_id="hab-1"),
    ]


@pytest.mark.parametrize("arguments", [(), (*OF_USER, "--account", "acc-1")])
def test_one_user_is_shown_not_two_nor_none(known: Fakes, arguments: tuple[str, ...]) -> None:
    result = known.qf("user", "show", *arguments)
    assert result.exit_code == 2
    assert "exactly one of --habilitation, --account" in result.stderr
    assert known.script.requests == []


def test_a_new_password_is_shown_once_and_says_what_is_void_art_5(known: Fakes) -> None:
    known.script.replies["IssueTemporaryPassword"] = lambda _: pb.IssueTemporaryPasswordResponse(
        temporary_password=PASSWORD
    )
    result = known.qf("user", "new-password", *OF_USER)
    assert result.exit_code == 0, result.output
    assert result.output.count(PASSWORD) == 1
    assert "21-GARM" in result.stdout
    for void in ("password before", "second factor", "recovery codes", "known devices", "sessions"):
        assert void in result.stderr
    assert known.sent(pb.IssueTemporaryPasswordRequest) == [
        pb.IssueTemporaryPasswordRequest(account_id="acc-1")
    ]


def test_an_account_is_unlocked(known: Fakes) -> None:
    result = known.qf("user", "unlock", *OF_USER)
    assert result.exit_code == 0, result.output
    assert known.script.requests[-1] == pb.UnlockAccountRequest(account_id="acc-1")


def event(number: int = 1, **changes: Any) -> event_pb.SecurityEvent:
    values: dict[str, Any] = {
        "event_id": f"event-{number}",
        "event_time": stamp("2026-11-20T08:30:00+01:00"),
        "kind": event_pb.SECURITY_EVENT_KIND_SIGN_IN_REFUSED,
        "account_id": "acc-1",
        "session_id": "session-1",
        "network_prefix": "203.0.113.0/24",
        "device_id": "device-1",
        "trace_id": "trace-1",
    }
    return event_pb.SecurityEvent(**{**values, **changes})


def page(request: event_pb.ListSecurityEventsRequest) -> event_pb.ListSecurityEventsResponse:
    start = int(request.page_token or 0)
    numbers = range(start, start + min(request.page_size, 3))
    return event_pb.ListSecurityEventsResponse(
        events=[event(number) for number in numbers], next_page_token=str(start + 3)
    )


def test_the_events_of_a_user_are_told_in_plain_words(known: Fakes) -> None:
    known.script.replies["ListSecurityEvents"] = lambda _: event_pb.ListSecurityEventsResponse(
        events=[event()]
    )
    result = known.qf("user", "events", *OF_USER)
    assert result.exit_code == 0, result.output
    told = ("2026-11-20 08:30:00", "sign-in refused", "203.0.113.0/24", "device-1", "session-1", "trace-1")
    assert all(words in result.stdout for words in told)
    assert known.script.requests[-1] == event_pb.ListSecurityEventsRequest(account_id="acc-1", page_size=50)


def test_events_are_read_page_by_page_up_to_the_limit(known: Fakes) -> None:
    known.script.replies["ListSecurityEvents"] = page
    result = known.qf("user", "events", *OF_USER, "--limit", "7", "--json")
    assert [row["event_id"] for row in json.loads(result.stdout)] == [f"event-{n}" for n in range(7)]
    assert "raise --limit" in known.qf("user", "events", *OF_USER, "--limit", "3").stderr


def test_all_events_are_shown_with_account_and_scope(known: Fakes) -> None:
    wide = event(
        kind=event_pb.SECURITY_EVENT_KIND_SESSIONS_REVOKED, account_id="", session_id="", scope="caisse:21"
    )
    known.script.replies["ListSecurityEvents"] = lambda _: event_pb.ListSecurityEventsResponse(
        events=[event(), wide]
    )
    result = known.qf("events")
    assert result.exit_code == 0, result.output
    assert all(words in result.stdout for words in ("acc-1", "sessions revoked by the caisse", "caisse:21"))
    assert known.script.requests == [event_pb.ListSecurityEventsRequest(page_size=50)]


def test_an_event_of_a_later_release_is_shown_by_its_number(known: Fakes) -> None:
    known.script.replies["ListSecurityEvents"] = lambda _: event_pb.ListSecurityEventsResponse(
        events=[event(kind=999)]
    )
    assert "999" in known.qf("events").stdout


REVOCATIONS = [
    (("--session", "ses-1"), pb.RevokeSessionsRequest(session_id="ses-1")),
    (OF_USER, pb.RevokeSessionsRequest(habilitation_id="hab-1")),
    (("--partner", "par-1"), pb.RevokeSessionsRequest(partner_id="par-1")),
    (("--caisse", "21"), pb.RevokeSessionsRequest(caisse_code="21")),
    (("--all",), pb.RevokeSessionsRequest(all=True)),
]
WIDE = [arguments for arguments, _ in REVOCATIONS[2:]]


@pytest.mark.parametrize(("arguments", "request_"), REVOCATIONS)
def test_sessions_are_ended_exactly_as_far_as_asked(
    known: Fakes, arguments: tuple[str, ...], request_: pb.RevokeSessionsRequest
) -> None:
    result = known.qf("session", "revoke", *arguments, "--yes")
    assert result.exit_code == 0, result.output
    assert known.sent(pb.RevokeSessionsRequest) == [request_]


@pytest.mark.parametrize("arguments", [(), ("--partner", "", "--all"), ("--session", "s", "--caisse", "21")])
def test_it_must_be_certain_whose_sessions_to_end(known: Fakes, arguments: tuple[str, ...]) -> None:
    result = known.qf("session", "revoke", *arguments, "--yes")
    assert result.exit_code == 2
    assert "exactly one of --session, --habilitation, --partner, --caisse, --all" in result.stderr
    assert known.script.requests == []


@pytest.mark.parametrize("arguments", WIDE)
def test_the_sessions_of_many_are_not_ended_unasked(known: Fakes, arguments: tuple[str, ...]) -> None:
    result = known.qf("session", "revoke", *arguments)
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert known.sent(pb.RevokeSessionsRequest) == []


def test_what_is_ended_is_told_in_words(known: Fakes) -> None:
    result = known.qf("session", "revoke", "--partner", "par-1", "--yes")
    assert "the sessions of every user of partner par-1, Mairie de Valbrune" in result.stdout
    asked = known.qf("session", "revoke", "--caisse", "21")
    assert "End the sessions of every user of caisse 21, MSA Bourgogne?" in asked.stderr


def test_a_partner_or_caisse_that_is_not_there_does_not_look_done(known: Fakes) -> None:
    known.script.replies["GetPartner"] = refuse(RecordNotFound())
    assert known.qf("session", "revoke", "--partner", "par-9", "--yes").exit_code == 1
    assert known.qf("session", "revoke", "--caisse", "98", "--yes").exit_code == 2
    assert known.sent(pb.RevokeSessionsRequest) == []


@pytest.mark.parametrize("arguments", [("--session", "ses-9"), ("--habilitation", "hab-9")])
def test_a_session_or_user_that_is_not_there_is_told_where_to_look(
    known: Fakes, arguments: tuple[str, ...]
) -> None:
    known.script.replies["RevokeSessions"] = refuse(RecordNotFound())
    result = known.qf("session", "revoke", *arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "qf user events" in result.stderr


@pytest.mark.parametrize("arguments", WIDE[:2])
def test_sessions_are_ended_also_while_the_register_is_away(known: Fakes, arguments: tuple[str, ...]) -> None:
    known.stop("partners")
    result = known.qf("session", "revoke", *arguments, "--yes")
    assert result.exit_code == 0, result.output
    assert "could not be checked" in result.stderr
    assert len(known.sent(pb.RevokeSessionsRequest)) == 1


IN_FORCE = pb.PartnerPolicy(
    partner_id="par-1",
    second_factor_required=True,
    networks=["203.0.113.0/24"],
    client_certificates_sha256=["0a" * 32],
    etag="7",
)


@pytest.fixture
def bound(known: Fakes) -> Fakes:
    """One partner of which something of each kind is required."""
    known.script.replies |= {
        "GetPartnerPolicy": lambda _: pb.GetPartnerPolicyResponse(policy=IN_FORCE),
        "SetPartnerPolicy": lambda request: pb.SetPartnerPolicyResponse(policy=request.policy),
    }
    return known


def policy_set(fakes: Fakes) -> pb.PartnerPolicy:
    """The policy that was put in force."""
    [request] = fakes.sent(pb.SetPartnerPolicyRequest)
    policy: pb.PartnerPolicy = request.policy
    return policy


def changed(**fields: Any) -> pb.PartnerPolicy:
    """The policy in force, but for what is given."""
    kept = {field.name: getattr(IN_FORCE, field.name) for field in IN_FORCE.DESCRIPTOR.fields}
    return pb.PartnerPolicy(**(kept | fields))


def test_a_policy_is_shown_and_nothing_is_set(bound: Fakes) -> None:
    result = bound.qf("partner", "policy", "--partner", "par-1", "--json")
    assert json.loads(result.stdout) == {
        "partner_id": "par-1",
        "denomination": "Mairie de Valbrune",
        "second_factor_required": True,
        "networks": ["203.0.113.0/24"],
        "client_certificates_sha256": ["0a" * 32],
    }
    assert bound.sent(pb.SetPartnerPolicyRequest) == []


NEW_NETWORKS = ("--allow-network", "198.51.100.0/24", "--allow-network", "2001:db8:21::/48")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--require-second-factor"], changed()),
        (["--no-require-second-factor"], changed(second_factor_required=False)),
        (NEW_NETWORKS, changed(networks=["198.51.100.0/24", "2001:db8:21::/48"])),
        (["--any-network"], changed(networks=[])),
        (
            ["--client-certificate", "0B" * 32, "--client-certificate", ":".join(["0C"] * 32)],
            changed(client_certificates_sha256=["0b" * 32, "0c" * 32]),
        ),
        (["--no-client-certificate"], changed(client_certificates_sha256=[])),
        (
            ["--any-network", "--no-client-certificate", "--no-require-second-factor"],
            pb.PartnerPolicy(partner_id="par-1", etag=IN_FORCE.etag),
        ),
    ],
    ids=lambda given: " ".join(given) if not isinstance(given, pb.PartnerPolicy) else "",
)
def test_a_policy_is_changed_in_what_is_named_and_nothing_else(
    bound: Fakes, options: Sequence[str], wanted: pb.PartnerPolicy
) -> None:
    result = bound.qf("partner", "policy", "--partner", "par-1", *options)
    assert result.exit_code == 0, result.output
    assert "Policy set" in result.stdout
    assert policy_set(bound) == wanted


def test_a_client_certificate_is_named_by_its_file(bound: Fakes, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("valbrune.test")
    chain = tmp_path / "valbrune.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems) + authority.cert_pem.bytes())
    result = bound.qf("partner", "policy", "--partner", "par-1", "--client-certificate", str(chain))
    assert result.exit_code == 0, result.output
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    assert [*policy_set(bound).client_certificates_sha256] == [hashlib.sha256(der).hexdigest()]


def test_what_is_no_certificate_requires_nothing(bound: Fakes, tmp_path: Path) -> None:
    key = tmp_path / "valbrune.key"
    key.write_bytes(trustme.CA().issue_cert("valbrune.test").private_key_pem.bytes())
    for given, complaint in ((key, "holds no certificate"), (tmp_path / "absent.pem", "Cannot read")):
        result = bound.qf("partner", "policy", "--partner", "par-1", "--client-certificate", str(given))
        assert result.exit_code == 2
        assert complaint in result.stderr
    assert bound.sent(pb.SetPartnerPolicyRequest) == []


@pytest.mark.parametrize(
    "options",
    [
        ("--allow-network", "203.0.113.0/24", "--any-network"),
        ("--client-certificate", "0b" * 32, "--no-client-certificate"),
    ],
)
def test_what_excludes_each_other_changes_nothing(bound: Fakes, options: Sequence[str]) -> None:
    result = bound.qf("partner", "policy", "--partner", "par-1", *options)
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr
    assert bound.script.requests == []


def test_who_edits_a_policy_at_the_same_time_as_another_is_told(bound: Fakes) -> None:
    bound.script.replies["SetPartnerPolicy"] = refuse(RecordChanged())
    result = bound.qf("partner", "policy", "--partner", "par-1", "--any-network")
    assert result.exit_code == 1
    assert "Somebody else changed this record" in result.stderr
    assert policy_set(bound) == changed(networks=[])


def test_a_partner_that_is_not_there_is_required_nothing_of(known: Fakes) -> None:
    known.script.replies["GetPartner"] = refuse(RecordNotFound())
    result = known.qf("partner", "policy", "--partner", "par-9", "--require-second-factor")
    assert result.exit_code == 1
    assert known.sent(pb.SetPartnerPolicyRequest) == []


UNUSUAL_USE = use_pb.UnusualUse(
    caisse_code="21",
    account_id="acc-1",
    score=81,
    suspended=True,
    reasons=[
        use_pb.UnusualUseReason(
            kind=use_pb.UNUSUAL_USE_KIND_UNKNOWN_NIRS, points=81, observed_count=101, expected_count=20
        )
    ],
)


def test_messages_are_leased_and_acknowledged(fakes: Fakes) -> None:
    warning = outbox_pb.DormancyWarning(disable_date=Date(year=2027, month=1, day=9), days_before=30)
    messages = [
        outbox_pb.Message(message_id="mes-1", habilitation_id="hab-1", dormancy_warning=warning),
        outbox_pb.Message(message_id="mes-2", habilitation_id="hab-2"),
        outbox_pb.Message(message_id="mes-3", habilitation_id="hab-3", unusual_use=UNUSUAL_USE),
    ]
    fakes.script.replies |= {
        "LeaseMessages": lambda _: outbox_pb.LeaseMessagesResponse(messages=messages),
        "AcknowledgeMessages": lambda _: outbox_pb.AcknowledgeMessagesResponse(),
    }
    leased = fakes.qf("outbox", "lease", "--maximum", "10", "--seconds", "90")
    assert leased.exit_code == 0, leased.output
    assert "disabled on 2027-01-09 unless used (30 days before)" in leased.stdout
    assert "of a kind that this release does not know" in leased.stdout
    assert "suspended, score 81: 101 unknown NIRs (up to 20 are usual)" in leased.stdout
    assert "qf outbox acknowledge" in leased.stderr
    assert fakes.qf("outbox", "acknowledge", "mes-1", "mes-2").exit_code == 0
    lease, acknowledged = fakes.script.requests
    assert (lease.maximum, lease.lease.seconds) == (10, 90)
    assert acknowledged.message_ids == ["mes-1", "mes-2"]


def test_reminders_are_leased_and_acknowledged_at_partners(fakes: Fakes) -> None:
    deadline = deadline_pb.Deadline(
        kind=deadline_pb.DEADLINE_KIND_RENEWAL,
        due_date=Date(year=2027, month=6, day=1),
        partner_denomination="Mairie de Valbrune",
    )
    message = reminder_pb.Message(
        message_id="mes-1",
        audience=reminder_pb.AUDIENCE_PARTNER,
        recipient_email="accueil@valbrune.example",
        deadline=deadline,
        days_before=30,
    )
    fakes.script.replies |= {
        "partners.LeaseMessages": lambda _: reminder_pb.LeaseMessagesResponse(messages=[message]),
        "partners.AcknowledgeMessages": lambda _: reminder_pb.AcknowledgeMessagesResponse(),
    }
    leased = fakes.qf("outbox", "lease", "--of", "partners")
    assert leased.exit_code == 0, leased.output
    told = ("term: it renews itself (art. 9-1) (30 days before)", "accueil@valbrune.example", "2027-06-01")
    assert all(words in leased.stdout for words in told)
    assert "qf outbox acknowledge --of partners" in leased.stderr
    assert fakes.qf("outbox", "acknowledge", "--of", "partners", "mes-1").exit_code == 0
    assert fakes.script.requests[-1] == reminder_pb.AcknowledgeMessagesRequest(message_ids=["mes-1"])


@pytest.mark.parametrize("service", ["identity", "partners"])
def test_whoever_is_no_mailer_is_told_how_to_become_one(fakes: Fakes, service: str) -> None:
    fakes.script.replies["LeaseMessages"] = refuse(ClientNotAllowed())
    result = fakes.qf("outbox", "lease", "--of", service)
    assert result.exit_code == 1
    assert f"{service} lists under the role mailer" in result.stderr
    assert "agent_tools" not in result.stderr
