import pytest
from playwright.async_api import Browser, Locator, expect

from tests.integration.trace_desk.conftest import Shown, Tab
from tests.pages import assert_fits


async def width_of(rows: Locator, name: str) -> float:
    box = await rows.filter(has_text=name).locator("rect.bar").bounding_box()
    assert box is not None
    return box["width"]


async def test_the_list_is_filtered_by_its_form(shown: Shown, tab: Tab) -> None:
    page = tab.page
    await page.goto(shown.desk.url)
    await expect(page.get_by_role("link", name="POST /v1/sessions")).to_be_visible()

    await page.get_by_label("Service", exact=True).select_option("quotient")
    await page.get_by_label("With an error only").check()
    await page.get_by_label("At least, ms").fill("15")
    await page.get_by_label("A span’s name contains").fill("disclose")
    await page.get_by_role("button", name="Filter").click()

    await expect(page.get_by_role("link", name="POST /v1/quotients:consult")).to_be_visible()
    await expect(page.get_by_role("link", name="POST /v1/sessions")).to_have_count(0)
    await expect(page.get_by_text("2 errors")).to_be_visible()
    await expect(page.get_by_label("At least, ms")).to_have_value("15")
    await assert_fits(tab.page)
    assert tab.complaints == []


async def test_bars_are_as_long_as_their_spans_take(shown: Shown, tab: Tab) -> None:
    await tab.page.goto(f"{shown.desk.url}/traces/{shown.consultation}")
    rows = tab.page.locator(".waterfall li")
    root = await width_of(rows, "POST /v1/quotients:consult")
    for name, duration_ms in (("ConsultQuotient", 16), ("Disclose", 8), ("Authenticate", 2)):
        # A red outline is as wide as two pixels on either side.
        assert await width_of(rows, name) == pytest.approx(root * duration_ms / 20, abs=4.1)
    await assert_fits(tab.page)
    assert tab.complaints == []


async def test_a_span_opens_by_keyboard_and_shows_its_attributes_as_text(shown: Shown, tab: Tab) -> None:
    page = tab.page
    await page.goto(f"{shown.desk.url}/traces/{shown.consultation}")
    disclose = page.locator(".waterfall li").filter(has_text="Disclose")
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await disclose.locator("summary:focus").count():
            break
    await page.keyboard.press("Enter")

    await expect(disclose.get_by_role("row", name="qf.batch.size 3")).to_be_visible()
    await expect(disclose.get_by_text("<script>document.title = 'broken'</script>")).to_be_visible()
    assert await page.title() == "POST /v1/quotients:consult · trace desk"
    await assert_fits(tab.page)
    assert tab.complaints == []

    await disclose.get_by_role("link", name=shown.sign_in).click()
    await expect(page.get_by_role("heading", name="POST /v1/sessions")).to_be_visible()


async def test_an_error_is_marked_in_words(shown: Shown, tab: Tab) -> None:
    await tab.page.goto(f"{shown.desk.url}/traces/{shown.consultation}")
    marks = tab.page.locator(".waterfall summary .badge.error")
    assert [await mark.inner_text() for mark in await marks.all()] == ["error", "error"]


async def test_the_pages_work_without_javascript(shown: Shown, browser: Browser) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{shown.desk.url}/?name=disclose")
    await page.get_by_role("link", name="POST /v1/quotients:consult").click()
    row = page.locator(".waterfall li").filter(has_text="Authenticate")
    await row.locator("summary").click()
    await expect(row.get_by_role("row", name="service.name identity")).to_be_visible()
    await context.close()


async def test_a_missing_trace_leads_back_to_the_list(shown: Shown, tab: Tab) -> None:
    await tab.page.goto(f"{shown.desk.url}/traces/{'0' * 32}")
    await expect(tab.page.get_by_role("heading", name="No such trace")).to_be_visible()
    await tab.page.get_by_role("link", name="See all traces").click()
    await expect(tab.page.get_by_role("heading", name="Traces")).to_be_visible()
