"""Leaving in the middle: what comes late for somebody who went elsewhere is let go."""

import json
import urllib.request
from typing import Any

from app.browser.conftest import PageServer
from app.browser.steps import record, refuse_devices, shown_dialog

LATE_CAMERA = """
const devices = navigator.mediaDevices;
const given = devices?.getUserMedia.bind(devices);
window.streams = [];
if (devices) devices.getUserMedia = async (asked) => {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const stream = await given(asked);
  window.streams.push(stream);
  return stream;
};
"""
RUNNING = "window.streams.flatMap((each) => each.getTracks()).map((each) => each.readyState)"


def sessions(server: PageServer) -> int:
    with urllib.request.urlopen(f"{server.address}api/metrics") as answer:
        return len(json.load(answer)["sessions"])


def test_a_camera_that_comes_late_is_turned_off(page: Any) -> None:
    page.add_init_script(LATE_CAMERA)
    page.goto("/#/new")
    page.get_by_role("button", name="Turn on the camera").click()
    page.get_by_role("link", name="Verify").click()
    page.locator("h1", has_text="Is this file ours?").wait_for()
    page.wait_for_timeout(2_500)
    assert page.evaluate(RUNNING) == ["ended", "ended"]


def test_a_microphone_that_comes_late_is_turned_off(page: Any, brought: str) -> None:
    page.add_init_script(LATE_CAMERA)
    page.goto("about:blank")
    page.goto(f"/#/talk/{brought}")
    page.locator("button.start").click()
    page.locator('.state[data-state="idle"]').wait_for()
    page.get_by_role("button", name="Microphone").click()
    page.get_by_role("link", name="Verify").click()
    page.wait_for_timeout(2_500)
    assert page.evaluate(RUNNING) == ["ended"]


def test_a_head_that_comes_late_is_sent_away(page: Any, brought: str, server: PageServer) -> None:
    before = sessions(server)
    page.route("**/offer", lambda route: (page.wait_for_timeout(800), route.continue_()))
    for pause in (0, 30, 300, 1_500):
        page.goto(f"/#/talk/{brought}")
        page.locator("button.start").click()
        page.wait_for_timeout(pause)
        page.get_by_role("link", name="Verify").click()
        page.locator("h1", has_text="Is this file ours?").wait_for()
        page.wait_for_timeout(3_000)
        assert sessions(server) == before
    assert page.locator(".toast").count() == 0


def test_a_recording_outlives_a_camera_that_is_refused(page: Any) -> None:
    record(page, 9_000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Record again").wait_for()
    refuse_devices(page, "NotAllowedError")
    page.get_by_role("button", name="Record again").click()
    page.locator(".toast.error", has_text="may not use camera and microphone").wait_for()
    page.get_by_label("Name").fill("Dora")
    page.get_by_role("button", name="Learn this avatar").click()
    page.locator("h1", has_text="Learning Dora").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Delete").click()
    shown_dialog(page).get_by_role("button", name="Delete").click()
    page.locator("h1", has_text="Avatars").wait_for()
    page.get_by_role("link", name="Dora").wait_for(state="detached")
