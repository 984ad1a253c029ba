"""Partners against fakes: what is sent of them, what an update leaves alone, and how they are suspended."""

from pathlib import Path
from typing import Any

import pytest

from msa.partners.v1 import habilitation_service_pb2 as habilitation_pb
from msa.partners.v1 import partner_service_pb2 as pb
from services.kit.errors import RecordChanged
from tests.integration.cli.fakes import Fakes, refuse
from tests.integration.cli.records import PARTNER, as_json, day

REGISTER = ("partner", "register", "--caisse", "21", "--numero-tiers", "T-0042", "--denomination", "Mairie")


@pytest.fixture
def known(fakes: Fakes) -> Fakes:
    """Fakes that know one partner and let it be changed."""
    fakes.script.replies |= {
        "GetPartner": lambda _: pb.GetPartnerResponse(partner=PARTNER),
        "UpdatePartner": lambda _: pb.UpdatePartnerResponse(partner=PARTNER),
        "ChangeSeat": lambda _: pb.ChangeSeatResponse(partner=PARTNER),
        "SuspendPartner": lambda _: pb.SuspendPartnerResponse(partner=PARTNER),
        "LiftSuspension": lambda _: pb.LiftSuspensionResponse(partner=PARTNER),
        "RegisterPartner": lambda _: pb.RegisterPartnerResponse(partner=PARTNER),
    }
    return fakes


def test_number_and_denomination_are_enough_to_register(known: Fakes) -> None:
    assert known.qf(*REGISTER).exit_code == 0
    assert known.script.requests == [
        pb.RegisterPartnerRequest(
            caisse_code="21", numero_tiers="T-0042", denomination="Mairie", profile=pb.PartnerProfile()
        )
    ]


def test_all_that_is_known_of_a_partner_is_registered_and_no_person_is_an_argument(
    known: Fakes, tmp_path: Path
) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text(as_json({"representative": "Baptiste ORVEILLAC", "email": "maire@valbrune.example"}))
    result = known.qf(
        *REGISTER,
        *("--kind", "centre-de-loisirs", "--department", "21", "--department", "71"),
        *("--siret", "21999900000017", "--representative-function", "Maire", "--profile-file", str(profile)),
        *("--street", "1 place du Puits", "--postal-code", "21997", "--commune", "Valbrune"),
        *("--reason", "first contact"),
    )
    assert result.exit_code == 0, result.output
    assert "Next: qf convention draft --partner par-1 --caisse 21" in result.stderr
    assert known.script.requests == [
        pb.RegisterPartnerRequest(
            caisse_code="21",
            numero_tiers="T-0042",
            denomination="Mairie",
            profile=pb.PartnerProfile(
                representative="Baptiste ORVEILLAC",
                representative_function="Maire",
                structure_kind=pb.STRUCTURE_KIND_CENTRE_DE_LOISIRS,
                departments=["21", "71"],
                siret="21999900000017",
                email="maire@valbrune.example",
            ),
            seat=pb.Seat(street="1 place du Puits", postal_code="21997", commune="Valbrune"),
            reason="first contact",
        )
    ]


def test_an_update_changes_what_is_given_and_rests_on_what_was_read(known: Fakes) -> None:
    assert known.qf("partner", "update", "par-1", "--siret", "21999900000017").exit_code == 0
    profile = pb.PartnerProfile()
    profile.CopyFrom(PARTNER.profile)
    profile.siret = "21999900000017"
    assert known.changes() == [
        pb.UpdatePartnerRequest(
            partner_id="par-1", denomination="Mairie de Valbrune", profile=profile, etag="partner-7"
        )
    ]


def test_an_empty_text_empties_a_field_and_departments_are_replaced(known: Fakes) -> None:
    given = ("--representative-function", "", "--department", "89", "--kind", "ccas")
    assert known.qf("partner", "update", "par-1", *given).exit_code == 0
    (sent,) = known.changes()
    assert sent.profile == pb.PartnerProfile(
        representative="Baptiste ORVEILLAC", structure_kind=pb.STRUCTURE_KIND_CCAS, departments=["89"]
    )


