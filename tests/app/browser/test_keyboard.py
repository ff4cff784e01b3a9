"""The page by keys alone: each step can be reached, and the focus stays where a person is."""

from typing import Any

from app.browser.steps import focused, shown_dialog


def test_the_first_key_skips_to_the_content_of_this_view(page: Any) -> None:
    page.goto("/#/verify")
    page.locator("h1", has_text="Is this file ours?").wait_for()
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to content"
    page.keyboard.press("Enter")
    assert focused(page) == "main"
    assert page.url.endswith("#/verify")
    page.keyboard.press("Tab")
    assert focused(page) == "verify-file"


def test_renaming_and_deleting_leave_the_focus_there(page: Any, brought: str) -> None:
    page.goto("/")
    page.locator(f'[data-key="Rename {brought}"]').focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Carol")
    page.keyboard.press("Enter")
    page.locator(f'.card:has([data-key="Rename {brought}"]) .name', has_text="Carol").wait_for()
    assert focused(page) == "Rename"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert focused(page) == "Delete"
    page.keyboard.press("Enter")
    shown_dialog(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(f'[data-key="Delete {brought}"]').wait_for(state="detached")
    assert focused(page) == "Avatars"


def test_enter_that_ends_a_syllable_ends_no_dialog(page: Any, brought: str) -> None:
    page.goto("/")
    page.locator(f'[data-key="Rename {brought}"]').click()
    dialog = shown_dialog(page)
    page.evaluate(
        "document.getElementById('ask-input').dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    )
    assert dialog.is_visible()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


def test_a_recording_begins_and_ends_by_one_key(page: Any) -> None:
    page.goto("/#/new")
    page.get_by_role("button", name="Turn on the camera").focus()
    page.keyboard.press("Enter")
    page.locator(".chip.good", has_text="Face").wait_for()
    page.get_by_role("button", name="Start recording").focus()
    page.keyboard.press("Space")
    told = set[str]()
    while page.locator("button.record.on").count() == 0:
        told.add(page.locator(".advice").inner_text())
        page.wait_for_timeout(50)
    assert all(text.startswith("Recording") for text in told), told  # no advice in between
    assert focused(page) == "Stop"
    page.keyboard.press("Space")  # too early: it goes on
    page.wait_for_timeout(6_500)
    page.keyboard.press("Space")
    page.locator("h1", has_text="Your recording").wait_for()
    page.get_by_role("button", name="Record again").focus()
    page.keyboard.press("Enter")
    page.locator("h1", has_text="Read this aloud").wait_for()


def test_the_microphone_keeps_the_focus_and_the_end_gives_it_back(page: Any, brought: str) -> None:
    page.goto(f"/#/talk/{brought}")
    page.locator("button.start").focus()
    page.keyboard.press("Enter")
    page.locator("button:enabled", has_text="Microphone").focus()
    page.keyboard.press("Space")
    page.locator('button[aria-pressed="true"]').wait_for()
    assert focused(page) == "Microphone is on"
    page.get_by_role("button", name="End").focus()
    page.keyboard.press("Enter")
    page.locator("button.start").wait_for()
    assert focused(page) == "Talk with lip_codes"
