"""One desk for the tests that read it, with the traces of a small suite; a real browser."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.integration.trace_desk.running import Desk, Sender, running_desk, trace_id_of
from tools.browser import require

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True)
class Shown:
    """A desk and the ids of what was sent to it."""

    desk: Desk
    consultation: str
    sign_in: str


@dataclass(frozen=True)
class Tab:
    """A page of the browser and what it complained about: console errors, violations of the policy."""

    page: Page
    complaints: list[str]


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with running_desk(tmp_path_factory.mktemp("desk")) as desk:
        sender = Sender(desk.otlp_endpoint)
        sign_in = sender.span("edge", "POST /v1/sessions", duration_ms=200)
        root = sender.span("edge", "POST /v1/quotients:consult", start_ms=5000, duration_ms=20)
        call = sender.span(
            "gateway", "ConsultQuotient", parent=root, start_ms=5002, duration_ms=16, error=True
        )
        markup = "<script>document.title = 'broken'</script>"
        sender.span(
            "quotient",
            "Disclose",
            parent=call,
            start_ms=5006,
            duration_ms=8,
            error=True,
            link=sign_in,
            attributes={"qf.batch.size": 3, "qf.outcome": markup},
        )
        sender.span("identity", "Authenticate", parent=call, start_ms=5003, duration_ms=2)
        sender.close()
        yield Shown(desk, consultation=trace_id_of(root), sign_in=trace_id_of(sign_in))


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=require(), args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest.fixture(params=[1280, 400], ids=["wide", "narrow"])
async def tab(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Tab]:
    """A tab without JavaScript of the page's own, as wide as a desk's or a phone's screen."""
    context = await browser.new_context(viewport={"width": request.param, "height": 900})
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield Tab(page, complaints)
    await context.close()
