"""What waits is delivered at least once, and what cannot be delivered holds up nothing else."""

import asyncio
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from structlog.testing import capture_logs

from msa.identity.v1 import use_service_pb2 as use_pb
from msa.partners.v1 import deadline_service_pb2 as deadline_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import outbox_service_pb2 as partners_pb
from services.kit.errors import DependencyUnavailable
from services.mailer.composition import Deliveries
from services.mailer.domain import PostUnavailable
from tests.clock import FakeClock
from tests.integration.mailer.conftest import CAISSE, OpenMailer
from tests.integration.mailer.mail_server import Mailbox
from tests.integration.mailer.outbox_handlers import Services

LEASE = timedelta(seconds=900)
TOWN_HALL = "accueil@montfaucelle.example"
OTHER = "mairie@vallombreuse.example"


def mail_ids(*message_ids: str) -> list[str]:
    return [f"<{message_id}@msa.example>" for message_id in message_ids]


async def test_a_reminder_reaches_the_partner_and_is_acknowledged(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    message_id = services.remind(to=TOWN_HALL)
    await mailer.reminders.deliver_waiting()
    assert mailbox.envelopes == [("qf@msa.example", [TOWN_HALL])]
    (message,) = mailbox.messages
    assert message["To"] == TOWN_HALL
    assert message["Reply-To"] == CAISSE
    assert message["Date"] == "Tue, 24 Nov 2026 10:00:00 +0100"
    assert "se renouvelle dans 30 jours" in message["Subject"]
    assert "votre organisme (Mairie de Montfaucelle)" in " ".join(message.get_content().split())
    assert services.reminders.acknowledged == [message_id]


async def test_a_reminder_for_the_caisse_goes_to_its_own_address_or_the_common_one(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    services.remind(audience=partners_pb.AUDIENCE_CAISSE)
    services.remind(audience=partners_pb.AUDIENCE_CAISSE)
    services.reminders.waiting[1].caisse_code = "58"
    await mailer.reminders.deliver_waiting()
    assert [message["To"] for message in mailbox.messages] == [CAISSE, "nievre@bourgogne.example"]
    assert [message["Reply-To"] for message in mailbox.messages] == [None, None]


async def test_a_user_is_warned_at_the_address_of_the_habilitation(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    message_id = services.warn(email="odile@montfaucelle.example")
    await mailer.warnings.deliver_waiting()
    (message,) = mailbox.messages
    assert (message["To"], message["Reply-To"]) == ("odile@montfaucelle.example", CAISSE)
    assert "sera désactivé dans 30 jours" in message["Subject"]
    assert services.warnings.acknowledged == [message_id]


async def test_a_caisse_is_told_of_a_suspension_at_its_own_address_or_the_common_one_art_7_2(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    sent = [services.suspend(), services.suspend(caisse_code="58")]
    account_id = services.warnings.waiting[0].unusual_use.account_id
    await mailer.warnings.deliver_waiting()
    assert [message["To"] for message in mailbox.messages] == [CAISSE, "nievre@bourgogne.example"]
    assert [message["Reply-To"] for message in mailbox.messages] == [None, None]
    first, second = mailbox.messages
    assert first["Subject"] == "Compte suspendu pour usage inhabituel, à examiner (caisse 21)"
    assert f"    qf use lift --account {account_id}" in first.get_content().splitlines()
    assert "qf use list --caisse 58" in second.get_content()
    assert services.warnings.acknowledged == sent


async def test_a_suspension_is_told_though_partners_is_away(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    services.habilitations.are_away = True
    message_id = services.suspend()
    await mailer.warnings.deliver_waiting()
    assert mailbox.ids == mail_ids(message_id)


async def test_unusual_use_of_a_kind_of_a_later_release_stays_and_keeps_nobody_waiting(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    services.suspend(kind=99)
    good = services.suspend()
    await mailer.warnings.deliver_waiting()
    assert mailbox.ids == mail_ids(good)
    assert services.warnings.acknowledged == [good]


@pytest.mark.parametrize("kind", use_pb.UnusualUseKind.values()[1:])
async def test_every_reason_of_the_contract_is_told(
    services: Services, mailbox: Mailbox, mailer: Deliveries, kind: int
) -> None:
    message_id = services.suspend(kind=kind)
    await mailer.warnings.deliver_waiting()
    assert mailbox.ids == mail_ids(message_id)
    assert "101" in mailbox.messages[0].get_content()


async def test_everything_that_waits_goes_over_one_connection_oldest_first(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    sent = [services.remind(to=TOWN_HALL) for _ in range(60)]
    await mailer.reminders.deliver_waiting()
    assert mailbox.ids == mail_ids(*sent)
    assert mailbox.connections == 1
    assert services.reminders.acknowledged == sent


async def test_with_nothing_to_deliver_the_mail_server_is_left_alone(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    await mailer.reminders.deliver_waiting()
    await mailer.warnings.deliver_waiting()
    assert mailbox.connections == 0
    assert services.reminders.held_until == {}


@pytest.mark.parametrize(
    ("outbox", "tell"),
    [
        ("reminders", lambda services: services.remind(to=TOWN_HALL)),
        ("warnings", lambda services: services.suspend()),
    ],
    ids=["reminder", "suspension"],
)
async def test_what_was_not_acknowledged_comes_again_with_the_same_message_id(
    services: Services,
    mailbox: Mailbox,
    open_mailer: OpenMailer,
    clock: FakeClock,
    outbox: str,
    tell: Callable[[Services], str],
) -> None:
    """As when a mailer is killed between the letter and its acknowledgement: at least once, and recognisable."""
    message_id = tell(services)
    served = getattr(services, outbox)
    served.forgets_acknowledgements = True
    async with open_mailer(mailbox.port) as killed:
        with pytest.raises(DependencyUnavailable):
            await getattr(killed, outbox).deliver_waiting()
    served.forgets_acknowledgements = False
    async with open_mailer(mailbox.port) as other:
        await getattr(other, outbox).deliver_waiting()
        assert mailbox.ids == mail_ids(message_id)
        clock.advance(LEASE)
        await getattr(other, outbox).deliver_waiting()
    assert mailbox.ids == mail_ids(message_id, message_id)
    assert served.acknowledged == [message_id]


async def test_an_acknowledgement_that_found_nobody_is_made_before_anything_else(
    services: Services, mailbox: Mailbox, mailer: Deliveries, clock: FakeClock
) -> None:
    message_id = services.remind(to=TOWN_HALL)
    services.reminders.forgets_acknowledgements = True
    for _ in range(2):
        with pytest.raises(DependencyUnavailable):
            await mailer.reminders.deliver_waiting()
    services.reminders.forgets_acknowledgements = False
    clock.advance(LEASE)
    await mailer.reminders.deliver_waiting()
    assert mailbox.ids == mail_ids(message_id)
    assert services.reminders.acknowledged == [message_id]


async def test_two_mailers_at_once_deliver_everything_once(
    services: Services, mailbox: Mailbox, open_mailer: OpenMailer
) -> None:
    sent = [services.remind(to=TOWN_HALL) for _ in range(30)]
    async with open_mailer(mailbox.port) as first, open_mailer(mailbox.port) as second:
        await asyncio.gather(first.reminders.deliver_waiting(), second.reminders.deliver_waiting())
    assert sorted(mailbox.ids) == sorted(mail_ids(*sent))
    assert mailbox.connections == 2


async def test_a_letter_that_is_under_way_is_delivered_and_acknowledged_though_the_mailer_stops(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    first, second = services.remind(to=TOWN_HALL), services.remind(to=TOWN_HALL)
    mailbox.may_take.clear()
    delivering = asyncio.create_task(mailer.reminders.deliver_waiting())
    await mailbox.taking.wait()
    delivering.cancel()
    await asyncio.wait([delivering], timeout=0.05)
    mailbox.may_take.set()
    with pytest.raises(asyncio.CancelledError):
        await delivering
    assert mailbox.ids == mail_ids(first)
    assert services.reminders.acknowledged == [first]
    assert [each.message_id for each in services.reminders.waiting] == [second]


async def test_a_recipient_that_does_not_exist_is_acknowledged_and_logged_without_its_address(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    mailbox.answers[TOWN_HALL] = f"550 5.1.1 <{TOWN_HALL}> unknown here"
    gone, good = services.remind(to=TOWN_HALL), services.remind(to=OTHER)
    with capture_logs() as logs:
        await mailer.reminders.deliver_waiting()
    assert mailbox.ids == mail_ids(good)
    assert services.reminders.acknowledged == [gone, good]
    assert {"message_id": gone, "smtp_code": 550} == {
        key: line[key]
        for line in logs
        if line["event"] == "recipient_refused"
        for key in ("message_id", "smtp_code")
    }
    assert "montfaucelle" not in str(logs)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("451 4.7.1 Greylisted, come again", "recipient_deferred"),
        ("452 4.2.2 Mailbox full", "recipient_deferred"),
        ("554 5.7.1 Relay access denied", "recipient_not_allowed"),
    ],
)
async def test_a_recipient_that_may_be_taken_later_comes_again_and_keeps_nobody_waiting(
    services: Services, mailbox: Mailbox, mailer: Deliveries, clock: FakeClock, answer: str, reason: str
) -> None:
    mailbox.answers[TOWN_HALL] = answer
    later, good = services.remind(to=TOWN_HALL), services.remind(to=OTHER)
    with capture_logs() as logs:
        await mailer.reminders.deliver_waiting()
    assert mailbox.ids == mail_ids(good)
    assert services.reminders.acknowledged == [good]
    assert [line["reason"] for line in logs if line["event"] == "message_put_off"] == [reason]
    await mailer.reminders.deliver_waiting()
    assert mailbox.tries == [TOWN_HALL, OTHER]
    mailbox.answers.clear()
    clock.advance(LEASE)
    await mailer.reminders.deliver_waiting()
    assert mailbox.ids == mail_ids(good, later)


async def test_a_letter_that_a_filter_dislikes_stays_and_keeps_nobody_waiting(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    mailbox.data_answer = "554 5.6.0 Not that one"
    services.remind(to=TOWN_HALL)
    services.remind(to=OTHER)
    await mailer.reminders.deliver_waiting()
    assert mailbox.tries == [TOWN_HALL, OTHER]
    assert services.reminders.acknowledged == []


@pytest.mark.parametrize("stage", ["sender", "recipient", "data"])
@pytest.mark.parametrize("answer", ["421 4.3.2 Going down", "451 4.3.0 Not now", "530 5.7.0 Who are you?"])
async def test_a_mail_server_that_takes_nothing_now_ends_the_round(
    services: Services, mailbox: Mailbox, mailer: Deliveries, clock: FakeClock, stage: str, answer: str
) -> None:
    first, second = services.remind(to=TOWN_HALL), services.remind(to=OTHER)
    mailbox.sender_answer = answer if stage == "sender" else ""
    mailbox.data_answer = answer if stage == "data" else ""
    mailbox.answers = {TOWN_HALL: "421 4.3.2 Going down"} if stage == "recipient" else {}
    with pytest.raises(PostUnavailable):
        await mailer.reminders.deliver_waiting()
    assert services.reminders.acknowledged == []
    assert OTHER not in mailbox.tries
    mailbox.sender_answer = mailbox.data_answer = ""
    mailbox.answers = {}
    # The next round begins with those that nobody holds.
    await mailer.reminders.deliver_waiting()
    clock.advance(LEASE)
    await mailer.reminders.deliver_waiting()
    assert services.reminders.acknowledged == [second, first]


async def test_a_connection_lost_before_the_answer_delivers_again_rather_than_not_at_all(
    services: Services, mailbox: Mailbox, mailer: Deliveries, clock: FakeClock
) -> None:
    mailbox.hangs_up_after_data = True
    message_id = services.remind(to=TOWN_HALL)
    with pytest.raises(PostUnavailable):
        await mailer.reminders.deliver_waiting()
    assert services.reminders.acknowledged == []
    mailbox.hangs_up_after_data = False
    clock.advance(LEASE)
    await mailer.reminders.deliver_waiting()
    assert mailbox.ids == mail_ids(message_id, message_id)
    assert services.reminders.acknowledged == [message_id]


async def test_while_partners_is_away_warnings_wait(
    services: Services, mailbox: Mailbox, mailer: Deliveries, clock: FakeClock
) -> None:
    message_id = services.warn()
    services.habilitations.are_away = True
    with pytest.raises(DependencyUnavailable):
        await mailer.warnings.deliver_waiting()
    assert (mailbox.messages, services.warnings.acknowledged) == ([], [])
    services.habilitations.are_away = False
    clock.advance(LEASE)
    await mailer.warnings.deliver_waiting()
    assert services.warnings.acknowledged == [message_id]


async def test_while_one_outbox_is_away_the_other_is_drained(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    services.reminders.is_away = True
    message_id = services.warn()
    with pytest.raises(DependencyUnavailable):
        await mailer.reminders.deliver_waiting()
    await mailer.warnings.deliver_waiting()
    assert mailbox.ids == mail_ids(message_id)


@pytest.mark.parametrize(
    "warning",
    [
        {"is_known": False},
        {"state": habilitation_pb.HABILITATION_STATE_WITHDRAWN},
        {"state": habilitation_pb.HABILITATION_STATE_LAPSED},
        {"disable_date": date(2026, 11, 24)},
    ],
)
async def test_who_has_nothing_left_to_lose_is_not_written_to(
    services: Services, mailbox: Mailbox, mailer: Deliveries, warning: dict[str, object]
) -> None:
    message_id = services.warn(**warning)  # type: ignore[arg-type]  # one of the parameters above
    await mailer.warnings.deliver_waiting()
    assert mailbox.messages == []
    assert services.warnings.acknowledged == [message_id]


async def test_a_message_without_an_address_waits_for_one_and_keeps_nobody_waiting(
    services: Services, mailbox: Mailbox, open_mailer: OpenMailer, clock: FakeClock
) -> None:
    to_caisse = services.remind(audience=partners_pb.AUDIENCE_CAISSE)
    services.remind(to="")
    services.remind(to="accueil@montfaucelle.example\r\nBcc: tous@ailleurs.example")
    good = services.remind(to=OTHER)
    async with open_mailer(mailbox.port, caisse_address=None) as mailer:
        await mailer.reminders.deliver_waiting()
    assert mailbox.ids == mail_ids(good)
    assert mailbox.messages[0]["Reply-To"] is None
    assert "personne ne lit les réponses" in " ".join(mailbox.messages[0].get_content().split())
    clock.advance(LEASE)
    async with open_mailer(mailbox.port) as mailer:
        await mailer.reminders.deliver_waiting()
    assert services.reminders.acknowledged == [good, to_caisse]


@pytest.mark.parametrize(
    "unknown",
    [{"kind": 99}, {"kind": deadline_pb.DEADLINE_KIND_UNSPECIFIED}, {"audience": 99}, {"audience": 0}],
)
async def test_a_message_of_a_later_release_stays_and_keeps_nobody_waiting(
    services: Services, mailbox: Mailbox, mailer: Deliveries, unknown: dict[str, int]
) -> None:
    services.remind(to=TOWN_HALL, **unknown)  # type: ignore[arg-type]  # one of the parameters above
    good = services.remind(to=OTHER)
    await mailer.reminders.deliver_waiting()
    assert mailbox.ids == mail_ids(good)
    assert services.reminders.acknowledged == [good]


async def test_a_warning_of_a_later_release_stays(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    services.warn()
    services.warnings.waiting[0].ClearField("dormancy_warning")
    await mailer.warnings.deliver_waiting()
    assert (mailbox.messages, services.warnings.acknowledged) == ([], [])


@pytest.mark.parametrize("kind", deadline_pb.DeadlineKind.values()[1:])
@pytest.mark.parametrize("audience", partners_pb.Audience.values()[1:])
async def test_every_reminder_of_the_contract_is_delivered(
    services: Services, mailbox: Mailbox, mailer: Deliveries, kind: int, audience: int
) -> None:
    message_id = services.remind(kind=kind, audience=audience, to=TOWN_HALL)
    await mailer.reminders.deliver_waiting()
    assert services.reminders.acknowledged == [message_id]
    assert mailbox.messages[0]["To"] == (TOWN_HALL if audience == partners_pb.AUDIENCE_PARTNER else CAISSE)


async def test_a_forged_denomination_forges_no_header_on_the_wire(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    services.remind(
        audience=partners_pb.AUDIENCE_CAISSE,
        denomination="Mairie\r\nBcc: tous@ailleurs.example\r\n\r\n.\r\nQUIT",
    )
    await mailer.reminders.deliver_waiting()
    (message,) = mailbox.messages
    assert mailbox.envelopes == [("qf@msa.example", [CAISSE])]
    assert message["Bcc"] is None
    assert "Mairie Bcc: tous@ailleurs.example . QUIT" in " ".join(message.get_content().split())


async def test_nothing_confidential_is_logged_whatever_happens(
    services: Services, mailbox: Mailbox, mailer: Deliveries
) -> None:
    services.warn(email="odile@montfaucelle.example")
    services.warn(email="perdue@montfaucelle.example")
    services.warn(email="pleine@montfaucelle.example")
    services.warn(email="coupure@montfaucelle.example")
    mailbox.answers = {
        "perdue@montfaucelle.example": "550 5.1.1 <perdue@montfaucelle.example> Zwetschgenkuchen",
        "pleine@montfaucelle.example": "452 <pleine@montfaucelle.example> Zwetschgenkuchen",
        "coupure@montfaucelle.example": "421 <coupure@montfaucelle.example> Zwetschgenkuchen",
    }
    with capture_logs() as logs, pytest.raises(PostUnavailable) as raised:
        await mailer.warnings.deliver_waiting()
    assert {"message_delivered", "recipient_refused", "message_put_off", "smtp_unavailable"} == {
        line["event"] for line in logs
    }
    for confidential in ("montfaucelle", "Zwetschgenkuchen", "Odile"):
        assert confidential not in f"{logs} {raised.value!r}"
