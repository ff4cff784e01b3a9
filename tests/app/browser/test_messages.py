"""Messages stay while somebody needs them, and go when they are dismissed."""

from typing import Any

from app.browser.steps import TOAST, focused


def texts(page: Any) -> list[str]:
    return page.locator(".toast p").all_inner_texts()


def test_an_error_stays_until_it_is_dismissed_or_another_view_is_shown(page: Any) -> None:
    page.goto("/#/verify")
    page.clock.install()
    for text in ("No camera.", "No sound.", "No camera."):
        page.evaluate(TOAST, [text, "error"])
    page.clock.fast_forward(60_000)
    assert texts(page) == ["No sound.", "No camera."]
    first = page.locator(".toast", has_text="No sound.")
    first.get_by_role("button", name="Dismiss").click()
    assert texts(page) == ["No camera."]
    assert page.locator("[role=alert] .toast").count() == 1
    page.get_by_role("link", name="New", exact=True).click()
    page.locator("h1", has_text="New avatar").wait_for()
    assert texts(page) == []


def test_a_note_goes_by_itself_once_nobody_is_at_it(page: Any) -> None:
    page.goto("/#/verify")
    page.clock.install()
    page.evaluate(TOAST, ["Ada is here."])
    page.locator(".toast").hover()
    page.clock.fast_forward(10_000)
    assert texts(page) == ["Ada is here."]
    page.mouse.move(1, 1)
    page.clock.fast_forward(2_000)
    assert texts(page) == []


def test_messages_are_dismissed_by_keys(page: Any) -> None:
    page.goto("/#/verify")
    page.locator("h1", has_text="Is this file ours?").wait_for()
    for text in ("No camera.", "No sound.", "No light."):
        page.evaluate(TOAST, [text, "error"])
    page.locator("#verify-file").focus()
    page.keyboard.press("Escape")
    assert texts(page) == ["No camera.", "No sound."]
    assert focused(page) == "verify-file"
    page.locator(".toast button").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert texts(page) == []
    assert focused(page) == "main"
