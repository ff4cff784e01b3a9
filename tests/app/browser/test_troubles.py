"""The page in trouble: a server that is gone, files that are none, a microphone that is refused."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.browser.conftest import PageServer
from app.browser.steps import connect, error_shown, record, refuse_devices
from instag.app.jobs import JobStore
from instag.app.library import Library
from instag.media.reader import probe
from instag.media.writer import write_video

DROPPED = """([selector, count]) => {
  const transfer = new DataTransfer();
  for (let number = 0; number < count; number++) transfer.items.add(new File(["a"], "a.mp4"));
  if (!count) transfer.setData("text/plain", "a word");
  const place = document.querySelector(selector);
  const about = {dataTransfer: transfer, bubbles: true, cancelable: true};
  return !place.dispatchEvent(new DragEvent("drop", about));
}"""


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A video of no person, with sound."""
    path = tmp_path / "film.mp4"
    pictures = [np.full((64, 64, 3), 90, np.uint8)] * 25
    write_video(path, pictures, sound=(np.zeros(16_000, np.float32), 16_000))
    return path


def choose(page: Any, file: Path) -> None:
    page.goto("about:blank")
    page.goto("/#/new")
    page.set_input_files("#video-file", str(file))
    page.locator("#agreed").check()


def learn(page: Any) -> None:
    page.get_by_role("button", name="Learn this avatar").click()


def test_a_server_that_comes_back_is_enough(page: Any, brought: str, server: PageServer) -> None:
    connect(page, brought)
    server.end(signal.SIGKILL)
    page.locator("#offline").wait_for()
    page.set_input_files("#play", str(Path(__file__)))
    error_shown(page, "The server does not answer")
    page.get_by_role("link", name="New", exact=True).click()
    page.locator("h1", has_text="This did not work").wait_for()
    page.get_by_role("link", name="Back to all avatars").click()
    error_shown(page, "The server does not answer")
    assert not page.get_by_text("Make your first avatar").is_visible()
    server.start()
    page.locator(".card").first.wait_for()  # by itself
    page.locator("#offline").wait_for(state="hidden")


def test_a_view_that_did_not_work_is_tried_again(page: Any) -> None:
    page.goto("/#/verify")
    page.route("**/api/script", lambda route: route.abort())
    page.get_by_role("link", name="New", exact=True).click()
    again = page.get_by_role("button", name="Try again")
    again.wait_for()
    page.unroute("**/api/script")
    again.click()
    page.get_by_role("button", name="Turn on the camera").wait_for()


@pytest.mark.parametrize(
    "content, sentence",
    [(b"", "the file is empty"), (b"hello " * 999, "not a video or sound file")],
    ids=["empty", "text"],
)
def test_what_is_no_video_is_refused_with_a_sentence(
    page: Any, tmp_path: Path, content: bytes, sentence: str
) -> None:
    file = tmp_path / "holiday.mp4"
    file.write_bytes(content)
    choose(page, file)
    page.get_by_text("This browser cannot show this file").wait_for()
    learn(page)
    error_shown(page, sentence)
    assert page.get_by_label("Name").input_value() == "holiday"


def test_an_upload_that_is_cut_off_can_be_sent_again(
    page: Any, film: Path, server: PageServer
) -> None:
    choose(page, film)
    page.context.set_offline(True)
    learn(page)
    error_shown(page, "The server does not answer")
    page.context.set_offline(False)
    store = JobStore(Library(server.library).jobs)
    before = len(store.all())
    page.get_by_role("button", name="Learn this avatar").dblclick()
    page.locator("h1", has_text="Learning film").wait_for()
    assert len(store.all()) == before + 1
    page.locator(".lead.warn").wait_for()
    page.locator("h1", has_text="film was not learned").wait_for()
    assert page.get_by_role("button", name="Try again").is_visible()


def test_a_file_that_changed_meanwhile_is_told(page: Any, film: Path) -> None:
    choose(page, film)
    film.write_bytes(b"another one")
    learn(page)
    error_shown(page, "This file cannot be read")


def test_a_job_of_somebody_who_left_does_not_bring_them_back(page: Any, film: Path) -> None:
    choose(page, film)
    page.route("**/jobs/learn**", lambda route: (page.wait_for_timeout(800), route.continue_()))
    learn(page)
    page.get_by_role("link", name="Verify").click()
    page.get_by_text("film will be learned").wait_for()
    assert page.url.endswith("#/verify")


def test_a_file_beside_its_field_does_not_replace_the_page(page: Any) -> None:
    page.goto("/#/verify")
    page.locator("h1", has_text="Is this file ours?").wait_for()
    assert page.evaluate(DROPPED, ["footer", 1])
    assert not page.evaluate(DROPPED, ["footer", 0])  # a text may fall into a field
    assert page.locator(".verdict").count() == 0
    assert page.evaluate(DROPPED, [".drop", 1])
    page.locator(".verdict").wait_for()


def test_of_two_files_the_later_one_is_judged(page: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    page.goto("/#/verify")
    page.route("**file=first**", lambda route: (page.wait_for_timeout(1_000), route.abort()))
    page.set_input_files("#verify-file", str(first))
    page.set_input_files("#verify-file", str(second))
    page.locator(".verdict", has_text="second.mp4").wait_for()
    error_shown(page, "The server does not answer")
    assert page.locator(".verdict", has_text="second.mp4").is_visible()


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("NotFoundError", "No camera, or no microphone, was found"),
        ("NotReadableError", "another program uses them"),
        ("NotAllowedError", "may not use camera and microphone"),
    ],
)
def test_a_camera_that_does_not_open_is_told(page: Any, name: str, sentence: str) -> None:
    page.goto("/#/new")
    page.get_by_role("button", name="Turn on the camera").wait_for()
    refuse_devices(page, name)
    page.get_by_role("button", name="Turn on the camera").click()
    error_shown(page, sentence)


def test_a_microphone_that_is_refused_is_told(page: Any, brought: str) -> None:
    connect(page, brought)
    refuse_devices(page, "NotFoundError")
    page.get_by_role("button", name="Microphone").click()
    error_shown(page, "No microphone could be opened")
    assert page.get_by_role("button", name="Microphone").get_attribute("aria-pressed") == "false"


def test_a_camera_that_is_taken_away_leaves_what_was_recorded(page: Any) -> None:
    record(page, 5_000)
    page.evaluate(
        "document.querySelector('.stage video').srcObject.getTracks()[0]"
        ".dispatchEvent(new Event('ended'))"
    )
    error_shown(page, "was taken away")
    page.locator("h1", has_text="Your recording").wait_for()


def test_a_recording_whose_pieces_are_lost_is_sent_whole_and_leaves_none_behind(
    page: Any, server: PageServer
) -> None:
    library = Library(server.library)
    before = {each.id for each in library.recordings.all()}
    page.goto("/#/new")
    page.get_by_role("button", name="Turn on the camera").click()
    page.locator(".chip.good", has_text="Face").wait_for()
    page.route("**/piece?number=3", lambda route: route.abort())
    page.get_by_role("button", name="Start recording").click()
    page.wait_for_timeout(9_000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_label("Name").fill("Whole")
    page.get_by_role("button", name="Learn this avatar").click()
    page.locator("h1", has_text="Learning Whole").wait_for()
    assert {each.id for each in library.recordings.all()} == before
    (job,) = [each for each in JobStore(library.jobs).all() if each.name == "Whole"]
    assert probe(JobStore(library.jobs).place(job) / job.source).has_sound
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Go on").wait_for()
