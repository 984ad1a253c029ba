"""What is asked of every page, whatever it shows."""

from playwright.async_api import Page


async def assert_fits(page: Page) -> None:
    """Nothing reaches beyond the window: there is nothing to scroll sideways for."""
    # Texts are there before the style sheet that makes them fit.
    await page.wait_for_load_state("load")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
