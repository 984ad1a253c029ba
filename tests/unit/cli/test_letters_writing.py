"""Letters as files: of what is on record, for their owner alone, never over another file unless asked."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cli.application import Qf
from cli.commands import letter as commands
from cli.connection import LettersSettings, load_settings
from cli.errors import CommandFailed, UsageFailed
from cli.letters import records, writing
from cli.letters.translation import NothingToTell
from msa.partners.v1 import convention_service_pb2 as convention_pb
from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as partner_pb
from services.kit.messages import to_date
from services.kit.redaction import Password
from tests.unit.cli import letter_fakes as fakes
from tests.unit.cli import letter_samples as samples
from tests.unit.cli.letter_samples import LOGIN, PASSWORD, RECORD_ID, text_in

EXPIRES = samples.PASSWORD_LETTER.expire_date
GET_PARTNER, GET_HABILITATION = partner_pb.GetPartnerRequest, habilitation_pb.GetHabilitationRequest


@pytest.fixture(autouse=True)
def _on_the_day_of_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "today", lambda: samples.WRITTEN)


@pytest.fixture
def qf() -> Iterator[Qf]:
    with fakes.fake_qf() as faked:
        yield faked


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[records.Letter]:
    """The letters that are set, in place of their bytes."""
    seen: list[records.Letter] = []

    def note(letter: records.Letter) -> bytes:
        seen.append(letter)
        return b"%PDF"

    monkeypatch.setattr(writing, "render", note)
    return seen


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "letter.pdf"


Command = Callable[[Qf, Path], None]
COMMANDS: dict[str, tuple[Command, records.Letter]] = {
    "habilitation": (lambda qf, out: commands.habilitation(qf, RECORD_ID, out), samples.HABILITATION),
    "convention": (lambda qf, out: commands.convention(qf, RECORD_ID, out), samples.CONVENTION),
    "denunciation": (lambda qf, out: commands.denunciation(qf, RECORD_ID, out), samples.DENUNCIATION),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_writes_the_letter_of_the_record(
    name: str, qf: Qf, out: Path, written: list[records.Letter], capsys: pytest.CaptureFixture[str]
) -> None:
    command, letter = COMMANDS[name]
    command(qf, out)
    assert written == [letter]
    assert json.loads(capsys.readouterr().out) == {"letter": name, "file": str(out)}


def test_the_suspension_of_a_partner_is_written_of_the_record(
    out: Path, written: list[records.Letter]
) -> None:
    suspended = fakes.partner()
    suspended.suspension.CopyFrom(fakes.suspension(habilitation_pb.SUSPENSION_KIND_TEMPORARY))
    suspended.suspension.until_date.CopyFrom(to_date(date(2027, 4, 1)))
    with fakes.fake_qf({GET_PARTNER: partner_pb.GetPartnerResponse(partner=suspended)}) as qf:
        commands.suspension(qf, out, partner=RECORD_ID)
    assert written == [samples.SUSPENSION]


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        (habilitation_pb.SUSPENSION_KIND_DEFINITIVE, records.SuspensionEnd.NEVER),
        (habilitation_pb.SUSPENSION_KIND_TEMPORARY, records.SuspensionEnd.WHEN_LIFTED),
    ],
)
def test_the_suspension_of_a_user_is_written_to_his_partner(
    kind: habilitation_pb.SuspensionKind.ValueType,
    ends: records.SuspensionEnd,
    out: Path,
    written: list[records.Letter],
) -> None:
    suspended = fakes.habilitation()
    suspended.suspension.CopyFrom(fakes.suspension(kind))
    reply = habilitation_pb.GetHabilitationResponse(habilitation=suspended)
    with fakes.fake_qf({GET_HABILITATION: reply}) as qf:
        commands.suspension(qf, out, habilitation=RECORD_ID)
    assert written == [replace(samples.USER_SUSPENSION, ends=ends)]


@pytest.mark.parametrize("whose", [None, RECORD_ID])
def test_it_must_be_certain_who_is_suspended(whose: str | None, qf: Qf, out: Path) -> None:
    with pytest.raises(UsageFailed):
        commands.suspension(qf, out, whose, whose)
    assert not out.exists()


def test_who_is_not_suspended_is_not_told_that_he_is(qf: Qf, out: Path) -> None:
    with pytest.raises(NothingToTell):
        commands.suspension(qf, out, partner=RECORD_ID)
    with pytest.raises(NothingToTell):
        commands.suspension(qf, out, habilitation=RECORD_ID)
    assert not out.exists()


def test_a_habilitation_that_has_ended_is_not_notified(out: Path) -> None:
    ended = fakes.habilitation()
    ended.state = habilitation_pb.HABILITATION_STATE_WITHDRAWN
    reply = habilitation_pb.GetHabilitationResponse(habilitation=ended)
    with fakes.fake_qf({GET_HABILITATION: reply}) as qf, pytest.raises(NothingToTell):
        commands.habilitation(qf, RECORD_ID, out)
    assert not out.exists()


@pytest.mark.parametrize(
    "state", [convention_pb.CONVENTION_STATE_PENDING, convention_pb.CONVENTION_STATE_ENDED]
)
def test_nobody_is_notified_under_a_convention_that_is_not_in_force(
    out: Path, state: convention_pb.ConventionState.ValueType
) -> None:
    """Art. 9-1, 9-2: the letter would say that he may consult."""
    convention = fakes.convention()
    convention.state = state
    reply = convention_pb.GetConventionResponse(convention=convention)
    with (
        fakes.fake_qf({convention_pb.GetConventionRequest: reply}) as qf,
        pytest.raises(NothingToTell),
    ):
        commands.habilitation(qf, RECORD_ID, out)
    assert not out.exists()


def test_the_password_letter_does_not_hold_the_login(qf: Qf, tmp_path: Path) -> None:
    notification, sealed = tmp_path / "habilitation.pdf", tmp_path / "password.pdf"
    writing.write_habilitation_letter(qf, fakes.habilitation(), LOGIN, notification)
    writing.write_password_letter(qf, fakes.habilitation(), Password(PASSWORD), EXPIRES, sealed)
    texts = [text_in(path.read_bytes()) for path in (notification, sealed)]
    assert [LOGIN in text for text in texts] == [True, False]
    assert [PASSWORD in text for text in texts] == [False, True]


def test_the_sealed_letter_is_that_of_the_record(qf: Qf, out: Path, written: list[records.Letter]) -> None:
    writing.write_password_letter(qf, fakes.habilitation(), Password(PASSWORD), EXPIRES, out)
    assert written == [samples.PASSWORD_LETTER]


def test_a_rehearsal_sets_the_sealed_letter_and_writes_nothing(
    qf: Qf, out: Path, written: list[records.Letter]
) -> None:
    writing.rehearse_password_letter(qf, fakes.habilitation(), out)
    assert len(written) == 1
    assert not out.exists()


def test_a_rehearsal_finds_what_would_lose_the_password(qf: Qf, out: Path) -> None:
    nameless = fakes.habilitation()
    nameless.user.nom = "漢字"
    with pytest.raises(CommandFailed, match="sign that its fonts lack"):
        writing.rehearse_password_letter(qf, nameless, out)
    with pytest.raises(UsageFailed, match="Cannot write"):
        writing.rehearse_password_letter(qf, fakes.habilitation(), out / "missing" / "letter.pdf")
    out.touch()
    with pytest.raises(UsageFailed, match="is there already"):
        writing.rehearse_password_letter(qf, fakes.habilitation(), out)
    writing.rehearse_password_letter(qf, fakes.habilitation(), out, overwrite=True)


@pytest.mark.usefixtures("written")
def test_a_letter_is_its_owner_s_alone(out: Path) -> None:
    writing.write(samples.CONVENTION, out)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_bytes() == b"%PDF"


@pytest.mark.usefixtures("written")
def test_a_file_that_is_there_is_kept(out: Path) -> None:
    out.write_bytes(b"another")
    with pytest.raises(UsageFailed, match="is there already"):
        writing.write(samples.CONVENTION, out)
    assert out.read_bytes() == b"another"


@pytest.mark.usefixtures("written")
def test_a_file_that_is_overwritten_is_its_owner_s_alone_too(out: Path) -> None:
    out.write_bytes(b"another")
    out.chmod(0o644)
    writing.write(samples.CONVENTION, out, overwrite=True)
    assert out.read_bytes() == b"%PDF"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.usefixtures("written")
def test_a_folder_that_is_not_there_is_told(out: Path) -> None:
    with pytest.raises(UsageFailed, match="Cannot write"):
        writing.write(samples.CONVENTION, out / "missing" / "letter.pdf")


@pytest.mark.usefixtures("written")
def test_a_disk_that_is_full_leaves_no_half_of_a_letter(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(UsageFailed, match="Cannot write"):
        writing.write(samples.CONVENTION, out)
    assert not out.exists()


def test_an_unprintable_name_is_refused_and_not_repeated(out: Path) -> None:
    letter = replace(samples.HABILITATION, user=records.LetterUser("漢字", "Jean"))
    with pytest.raises(CommandFailed) as failed:
        writing.write(letter, out)
    assert "漢" not in f"{failed.value.message}{failed.value.remedy}"
    assert not out.exists()


def test_a_caisse_without_settings_has_dotted_lines(out: Path, written: list[records.Letter]) -> None:
    with fakes.fake_qf(settings={"20": LettersSettings(city="Bastia")}) as qf:
        commands.convention(qf, RECORD_ID, out)
    assert written == [replace(samples.CONVENTION, caisse=samples.BARE_CAISSE)]


def test_a_partner_without_seat_has_dotted_lines(out: Path, written: list[records.Letter]) -> None:
    bare = fakes.partner()
    bare.ClearField("seat")
    bare.ClearField("profile")
    with fakes.fake_qf({GET_PARTNER: partner_pb.GetPartnerResponse(partner=bare)}) as qf:
        commands.convention(qf, RECORD_ID, out)
    assert written == [replace(samples.CONVENTION, partner=samples.BARE_PARTNER)]


def test_the_configuration_says_what_the_letters_of_a_caisse_say_of_it(tmp_path: Path) -> None:
    services = "".join(
        f'[services.{name}]\naddress = "127.0.0.1:1"\nserver_name = "{name}.qf.internal"\n'
        for name in ("identity", "partners", "quotient")
    )
    path = tmp_path / "qf.toml"
    path.write_text(
        f"""
        [tls]
        certificate_file = "qf.pem"
        private_key_file = "qf.key"
        ca_file = "ca.pem"
        {services}
        [letters.21]
        address = ["12 rue des Trois Fontaines", "21997 VALBRUNE CEDEX"]
        city = "Valbrune"
        director_name = "Bérengère Falbrusse"
        director_function = "Directrice générale"
        contact = "03 00 00 00 00, partenaires@msa.example"
        """,
        encoding="utf-8",
    )
    assert load_settings(path).letters == fakes.SETTINGS
