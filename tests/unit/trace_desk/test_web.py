import httpx
import pytest

from deploy.trace_desk.otlp import read_spans
from deploy.trace_desk.store import TraceStore
from deploy.trace_desk.web import SECURITY_HEADERS, web_app
from tests.unit.trace_desk.messages import export_request, message, new_store, span, span_id, trace_id


async def got(path: str, store: TraceStore | None = None, host: str = "127.0.0.1:7180") -> httpx.Response:
    transport = httpx.ASGITransport(app=web_app(store or new_store(), "127.0.0.1"))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
        return await client.get(path)


def filled() -> TraceStore:
    store = new_store()
    store.add(span(1, trace=1, name="POST /v1/sessions", service="edge", duration_ms=80))
    store.add(span(2, trace=1, name="SignIn", service="identity", parent=1, start_ms=4, error=True))
    store.add(span(1, trace=2, name="GET /v1/status", service="edge", start_ms=1000))
    return store


async def test_an_empty_desk_answers_and_says_what_to_do() -> None:
    page = await got("/")
    assert page.status_code == 200
    assert "No trace has arrived yet" in page.text


async def test_the_list_shows_what_matches() -> None:
    page = await got("/?error=1&service=identity", filled())
    assert "POST /v1/sessions" in page.text
    assert "GET /v1/status" not in page.text
    assert "1 error" in page.text


async def test_a_list_that_is_cut_says_so() -> None:
    assert "The newest 1 of 2 traces" in (await got("/?limit=1", filled())).text


@pytest.mark.parametrize("path", ["/?min_duration_ms=soon", "/?eror=1"])
async def test_a_filter_that_cannot_be_read_says_which_part(path: str) -> None:
    page = await got(path, filled())
    assert page.status_code == 400
    assert "The filter cannot be used." in page.text
    assert path[2:].partition("=")[0] in page.text


async def test_what_a_span_says_is_shown_as_text_and_never_as_markup() -> None:
    markup = "<script>alert(1)</script>"
    store = new_store()
    for item in read_spans(
        export_request([message(1, name=markup, attributes={markup: markup})], service=markup)
    ).spans:
        store.add(item)
    for path in ("/", f"/?name={markup}", f"/traces/{trace_id(1)}"):
        page = await got(path, store)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nowhere",
        "/traces/1",
        "/static/desk.css",
        "/static/none.css",
        "/api/traces",
        "/api/traces/1",
        "/?limit=x",
    ],
)
async def test_every_answer_has_the_strict_headers(path: str) -> None:
    answer = await got(path)
    assert {key: answer.headers.get(key) for key in SECURITY_HEADERS} == SECURITY_HEADERS


async def test_pages_hold_neither_style_nor_script_of_their_own() -> None:
    for path in ("/", f"/traces/{trace_id(1)}", "/nowhere"):
        page = await got(path, filled())
        assert "style=" not in page.text
        assert "<style" not in page.text
        assert "<script" not in page.text


async def test_a_missing_trace_comes_with_a_remedy() -> None:
    page = await got(f"/traces/{trace_id(9)}", filled())
    assert page.status_code == 404
    assert "it has not arrived yet" in page.text


async def test_another_address_leads_back() -> None:
    page = await got("/nowhere")
    assert page.status_code == 404
    assert 'href="/"' in page.text


async def test_a_page_elsewhere_that_resolves_to_this_machine_reads_nothing() -> None:
    assert (await got("/", filled(), host="attacker.example")).status_code == 400
    assert (await got("/", filled(), host="localhost:7180")).status_code == 200


async def test_the_api_lists_and_limits() -> None:
    shown = (await got("/api/traces?limit=1", filled())).json()
    assert shown["matching"] == 2
    assert [trace["root_name"] for trace in shown["traces"]] == ["GET /v1/status"]


async def test_the_api_tells_all_of_a_span() -> None:
    shown = (await got(f"/api/traces/{trace_id(1)}", filled())).json()
    assert shown["services"] == ["edge", "identity"]
    child = shown["spans"][1]
    assert child["parent_span_id"] == span_id(1)
    assert (child["service"], child["name"], child["kind"]) == ("identity", "SignIn", "server")
    assert (child["status"], child["duration_ms"]) == ("error", 1.0)
    assert child["resource"] == {"service.name": "identity"}


@pytest.mark.parametrize(
    ("path", "status"), [("/api/traces?limit=x", 400), (f"/api/traces/{trace_id(9)}", 404)]
)
async def test_the_api_explains_a_failure_as_json(path: str, status: int) -> None:
    answer = await got(path)
    assert answer.status_code == status
    assert answer.json()["error"]


async def test_a_trace_without_its_root_and_with_dropped_spans_says_so() -> None:
    store = new_store(maximum_spans_per_trace=1)
    store.add(span(2, parent=1))
    store.add(span(3, parent=1))
    page = await got(f"/traces/{trace_id(1)}", store)
    assert "The root of this trace has not arrived" in page.text
    assert "parent missing" in page.text
    assert "1 more span arrived" in " ".join(page.text.split())
