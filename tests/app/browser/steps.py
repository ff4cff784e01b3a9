"""What several tests do with the page."""

from typing import Any

TOAST = 'async (given) => (await import("/static/messages.js")).toast(...given)'
"""Shows a message: a text, and its kind."""


def connect(page: Any, identifier: str) -> None:
    page.goto(f"/#/talk/{identifier}")
    page.locator("button.start").click()
    page.locator('.state[data-state="idle"], .state[data-state="listening"]').first.wait_for()
    wait_for_pictures(page)


def record(page: Any, milliseconds: int) -> None:
    """Begin a recording once a face is seen, and let it go on for so long."""
    page.goto("/#/new")
    page.get_by_role("button", name="Turn on the camera").click()
    page.locator(".chip.good", has_text="Face").wait_for()
    page.get_by_role("button", name="Start recording").click()
    page.wait_for_timeout(milliseconds)


def wait_for_pictures(page: Any) -> None:
    """The page's policy allows no code as text, which playwright's own waiting would need."""
    for _ in range(600):
        if page.evaluate("document.querySelector('.stage video').videoWidth"):
            return
        page.wait_for_timeout(100)
    raise AssertionError("no picture came in a minute")


def shown_dialog(page: Any) -> Any:
    """The dialog that asks."""
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    return dialog


def focused(page: Any) -> str:
    """The words of what has the focus; for a field, its identifier."""
    return page.evaluate("document.activeElement.id || document.activeElement.innerText")


def error_shown(page: Any, sentence: str) -> None:
    """Wait for a message of an error that holds this, and dismiss it."""
    message = page.locator(".toast.error", has_text=sentence)
    message.get_by_role("button", name="Dismiss").click()
    message.wait_for(state="detached")


def refuse_devices(page: Any, name: str) -> None:
    """Let the browser refuse camera and microphone with an error of this name."""
    page.evaluate(
        """(name) => {
          navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", name); };
        }""",
        name,
    )
