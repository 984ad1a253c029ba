"""Conventions against fakes: each fact goes out as typed, on what was read; what follows is said before and after."""

import json
from pathlib import Path
from typing import Any

import pytest

from msa.partners.v1 import convention_service_pb2 as pb
from tests.integration.cli.fakes import Fakes
from tests.integration.cli.records import convention, day

CONVENTION = ("convention",)
LETTER = ("--letter", "1A20457812345")
# Code of SHA-256 of "abc".
DIGEST = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def known(fakes: Fakes) -> Fakes:
    """Fakes that know one convention and take every fact."""
    fakes.script.replies |= {
        "GetConvention": lambda _: pb.GetConventionResponse(convention=convention()),
        "RecordFact": lambda _: pb.RecordFactResponse(convention=convention(), fact_id="fac-1"),
        "AnnulFact": lambda _: pb.AnnulFactResponse(convention=convention()),
        "EndConvention": lambda _: pb.EndConventionResponse(
            convention=convention(end_date=day("2027-06-01"))
        ),
        "RecordCnilDeclaration": lambda _: pb.RecordCnilDeclarationResponse(convention=convention()),
    }
    return fakes


FACTS: list[tuple[str, pb.ConventionFact]] = [
    (
        "sign con-1 --by partner --date 2026-05-28",
        pb.ConventionFact(signature=pb.Signature(party=pb.PARTY_PARTNER, signature_date=day("2026-05-28"))),
    ),
    (
        "denounce con-1 --by partner --received 2027-02-10 --letter 1A204 --yes",
        pb.ConventionFact(
            denunciation=pb.Denunciation(
                party=pb.PARTY_PARTNER, receipt_date=day("2027-02-10"), letter_reference="1A204"
            )
        ),
    ),
    (
        "formal-notice con-1 --by caisse --received 2027-02-10 --letter 1A204 --yes",
        pb.ConventionFact(
            formal_notice=pb.FormalNotice(
                party=pb.PARTY_CAISSE, receipt_date=day("2027-02-10"), letter_reference="1A204"
            )
        ),
    ),
    (
        "cure con-1 --notice fac-9 --date 2027-03-01",
        pb.ConventionFact(cure=pb.Cure(formal_notice_id="fac-9", cure_date=day("2027-03-01"))),
    ),
    (
        "force-majeure notify con-1 --by caisse --date 2027-02-10",
        pb.ConventionFact(
            force_majeure_notification=pb.ForceMajeureNotification(
                party=pb.PARTY_CAISSE, notification_date=day("2027-02-10")
            )
        ),
    ),
    (
        "force-majeure over con-1 --date 2027-02-25",
        pb.ConventionFact(force_majeure_end=pb.ForceMajeureEnd(over_date=day("2027-02-25"))),
    ),
    (
        "force-majeure terminate con-1 --by partner --date 2027-03-13 --yes",
        pb.ConventionFact(
            force_majeure_termination=pb.ForceMajeureTermination(
                party=pb.PARTY_PARTNER, termination_date=day("2027-03-13")
            )
        ),
    ),
    (
        "amend con-1 --number 1 --subject meals --caisse-signed 2027-01-04 --partner-signed 2027-01-11",
        pb.ConventionFact(
            amendment=pb.Amendment(
                number=1,
                subject="meals",
                caisse_signature_date=day("2027-01-04"),
                partner_signature_date=day("2027-01-11"),
            )
        ),
    ),
    (
        "annex con-1 --annex 2 --version 3 --effective 2027-03-01",
        pb.ConventionFact(
            annex_version=pb.AnnexVersion(annex=2, version=3, effective_date=day("2027-03-01"))
        ),
    ),
    (
        "provider declare con-1 --denomination Logiciels --since 2027-01-04",
        pb.ConventionFact(
            provider_declaration=pb.ProviderDeclaration(
                provider_name="Logiciels", since_date=day("2027-01-04")
            )
        ),
    ),
    (
        "provider undertaking con-1 pro-1 --received 2027-01-20 --reference GED-7",
        pb.ConventionFact(
            provider_undertaking=pb.ProviderUndertaking(
                provider_id="pro-1", receipt_date=day("2027-01-20"), reference="GED-7"
            )
        ),
    ),
    (
        "provider left con-1 pro-1 --date 2027-06-30",
        pb.ConventionFact(
            provider_departure=pb.ProviderDeparture(provider_id="pro-1", departure_date=day("2027-06-30"))
        ),
    ),
    (
        "attest con-1 --kind destruction --received 2027-07-02 --reference GED-8",
        pb.ConventionFact(
            attestation=pb.Attestation(
                kind=pb.ATTESTATION_KIND_DESTRUCTION, receipt_date=day("2027-07-02"), reference="GED-8"
            )
        ),
    ),
]


