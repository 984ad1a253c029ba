"""The reference is served by the edge itself, whole, to everybody, and its page needs no other host."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from gateway.edge.methods import public_methods
from gateway.edge.reference.routes import ReferenceFile, reference_files
from tests.integration.edge.running import Edge
from tests.pages import assert_fits
from tools.browser import require

DOCUMENT = Path(__file__).parents[3] / "gateway/edge/reference/openapi.json"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=require(), args=ARGUMENTS)
        yield launched
        await launched.close()


class Visit:
    """A look at the page: what it asked for, and what it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def open(self, url: str) -> None:
        await self.page.goto(f"{url}/docs")
        await expect(self.page.locator(".opblock").first).to_be_visible()

    def assert_quiet(self, url: str) -> None:
        """It asked nobody else, except for what stands in the page itself, and complained about nothing."""
        assert [each for each in self.asked if not each.startswith((f"{url}/", "data:"))] == []
        assert self.complaints == []


@pytest.fixture(params=[1280, 400], ids=["wide", "narrow"])
async def visit(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Visit]:
    context = await browser.new_context(
        ignore_https_errors=True, viewport={"width": request.param, "height": 900}
    )
    yield Visit(await context.new_page())
    await context.close()


async def test_the_document_is_the_committed_one(edge: Edge) -> None:
    async with edge.client() as client:
        answer = await client.get("/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == DOCUMENT.read_bytes()


@pytest.mark.parametrize("each", reference_files(), ids=lambda each: str(each.path))
async def test_each_file_is_served_once_and_known_afterwards(edge: Edge, each: ReferenceFile) -> None:
    path = each.path
    async with edge.client() as client:
        answer = await client.get(path)
        known = await client.get(path, headers={"if-none-match": answer.headers["etag"]})
        stale = await client.get(path, headers={"if-none-match": '"of-another-release"'})
        head = await client.head(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, each.content_type)
    assert answer.content == stale.content == each.file.read_bytes()
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["etag"] == answer.headers["etag"]
    assert (head.status_code, head.content) == (200, b"")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["strict-transport-security"]
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= set(policy)


@pytest.mark.parametrize("path", ["/docs", "/v1/openapi.json"])
async def test_another_verb_is_refused_as_anywhere(edge: Edge, path: str) -> None:
    async with edge.client() as client:
        refused = await client.post(path, json={})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    assert "UNKNOWN_METHOD" in refused.text


@pytest.mark.parametrize(
    "path", ["/docs/", "/docs/nothing.js", "/docs/..%2fopenapi.json", "/v1/openapi.yaml"]
)
async def test_nothing_else_is_served(edge: Edge, path: str) -> None:
    async with edge.client() as client:
        refused = await client.get(path)
    assert refused.status_code in (400, 404)
    assert refused.json()


async def test_no_answer_of_a_call_may_be_kept(edge: Edge) -> None:
    async with edge.client() as client:
        answer = await client.get("/v1/status")
    assert answer.headers["cache-control"] == "no-store"
    assert "content-security-policy" not in answer.headers


async def test_the_page_shows_every_operation_and_asks_no_other_host(edge: Edge, visit: Visit) -> None:
    await visit.open(edge.url)
    page = visit.page
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Quotient familial")
    assert await page.locator("html").get_attribute("lang") == "en"
    shown = {
        f"{await block.locator('.opblock-summary-method').inner_text()} "
        f"{await block.locator('.opblock-summary-path').get_attribute('data-path')}"
        for block in await page.locator(".opblock").all()
    }
    documented = {
        f"{verb.upper()} {path}"
        for path, operations in json.loads(DOCUMENT.read_text())["paths"].items()
        for verb in operations
    }
    assert shown == documented == {method.json_name for method in public_methods()}
    await assert_fits(page)
    visit.assert_quiet(edge.url)


async def test_an_operation_is_tried_out_on_the_page(edge: Edge, visit: Visit) -> None:
    await visit.open(edge.url)
    status = visit.page.locator("#operations-Status-GetStatus")
    await status.locator(".opblock-summary-control").click()
    await status.get_by_role("button", name="Try it out").click()
    await status.get_by_role("button", name="Execute").click()
    await expect(status.locator(".live-responses-table .response-col_status").nth(1)).to_contain_text("200")
    await expect(status.locator(".live-responses-table")).to_contain_text("SERVICE_STATE_OPEN")
    # It would have one paste token and NIR where every process of the machine can read them.
    await expect(status.locator(".curl-command")).to_have_count(1)
    await expect(status.locator(".curl-command")).to_be_hidden()
    await assert_fits(visit.page)
    visit.assert_quiet(edge.url)
