"""A file on its way: how far it is is told, and it can be cancelled, in whatever view."""

from pathlib import Path
from typing import Any

import pytest

from app.browser.conftest import PageServer
from app.browser.steps import error_shown, focused
from instag.app.jobs import JobStore
from instag.app.library import Library

SECONDS = 6


@pytest.fixture
def slow(page: Any, tmp_path: Path) -> Path:
    """A file that is no video, on a line that takes seconds for it."""
    path = tmp_path / "holiday.mp4"
    path.write_bytes(b"hello " * 200_000)
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    rate = path.stat().st_size // SECONDS
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", {**conditions, "uploadThroughput": rate})
    return path


def learn(page: Any, file: Path) -> None:
    page.goto("/#/new")
    page.set_input_files("#video-file", str(file))
    page.locator("#agreed").check()
    page.get_by_role("button", name="Learn this avatar").click()


def shares(page: Any) -> list[int]:
    """What is told until the line is gone, or the whole was sent."""
    found = []
    while (told := page.locator(".sending .time").all_inner_texts()) and told != [""]:
        found.append(int(told[0].removesuffix(" %")))
        page.wait_for_timeout(200)
    return found


def test_how_far_a_file_is_is_told(page: Any, slow: Path) -> None:
    learn(page, slow)
    page.locator("form .sending", has_text="Sending holiday.mp4").wait_for()
    told = shares(page)
    assert told == sorted(told)
    assert sum(0 < share < 100 for share in told) > 3
    error_shown(page, "not a video or sound file")
    assert page.locator(".sending").count() == 0


def test_a_file_that_is_cancelled_leaves_nothing(page: Any, slow: Path, server: PageServer) -> None:
    library = Library(server.library)
    before = JobStore(library.jobs).all()
    learn(page, slow)
    page.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Learn this avatar").wait_for()
    assert focused(page) == "Learn this avatar"
    assert page.locator(".sending, .toast").count() == 0
    page.wait_for_timeout(1_000)
    assert JobStore(library.jobs).all() == before
    assert list(library.incoming.iterdir()) == []
    page.get_by_role("button", name="Learn this avatar").click()  # once more
    page.locator(".sending", has_text="Sending holiday.mp4").wait_for()


@pytest.mark.parametrize(
    "way, heading", [("Verify", "Is this file ours?"), ("Choose another", "New avatar")]
)
def test_a_file_goes_on_elsewhere_and_can_be_cancelled_there(
    page: Any, slow: Path, way: str, heading: str
) -> None:
    learn(page, slow)
    page.locator("form .sending").wait_for()
    page.locator("a, button", has_text=way).click()
    page.locator("h1", has_text=heading).wait_for()
    page.locator("#uploads .sending", has_text="Sending holiday.mp4").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.locator(".sending").wait_for(state="detached")
    assert page.locator(".toast").count() == 0


@pytest.mark.parametrize("view, field", [("", "bring"), ("verify", "verify-file")])
def test_other_fields_can_be_cancelled_too(page: Any, slow: Path, view: str, field: str) -> None:
    page.goto(f"/#/{view}")
    page.locator(f"#{field}").focus()
    page.set_input_files(f"#{field}", str(slow))
    page.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    page.locator(".sending").wait_for(state="detached")
    assert focused(page) == field
    assert page.locator(".toast, .verdict").count() == 0


def test_nobody_waits_for_the_verdict_of_a_view_that_was_left(page: Any, slow: Path) -> None:
    page.goto("/#/verify")
    page.set_input_files("#verify-file", str(slow))
    page.locator(".sending").wait_for()
    page.get_by_role("link", name="New", exact=True).click()
    page.locator("h1", has_text="New avatar").wait_for()
    page.locator(".sending").wait_for(state="detached")