@pytest.mark.parametrize(("typed", "fact"), FACTS)
def test_a_fact_is_recorded_as_typed_on_what_was_read(
    known: Fakes, typed: str, fact: pb.ConventionFact
) -> None:
    told = known.json(*CONVENTION, *typed.split(), "--reason", "as told")
    assert known.changes() == [
        pb.RecordFactRequest(convention_id="con-1", fact=fact, reason="as told", etag="convention-4")
    ]
    assert (told["fact_id"], told["state"]) == ("fac-1", "IN_FORCE")


def test_every_kind_of_fact_has_its_command() -> None:
    kinds = {field.name for field in pb.ConventionFact.DESCRIPTOR.oneofs_by_name["fact"].fields}
    recorded_otherwise = {"cnil_declaration", "agreed_end", "annulment"}
    assert {fact.WhichOneof("fact") for _, fact in FACTS} == kinds - recorded_otherwise


@pytest.mark.parametrize(
    ("typed", "request_"),
    [
        (
            "declare-cnil con-1 --date 2026-05-20",
            pb.RecordCnilDeclarationRequest(
                convention_id="con-1", cnil_declaration_date=day("2026-05-20"), etag="convention-4"
            ),
        ),
        (
            "end con-1 --date 2027-06-01 --reason agreed --yes",
            pb.EndConventionRequest(
                convention_id="con-1", end_date=day("2027-06-01"), end_reason="agreed", etag="convention-4"
            ),
        ),
        (
            "annul con-1 fac-9 --reason mistaken --yes",
            pb.AnnulFactRequest(
                convention_id="con-1", fact_id="fac-9", reason="mistaken", etag="convention-4"
            ),
        ),
    ],
)
def test_what_is_no_fact_of_its_own_rests_on_what_was_read_too(
    known: Fakes, typed: str, request_: Any
) -> None:
    assert known.qf(*CONVENTION, *typed.split()).exit_code == 0
    assert known.changes() == [request_]


@pytest.mark.parametrize("typed", ["amend con-1 --number 1 --subject meals", "annex con-1 --annex 1"])
def test_the_digest_of_a_document_goes_on_record(known: Fakes, tmp_path: Path, typed: str) -> None:
    scan = tmp_path / "document.pdf"
    scan.write_bytes(b"abc")
    more = {
        "amend": ("--caisse-signed", "today", "--partner-signed", "today"),
        "annex": ("--version", "2", "--effective", "today"),
    }[typed.split(maxsplit=1)[0]]
    assert known.qf(*CONVENTION, *typed.split(), *more, "--scan", str(scan)).exit_code == 0
    (sent,) = known.changes()
    assert DIGEST in (sent.fact.amendment.scan_sha256, sent.fact.annex_version.scan_sha256)


