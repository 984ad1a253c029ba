"""`qf dossiers import` against a fake: what is told, written, and left behind when the service goes away."""

import hashlib
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from google.rpc import code_pb2

from cli.publication import CHUNK_LINES, RESENT_LINES
from msa.quotient.v1 import dossier_service_pb2 as pb
from tests.integration.cli.fakes import Fakes, Refusal, Reply, foreign_status, published
from tests.unit.cli.lines import NIR, line


def all_created(request: pb.PublishDossiersRequest) -> pb.PublishDossiersResponse:
    return published([pb.PUBLICATION_OUTCOME_CREATED] * len(request.records))


def write(folder: Path, content: bytes) -> str:
    path = folder / "dossiers.ndjson"
    path.write_bytes(content)
    return str(path)


def test_good_lines_go_in_and_bad_ones_are_told(fakes: Fakes) -> None:
    fakes.script.replies["PublishDossiers"] = all_created
    bad = line(nir=NIR[:-2] + "00")
    refused = fakes.folder / "refused.ndjson"
    result = fakes.qf(
        "dossiers", "import", write(fakes.folder, line() + bad + b"\n" + line()), "--refused", str(refused)
    )
    assert result.exit_code == 3
    assert result.stderr.startswith("line 2: nir has a key that does not fit")
    assert "(NIR_KEY_MISMATCH)" in result.stderr
    assert [json.loads(told) for told in refused.read_text().splitlines()] == [
        {
            "line": 2,
            "field": "nir",
            "rule": "NIR_KEY_MISMATCH",
            "reason": "has a key that does not fit its 13 characters; check for a typing error",
        }
    ]
    assert NIR[:13] not in result.output + refused.read_text()
    (request,) = fakes.sent(pb.PublishDossiersRequest)
    assert len(request.records) == 2


def test_children_and_birth_dates_are_never_sent(fakes: Fakes) -> None:
    fakes.script.replies["PublishDossiers"] = all_created
    assert fakes.qf("dossiers", "import", "-", stdin=line()).exit_code == 0
    (request,) = fakes.sent(pb.PublishDossiersRequest)
    sent = request.SerializeToString()
    assert "LOÏC".encode() not in sent
    assert b"1985-07" not in sent
    assert b"VAUCLAIRON" in sent


def test_the_summary_is_one_json_document(fakes: Fakes) -> None:
    fakes.script.replies["PublishDossiers"] = lambda _: published(
        [pb.PUBLICATION_OUTCOME_CREATED, pb.PUBLICATION_OUTCOME_UPDATED, pb.PUBLICATION_OUTCOME_UNCHANGED]
    )
    result = fakes.qf("dossiers", "import", "-", "--json", stdin=line() * 3 + b"{}\n" * 30)
    summary = json.loads(result.stdout)
    assert result.exit_code == 3
    assert result.stderr == ""
    assert [summary[key] for key in ("created", "updated", "unchanged", "refused")] == [1, 1, 1, 30]
    assert (len(summary["refusals"]), summary["refusals_not_listed"]) == (20, 10)


def test_a_connection_lost_half_way_tells_what_is_in(fakes: Fakes) -> None:
    chunks = 0

    def breaks(request: pb.PublishDossiersRequest) -> pb.PublishDossiersResponse:
        nonlocal chunks
        chunks += 1
        if chunks == 3:
            raise Refusal(foreign_status(code_pb2.UNAVAILABLE, "Socket closed"))
        return all_created(request)

    fakes.script.replies["PublishDossiers"] = breaks
    result = fakes.qf("dossiers", "import", write(fakes.folder, line() * 5000))
    assert result.exit_code == 4
    assert "1000 lines are in, up to line 1000 of the file" in result.stderr
    assert "run the same command again" in result.stderr


def test_a_service_that_stops_half_way_tells_what_is_in(fakes: Fakes) -> None:
    def stops(request: pb.PublishDossiersRequest) -> Any:
        if len(fakes.sent(pb.PublishDossiersRequest)) == 2:
            threading.Thread(target=fakes.stop, args=("quotient",)).start()
            fakes.script.is_stopping.wait(2)
        return all_created(request)

    fakes.script.replies["PublishDossiers"] = stops
    result = fakes.qf("dossiers", "import", write(fakes.folder, line() * 5000))
    assert result.exit_code == 4
    assert "500 lines are in" in result.stderr


