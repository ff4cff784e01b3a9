"""Several tabs: what one does the others show; one that nobody looks at holds no connection."""

from typing import Any

from app.browser.conftest import PageServer
from app.browser.steps import error_shown, shown_dialog
from instag.app.library import Library

LOOK = """(hidden) => {
  Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""
LISTENS = 'async () => (await import("/static/jobs.js")).jobs.source !== null'


def test_a_tab_that_nobody_looks_at_holds_no_connection(page: Any) -> None:
    page.goto("/#/verify")
    page.locator("h1").wait_for()
    assert page.evaluate(LISTENS)
    page.evaluate(LOOK, True)
    assert not page.evaluate(LISTENS)
    page.evaluate(LOOK, False)
    assert page.evaluate(LISTENS)


def test_many_tabs_are_answered(page: Any, brought: str, server: PageServer) -> None:
    tabs = [page.context.new_page() for _ in range(8)]
    for tab in tabs:
        tab.goto(f"{server.address}#/")
        tab.locator(".card").first.wait_for()
        tab.evaluate(LOOK, True)  # another one is opened over it
    for tab in tabs:
        tab.close()


def test_what_another_tab_did_is_shown(page: Any, brought: str, server: PageServer) -> None:
    page.goto("/")
    card = page.locator(f'.card:has([data-key="Rename {brought}"])')
    card.wait_for()
    Library(server.library).rename(brought, "Renamed elsewhere")
    page.evaluate(LOOK, True)
    page.evaluate(LOOK, False)
    card.get_by_text("Renamed elsewhere").wait_for()
    Library(server.library).delete(brought)
    card.get_by_role("button", name="Delete").click()
    shown_dialog(page).get_by_role("button", name="Delete").click()
    error_shown(page, "it may have been deleted")
    card.wait_for(state="detached")