def test_no_avenant_is_recorded_without_the_scan_that_is_named_art_2(known: Fakes, tmp_path: Path) -> None:
    """A fact is never altered: the digest could not follow."""
    result = known.qf(
        *(*CONVENTION, "amend", "con-1", "--number", "1", "--subject", "meals"),
        *("--caisse-signed", "today", "--partner-signed", "today", "--scan", str(tmp_path / "missing.pdf")),
    )
    assert result.exit_code == 2
    assert "Nothing was recorded" in result.stderr
    assert known.changes() == []


def asked(known: Fakes, *typed: str) -> str:
    """What is asked before anything is done."""
    result = known.qf(*CONVENTION, *typed)
    assert result.exit_code == 2
    assert known.changes() == []
    return " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("received", "words"),
    [
        ("2027-03-01", "it is in time for the term of 2027-06-01: the convention ends then (art. 9-2)"),
        ("2027-03-02", "it is too late for the term of 2027-06-01, for which 2027-03-01 was the last day"),
        ("2027-02-28T23:59", "Received on 2027-02-28, it is in time"),
        ("2027-03-01T23:30Z", "Received on 2027-03-02, it is too late"),
    ],
)
def test_a_denunciation_says_first_what_it_brings_art_9_2(known: Fakes, received: str, words: str) -> None:
    assert words in asked(known, "denounce", "con-1", "--by", "partner", "--received", received)


def test_a_denunciation_of_an_earlier_term_leaves_it_to_the_service(known: Fakes) -> None:
    told = asked(known, "denounce", "con-1", "--by", "caisse", "--received", "2025-03-01")
    assert told.startswith("qf: Record the denunciation by the caisse?")


def test_a_formal_notice_says_first_what_it_brings_art_9_2(known: Fakes) -> None:
    told = asked(known, "formal-notice", "con-1", "--by", "caisse", "--received", "2027-02-10")
    assert "Unless the breach is cured before 2027-03-12, the convention ends on that day (art. 9-2)." in told


def test_a_formal_notice_says_how_its_cure_is_recorded(known: Fakes) -> None:
    result = known.qf(
        *CONVENTION, *["formal-notice", "con-1", "--by", "caisse", "--received", "today", "--yes"]
    )
    assert "qf convention cure con-1 --notice fac-1 --date DAY" in result.stderr


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": pb.CONVENTION_STATE_DRAFT}, "A draft, without effect until both have signed"),
        (
            {"state": pb.CONVENTION_STATE_PENDING, "cnil_declaration_date": None},
            "qf convention declare-cnil con-1 --date DAY",
        ),
        ({"state": pb.CONVENTION_STATE_PENDING}, "it takes effect on the later of"),
        ({}, "In force; it renews itself on 2027-06-01 (art. 9-1)."),
        ({"end_date": day("2027-06-01")}, "2027-06-01 is the first day without effect"),
        (
            {
                "state": pb.CONVENTION_STATE_ENDED,
                "end_date": day("2026-09-01"),
                "secrecy_end_date": day("2031-09-01"),
            },
            "Over since 2026-09-01; secrecy until 2031-09-01 (art. 6-1).",
        ),
        (
            {"state": pb.CONVENTION_STATE_ENDED, "end_date": day("2026-09-01"), "signature_date": None},
            "Over since 2026-09-01.",
        ),
    ],
)
def test_afterwards_it_says_where_the_convention_stands(
    known: Fakes, changes: dict[str, Any], words: str
) -> None:
    changed = convention(**changes)
    known.script.replies["RecordFact"] = lambda _: pb.RecordFactResponse(convention=changed)
    result = known.qf(*CONVENTION, *["sign", "con-1", "--by", "partner", "--date", "today"])
    assert words in result.stderr


