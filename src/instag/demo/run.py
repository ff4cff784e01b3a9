"""The run of the demo: a synthetic speaker is filmed, observed and learned, and speaks; what is
there already is kept."""

import json
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import instag
from instag.capture.options import CaptureOptions
from instag.data.clip import Clip
from instag.demo.files import SECONDS, Files
from instag.demo.lip_check import measure_sync
from instag.demo.page import page_of
from instag.evaluation.evaluate import Evaluation, evaluate
from instag.evaluation.held_out import held_back
from instag.evaluation.html_page import write_page
from instag.models.avatar import Avatar
from instag.runtime.device import device_named
from instag.runtime.display import can_show
from instag.runtime.files import write_atomic
from instag.runtime.progress import Report, silent
from instag.synthetic import Speaker, perform, recording, write_video
from instag.training.adapt_recipe import AdaptRecipe
from instag.types import FPS

SIZE, SEED = 256, 0
TRAIN_FRAMES = round((SECONDS - 1) * FPS)
"""Frames for training; the last second is for testing."""
STAGE_SHARES = {"face": (0.0, 0.35), "mouth": (0.35, 0.30), "fuse": (0.65, 0.35)}
"""Start of each training stage and its share of the time, for one progress bar."""

Progress = Callable[[str], AbstractContextManager[Report]]
"""Opens the display of a piece of work by its title; the block's value is the report to call."""


@contextmanager
def _silent_progress(title: str) -> Iterator[Report]:
    yield silent


def run(
    folder: Path | str = "instag-demo",
    *,
    open_page: bool = True,
    recipe: str | AdaptRecipe = "draft",
    device: str = "auto",
    progress: Progress = _silent_progress,
    note: Callable[[str], None] = lambda sentence: None,
) -> Path:
    """Run the demo in `folder` and return its report, an HTML file. Steps that an earlier run
    completed there are skipped.

    open_page: show the report in a browser where there is a display. device: as in
    runtime.device.device_named. progress: shows each piece of work. note: takes messages for a
    person. Raises InstagError.
    """
    device_named(device)
    files = Files(folder=Path(folder))
    files.folder.mkdir(parents=True, exist_ok=True)
    train_speech, speech = recording("speech_one"), recording("speech_two")
    speaker = Speaker(SEED, size=SIZE)
    times = _Times(files.times)

    if not files.filmed.exists():
        with times.stage("film"), progress("Filming a synthetic speaker") as report:
            write_video(
                perform(speaker, train_speech, seconds=SECONDS, size=SIZE),
                files.filmed,
                report=report,
            )
    with times.stage("observe"), progress("Observing it") as report:
        clip = instag.prepare(files.filmed, files.clip, CaptureOptions(size=SIZE), report=report)
    if not files.avatar.exists():
        with times.stage("learn"), progress("Learning the head") as report:
            _learn(clip, files.avatar, recipe, device, report)
    avatar = Avatar.open(files.avatar)
    with times.stage("test"), progress("Testing on the last second, not taught") as report:
        held_out = _tested(avatar, clip, device, report)
    with times.stage("speak"), progress("Speaking") as report:
        instag.speak(avatar, speech.path, files.spoken, device=device, report=report)
    with times.stage("check"), progress("Checking the lips") as report:
        sync = measure_sync(files.spoken, perform(speaker, speech, size=SIZE).apertures(), report)

    page = page_of(files, clip, avatar, train_speech, speech, times.spent, held_out, sync)
    write_page(page, files.page)
    note(f"The report: {files.page.resolve()}")
    if open_page and can_show():
        webbrowser.open(files.page.resolve().as_uri())
    return files.page


def _learn(
    clip: Clip, avatar: Path, recipe: str | AdaptRecipe, device: str, report: Report
) -> None:
    instag.adapt(
        clip, avatar, recipe=recipe, n_views=TRAIN_FRAMES, device=device, report=_one_bar(report)
    )


def _tested(avatar: Avatar, clip: Clip, device: str, report: Report) -> Evaluation | None:
    """None where a recipe held no frame back."""
    if not len(held_back(avatar)):
        return None
    return evaluate(avatar, clip, with_speed=False, device=device, report=report)


class _Times:
    """Seconds of each piece of work, stored in a file so that they survive an interrupted demo."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spent: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        took = round(time.monotonic() - started, 2)
        self.spent[name] = max(took, self.spent.get(name, 0.0)) if name == "observe" else took
        write_atomic(self.path, json.dumps(self.spent))


def _one_bar(report: Report) -> Callable[[str, int, int], None]:
    def staged(stage: str, done: int, total: int) -> None:
        start, share = STAGE_SHARES.get(stage, (0.0, 1.0))
        report(round(1000 * (start + share * done / max(total, 1))), 1000)

    return staged