def test_a_silent_service_is_given_up(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.chunk_stream.ANSWER_TIMEOUT_SECONDS", 0.3)

    def silent(_: Any) -> pb.PublishDossiersResponse:
        fakes.script.is_stopping.wait(5)
        return published([])

    fakes.script.replies["PublishDossiers"] = silent
    result = fakes.qf("dossiers", "import", "-", stdin=line())
    assert result.exit_code == 4
    assert "did not answer in time" in result.stderr


def test_a_service_that_is_away_is_told(fakes: Fakes) -> None:
    fakes.stop("quotient")
    result = fakes.qf("dossiers", "import", "-", stdin=line())
    assert result.exit_code == 4
    assert "quotient is away" in result.stderr


@pytest.mark.parametrize("name", ["missing.ndjson", "."])
def test_a_file_that_cannot_be_read_is_told(fakes: Fakes, name: str) -> None:
    result = fakes.qf("dossiers", "import", str(fakes.folder / name))
    assert result.exit_code == 2
    assert "Cannot read" in result.stderr


def test_the_file_to_import_is_never_overwritten(fakes: Fakes) -> None:
    path = write(fakes.folder, line())
    result = fakes.qf("dossiers", "import", path, "--refused", path)
    assert result.exit_code == 2
    assert Path(path).read_bytes() == line()


def test_invented_people_go_straight_into_an_import(fakes: Fakes) -> None:
    fakes.script.replies["PublishDossiers"] = all_created
    data = fakes.qf("demo", "data", "--dossiers", "700", "--until", "2026-11").stdout
    result = fakes.qf("dossiers", "import", "-", "--json", stdin=data)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["created"] == len(data.splitlines()) > 700


def test_invented_data_overwrite_only_when_told_to(fakes: Fakes) -> None:
    out = fakes.folder / "demo.ndjson"
    arguments = ["demo", "data", "--dossiers", "2", "--months", "1", "--out", str(out)]
    assert fakes.qf(*arguments).exit_code == 0
    again = fakes.qf(*arguments)
    assert again.exit_code == 2
    assert "--force" in again.stderr
    assert fakes.qf(*arguments, "--force").exit_code == 0
    assert len(out.read_text().splitlines()) == 2
    assert list(fakes.folder.glob("*.partial")) == []


def breaking_after(chunks: int) -> Reply:
    answered = 0

    def answer(request: pb.PublishDossiersRequest) -> pb.PublishDossiersResponse:
        nonlocal answered
        answered += 1
        if answered > chunks:
            raise Refusal(foreign_status(code_pb2.UNAVAILABLE, "Socket closed"))
        return all_created(request)

    return answer


def test_the_same_command_goes_on_where_it_was_cut_and_counts_the_whole_file(fakes: Fakes) -> None:
    refused = fakes.folder / "refused.ndjson"
    content = b"{}\n" + line() * 5998 + b"{}\n" + line() * 4000
    command = ("dossiers", "import", write(fakes.folder, content), "--refused", str(refused), "--json")
    fakes.script.replies["PublishDossiers"] = breaking_after(14)
    assert fakes.qf(*command).exit_code == 4
    before = len(fakes.sent(pb.PublishDossiersRequest))
    fakes.script.replies["PublishDossiers"] = all_created
    result = fakes.qf(*command)
    summary = json.loads(result.stdout)
    assert (result.exit_code, summary["created"], summary["refused"]) == (3, 9998, 2)
    assert [each["line"] for each in summary["refusals"]] == [6000]
    assert [json.loads(told)["line"] for told in refused.read_text().splitlines()] == [1, 6000]
    resent = [request.last_line for request in fakes.sent(pb.PublishDossiersRequest)[before:]]
    assert (resent[0], resent[-1]) == (7000 - RESENT_LINES + CHUNK_LINES, 10_000)


def test_who_goes_on_is_told_where(fakes: Fakes) -> None:
    command = ("dossiers", "import", write(fakes.folder, line() * 2000))
    fakes.script.replies["PublishDossiers"] = breaking_after(2)
    fakes.qf(*command)
    fakes.script.replies["PublishDossiers"] = all_created
    assert "Going on behind line 1,000" in fakes.qf(*command).stderr


def test_a_report_that_is_not_ours_is_written_anew(fakes: Fakes) -> None:
    refused = fakes.folder / "refused.ndjson"
    refused.write_text("something else\n{}\n[1]\n")
    fakes.script.replies["PublishDossiers"] = breaking_after(1)
    command = ("dossiers", "import", write(fakes.folder, line() * 9000), "--refused", str(refused))
    assert fakes.qf(*command).exit_code == 4
    assert fakes.qf(*command).exit_code == 4
    assert refused.read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "kind", "reference"),
    [
        ([], pb.PUBLICATION_KIND_REGULAR, ""),
        (["--rectification", "RAR 2026-17"], pb.PUBLICATION_KIND_RECTIFICATION, "RAR 2026-17"),
    ],
)
def test_a_publication_says_why_and_of_which_file_it_is(
    fakes: Fakes, arguments: list[str], kind: int, reference: str
) -> None:
    fakes.script.replies["PublishDossiers"] = all_created
    path = write(fakes.folder, line())
    assert fakes.qf("dossiers", "import", path, *arguments).exit_code == 0
    (begun,) = fakes.sent(pb.BeginPublicationRequest)
    assert begun.source_digest == hashlib.sha256(line()).digest()
    assert (begun.kind, begun.reference) == (kind, reference)
    (chunk,) = fakes.sent(pb.PublishDossiersRequest)
    (finished,) = fakes.sent(pb.FinishPublicationRequest)
    assert chunk.publication_id == finished.publication_id


def test_standard_input_is_a_publication_of_its_own_each_time(fakes: Fakes) -> None:
    fakes.script.replies["PublishDossiers"] = all_created
    for _ in range(2):
        assert fakes.qf("dossiers", "import", "-", stdin=line()).exit_code == 0
    assert len({begun.source_digest for begun in fakes.sent(pb.BeginPublicationRequest)}) == 2


def test_a_file_that_cannot_be_used_opens_no_publication(fakes: Fakes) -> None:
    path = fakes.folder / "dossiers.csv"
    path.write_bytes(b"caisse;nir\n")
    result = fakes.qf("dossiers", "import", str(path))
    assert result.exit_code == 1
    assert "MISSING_COLUMN" in result.stderr
    assert fakes.script.requests == []


def test_standard_input_is_ndjson(fakes: Fakes) -> None:
    result = fakes.qf("dossiers", "import", "-", "--format", "csv", stdin=line())
    assert result.exit_code == 2
    assert "NDJSON" in result.stderr


def test_the_pace_is_shown_while_somebody_watches(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.progress._PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    fakes.script.replies["PublishDossiers"] = all_created
    result = fakes.qf("dossiers", "import", write(fakes.folder, line() * 2000))
    assert result.exit_code == 0
    assert re.search(r"[0-9,]+ lines, [0-9,]+ a second", result.stderr)