def test_an_update_with_nothing_to_change_is_refused(known: Fakes) -> None:
    result = known.qf("partner", "update", "par-1", "--reason", "why not")
    assert result.exit_code == 2
    assert known.script.requests == []


def test_what_somebody_else_changed_is_not_overwritten(known: Fakes) -> None:
    known.script.replies["UpdatePartner"] = refuse(RecordChanged())
    result = known.qf("partner", "update", "par-1", "--denomination", "Ville de Valbrune")
    assert result.exit_code == 1
    assert "show it again and decide anew" in result.stderr


def test_a_new_seat_is_told_by_registered_letter_art_13_7(known: Fakes) -> None:
    result = known.qf(
        *("partner", "move", "par-1", "--street", "3 rue Neuve", "--postal-code", "21996"),
        *("--commune", "Montfaucelle", "--letter-received", "2027-03-02"),
    )
    assert result.exit_code == 0, result.output
    assert known.changes() == [
        pb.ChangeSeatRequest(
            partner_id="par-1",
            seat=pb.Seat(street="3 rue Neuve", postal_code="21996", commune="Montfaucelle"),
            letter_receipt_date=day("2027-03-02"),
            etag="partner-7",
        )
    ]


def test_the_first_seat_is_told_without_a_letter(known: Fakes) -> None:
    result = known.qf(
        *("partner", "move", "par-1", "--street", "1 place du Puits", "--postal-code", "21997"),
        *("--commune", "Valbrune"),
    )
    assert result.exit_code == 0, result.output
    (sent,) = known.changes()
    assert not sent.HasField("letter_receipt_date")


def test_partners_are_found_by_words(fakes: Fakes) -> None:
    fakes.script.replies["ListPartners"] = lambda _: pb.ListPartnersResponse()
    result = fakes.qf("partner", "list", "--caisse", "21", "--search", "mairie valbrune")
    assert "Caisse 21 has registered no such partner." in result.stdout
    assert fakes.script.requests == [
        pb.ListPartnersRequest(caisse_code="21", page_size=50, query="mairie valbrune")
    ]


@pytest.mark.parametrize(
    ("options", "kind", "until"),
    [
        ((), habilitation_pb.SUSPENSION_KIND_TEMPORARY, None),
        (("--until", "2027-03-15"), habilitation_pb.SUSPENSION_KIND_TEMPORARY, day("2027-03-15")),
        (("--definitive", "--yes"), habilitation_pb.SUSPENSION_KIND_DEFINITIVE, None),
    ],
)
def test_a_partner_is_suspended_as_asked_art_7_2(
    known: Fakes,
    options: tuple[str, ...],
    kind: habilitation_pb.SuspensionKind.ValueType,
    until: Any,
) -> None:
    result = known.qf("partner", "suspend", "par-1", "--reason", "misuse", *options)
    assert result.exit_code == 0, result.output
    assert "Access is refused already; identity is being told." in result.stderr
    assert known.script.requests == [
        pb.SuspendPartnerRequest(partner_id="par-1", suspension_reason="misuse", kind=kind, until_date=until)
    ]


def test_a_suspension_is_lifted_with_its_reason(known: Fakes) -> None:
    assert known.qf("partner", "lift", "par-1", "--reason", "explained").exit_code == 0
    assert known.script.requests == [pb.LiftSuspensionRequest(partner_id="par-1", reason="explained")]


def test_a_partner_is_shown_with_its_representative_and_what_suspends_it(fakes: Fakes) -> None:
    suspended = pb.Partner()
    suspended.CopyFrom(PARTNER)
    suspended.suspension.kind = habilitation_pb.SUSPENSION_KIND_DEFINITIVE
    fakes.script.replies["GetPartner"] = lambda _: pb.GetPartnerResponse(partner=suspended)
    shown = fakes.json("partner", "show", "par-1")
    assert (shown["representative"], shown["structure_kind"], shown["suspension_kind"]) == (
        "Baptiste ORVEILLAC",
        "COMMUNE",
        "DEFINITIVE",
    )