def test_a_convention_is_drafted_or_registered_signed(known: Fakes) -> None:
    draft = convention(state=pb.CONVENTION_STATE_DRAFT, signature_date=None)
    known.script.replies |= {
        "DraftConvention": lambda _: pb.DraftConventionResponse(convention=draft),
        "RegisterConvention": lambda _: pb.RegisterConventionResponse(convention=convention()),
    }
    whose = ("--partner", "par-1", "--caisse", "21")
    assert "qf convention sign con-1" in known.qf(*CONVENTION, "draft", *whose).stderr
    signed = ("--signed", "2026-06-01", "--cnil-declared", "2026-05-20")
    assert known.qf(*CONVENTION, "register", *whose, *signed).exit_code == 0
    assert known.script.requests == [
        pb.DraftConventionRequest(partner_id="par-1", caisse_code="21"),
        pb.RegisterConventionRequest(
            partner_id="par-1",
            caisse_code="21",
            signature_date=day("2026-06-01"),
            cnil_declaration_date=day("2026-05-20"),
        ),
    ]


def test_conventions_are_listed_of_a_caisse_or_of_a_partner(fakes: Fakes) -> None:
    fakes.script.replies["ListConventions"] = lambda _: pb.ListConventionsResponse(conventions=[convention()])
    result = fakes.qf(*CONVENTION, "list", "--caisse", "21", "--partner", "par-1")
    assert all(words in result.stdout for words in ("con-1", "IN_FORCE", "2027-06-01"))
    assert fakes.script.requests == [
        pb.ListConventionsRequest(caisse_code="21", partner_id="par-1", page_size=50)
    ]


FULL = convention(
    facts=[
        pb.ConventionFact(
            fact_id="fac-1",
            denunciation=pb.Denunciation(party=pb.PARTY_PARTNER, receipt_date=day("2026-09-10")),
        ),
        pb.ConventionFact(fact_id="fac-2", annulment=pb.Annulment(annulled_fact_id="fac-1")),
    ],
    timeline=[
        pb.TimelineEntry(day=day("2026-06-01"), event=pb.TIMELINE_EVENT_EFFECT, tense=pb.TIMELINE_TENSE_PAST),
        pb.TimelineEntry(day=day("2026-11-24"), event=pb.TIMELINE_EVENT_TODAY, tense=pb.TIMELINE_TENSE_TODAY),
        pb.TimelineEntry(
            day=day("2027-06-01"), event=pb.TIMELINE_EVENT_RENEWAL, tense=pb.TIMELINE_TENSE_FUTURE
        ),
    ],
    missing_undertakings=[
        pb.Provider(provider_id="pro-1", provider_name="Logiciels", since_date=day("2026-07-01"))
    ],
    attestation_due=True,
)


def test_a_convention_is_shown_with_its_facts_its_life_and_what_is_due(known: Fakes) -> None:
    known.script.replies["GetConvention"] = lambda _: pb.GetConventionResponse(convention=FULL)
    result = known.qf(*CONVENTION, "show", "con-1")
    assert result.exit_code == 0, result.output
    for told in (
        "denunciation by the partner (annulled)",
        "Logiciels",
        "Took effect (art. 9-1)",
        "TODAY",
        "in 189 days",
    ):
        assert told in result.stdout
    assert "qf convention attest con-1 --kind KIND --received DAY" in result.stderr
    assert "qf convention provider undertaking con-1 PROVIDER --received DAY" in result.stderr


def test_a_convention_is_one_json_document_with_every_field(known: Fakes) -> None:
    known.script.replies["GetConvention"] = lambda _: pb.GetConventionResponse(convention=FULL)
    result = known.qf(*CONVENTION, "show", "con-1", "--json")
    shown = json.loads(result.stdout)
    assert result.stderr == ""
    assert [(fact["fact"], fact["annulled"]) for fact in shown["facts"]] == [
        ("denunciation", True),
        ("annulment", False),
    ]
    assert shown["facts"][0]["receipt_date"] == "2026-09-10"
    assert shown["missing_undertakings"][0]["provider_id"] == "pro-1"
    assert [entry["event"] for entry in shown["timeline"]] == ["EFFECT", "TODAY", "RENEWAL"]
