"""What axe finds, and what does not fit, in every view and with odd names."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.browser.conftest import AVATAR, PageServer
from app.browser.steps import TOAST, shown_dialog
from instag.app.jobs import Job, JobStore, State
from instag.app.library import Library

VIEWS = ("#/", "#/new", "#/verify")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 375, "height": 740}
ODD_NAMES = (
    "<b>bold</b> & “quoted” 'single' \"double\" %20",
    "👩‍🔬👨‍👩‍👧‍👦🏳️‍🌈",
    "مرحبا بالعالم",
    "W" * 80,
)
OVER_THE_EDGE = """() => {
  const wide = document.documentElement.scrollWidth;
  const edge = document.documentElement.clientWidth;
  const found = [...document.querySelectorAll("main *, dialog *, #toasts *")]
    .filter((each) => each.getBoundingClientRect().right > edge + 1)
    .filter((each) => !each.closest(".strip, .stage"))
    .map((each) => each.outerHTML.slice(0, 100));
  return wide > edge ? [wide, ...found] : found;
}"""
CUT = """() => [...document.querySelectorAll("dialog *")]
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth)
  .map((each) => each.outerHTML.slice(0, 100))"""

OVER_ITS_CARD = """() => [...document.querySelectorAll(".card *")]
  .filter((each) => each.getBoundingClientRect().right
    > each.closest(".card").getBoundingClientRect().right)
  .map((each) => each.outerHTML.slice(0, 100))"""


def violations(page: Any) -> list[tuple[str, str]]:
    """What is serious, with the element."""
    axe = pytest.importorskip("axe_playwright_python").__path__[0]
    page.evaluate((Path(axe) / "axe.min.js").read_text())
    return [
        (each["id"], each["nodes"][0]["html"])
        for each in page.evaluate("axe.run()")["violations"]
        if each["impact"] in ("serious", "critical")
    ]


def learned(library: Library, identifier: str, name: str) -> None:
    """Make an avatar one that was learned here."""
    source = library.incoming / "source.mp4"
    source.write_bytes(b"a video")
    job = Job(id=identifier, kind="learn", name=name, owner="", made=1.0, source=source.name)
    JobStore(library.jobs).add(replace(job, state=State.DONE), source)


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page: Any, brought: str, scheme: str, size: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    for view in (*VIEWS, f"#/talk/{brought}"):
        page.goto("about:blank")
        page.goto(f"/{view}")
        page.locator("main h1").wait_for()
        page.wait_for_timeout(300)
        assert violations(page) == [], view
    page.goto("/#/verify")
    page.set_input_files("#verify-file", str(AVATAR))
    page.locator(".verdict").wait_for()
    assert violations(page) == []
    page.goto("/#/new")
    page.set_input_files("#video-file", str(AVATAR))
    page.get_by_text("This browser cannot show this file").wait_for()
    for kind in ("note", "error"):
        page.evaluate(TOAST, ["A message.", kind])
    assert violations(page) == []


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_shown_as_they_are_and_fit(
    page: Any, brought: str, server: PageServer, name: str
) -> None:
    Library(server.library).rename(brought, name)
    page.set_viewport_size(NARROW)
    page.goto("/")
    card = page.locator(f'.card:has([data-key="Rename {brought}"])')
    assert card.locator(".name").inner_text() == name
    assert page.evaluate(OVER_THE_EDGE) == []
    card.get_by_role("button", name="Delete").click()
    shown_dialog(page)
    assert page.evaluate(CUT) == []
    assert violations(page) == []
    page.go_back()  # nobody needs to answer
    page.locator("dialog").wait_for(state="detached")
    page.goto(f"/#/talk/{brought}")
    page.locator("h1", has_text=name).wait_for()
    start = page.locator("button.start")
    assert start.inner_text() == f"Talk with {name}"
    assert page.evaluate(OVER_THE_EDGE) == []
    left = "(button) => { const range = document.createRange(); range.selectNodeContents(button);"
    left += " return range.getBoundingClientRect().left - button.getBoundingClientRect().left; }"
    assert start.evaluate(left) > 0  # its beginning is not cut
    learned(Library(server.library), brought, name)
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        page.goto(f"/#/job/{brought}")
        link = page.get_by_role("link", name=f"Talk with {name}")
        link.wait_for()
        assert page.evaluate(OVER_THE_EDGE) == []
        assert link.evaluate("(link) => link.scrollWidth <= link.clientWidth")
        assert violations(page) == []
        page.goto("/#/verify")


def test_a_file_with_a_name_that_no_avatar_may_have_is_brought(
    page: Any, server: PageServer, tmp_path: Path
) -> None:
    file = tmp_path / f"{'é' * 90}\u202e.avatar"
    file.write_bytes(AVATAR.read_bytes())
    page.goto("/")
    page.set_input_files("#bring", str(file))
    page.get_by_text("is here").first.wait_for()
    entry, *_ = Library(server.library).entries()
    assert entry.name == "é" * 80


def test_nothing_of_a_card_is_cut_at_any_width(page: Any, brought: str) -> None:
    page.goto("/")
    page.locator(".card").first.wait_for()
    for width in range(320, 1_400, 36):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(OVER_ITS_CARD) == [], width
