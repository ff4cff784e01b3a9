"""The demo: instag learns a synthetic speaker from a video, renders it with new speech, and reports
the quality."""

import json
import os
import platform
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

import instag
from instag.capture.options import CaptureOptions
from instag.data.clip import Clip
from instag.evaluation.chart import Chart, Line
from instag.evaluation.evaluate import Evaluation, evaluate
from instag.evaluation.held_out import held_back, reconstruct
from instag.evaluation.html_page import (
    Block,
    Figures,
    Films,
    Heading,
    Page,
    Paragraph,
    Picture,
    Table,
    write_page,
)
from instag.evaluation.landmarks import LandmarkTracker
from instag.evaluation.lip_sync import CurveSync, curve_sync, lip_curves
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.number_format import shown
from instag.media.reader import read_frames
from instag.models.avatar import Avatar
from instag.runtime.device import device_named
from instag.runtime.files import write_atomic
from instag.runtime.progress import Report, silent
from instag.synthetic import Recording, Speaker, perform, recording, write_video
from instag.training.recipes import AdaptRecipe
from instag.training.run_dir import METRICS
from instag.types import FPS, SAMPLE_RATE
from instag.version import __version__

SECONDS, SIZE, SEED = 6.0, 256, 0
TRAIN_FRAMES = round((SECONDS - 1) * FPS)
"""Frames for training; the last second is for testing."""
STAGE_SHARES = {"face": (0.0, 0.35), "mouth": (0.35, 0.30), "fuse": (0.65, 0.35)}
"""Start of each training stage and its share of the time, for one progress bar."""

LEAD = (
    "A head that does not exist was filmed for six seconds, learned on this machine, and now "
    "speaks."
)
SYNTHETIC = "Nobody was filmed: the face, the voice and the videos on this page are synthetic."

Progress = Callable[[str], AbstractContextManager[Report]]
"""Opens the display of a piece of work by its title; the block's value is the report to call."""


@contextmanager
def _silent_progress(title: str) -> Iterator[Report]:
    yield silent


@dataclass(frozen=True, kw_only=True)
class Files:
    """Paths of the demo's results."""

    folder: Path

    @property
    def filmed(self) -> Path:
        return self.folder / "speaker.mp4"

    @property
    def clip(self) -> Path:
        return self.folder / "speaker.clip"

    @property
    def avatar(self) -> Path:
        return self.folder / "speaker.avatar"

    @property
    def spoken(self) -> Path:
        return self.folder / "spoken.mp4"

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    @property
    def times(self) -> Path:
        return self.folder / "times.json"


@dataclass(frozen=True, kw_only=True)
class Sync:
    """How well the lips follow the voice. measured, true: aperture of each frame over the eyes'
    distance; NaN without a face."""

    measured: Float[np.ndarray, " f"]
    true: Float[np.ndarray, " f"]
    fit: CurveSync


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
            instag.adapt(
                clip,
                files.avatar,
                recipe=recipe,
                n_views=TRAIN_FRAMES,
                device=device,
                report=_one_bar(report),
            )
    avatar = Avatar.open(files.avatar)
    with times.stage("test"), progress("Testing on the last second, not taught") as report:
        held_out = (
            evaluate(avatar, clip, with_speed=False, device=device, report=report)
            if len(held_back(avatar))
            else None
        )
    with times.stage("speak"), progress("Speaking") as report:
        instag.speak(avatar, speech.path, files.spoken, device=device, report=report)
    with times.stage("check"), progress("Checking the lips") as report:
        sync = measure_sync(files.spoken, perform(speaker, speech, size=SIZE).apertures(), report)

    page = _page(files, clip, avatar, train_speech, speech, times.spent, held_out, sync)
    write_page(page, files.page)
    note(f"The report: {files.page.resolve()}")
    if open_page and can_show():
        webbrowser.open(files.page.resolve().as_uri())
    return files.page


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


def can_show() -> bool:
    """Whether a browser can open a window: not over SSH, not in CI, and on Linux only with a
    display."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("CI"):
        return False
    return not sys.platform.startswith("linux") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _one_bar(report: Report) -> Callable[[str, int, int], None]:
    def staged(stage: str, done: int, total: int) -> None:
        start, share = STAGE_SHARES.get(stage, (0.0, 1.0))
        report(round(1000 * (start + share * done / max(total, 1))), 1000)

    return staged


def measure_sync(video: Path, true: Float[np.ndarray, " f"], report: Report = silent) -> Sync:
    """Measure the lips in a video and compare them with the true apertures (`true`, one a
    frame)."""
    tracker = LandmarkTracker()
    for index, image in enumerate(islice(read_frames(video), len(true))):
        tracker.track(image)
        report(index + 1, len(true))
    aperture = lip_curves(tracker.observed()).aperture
    measured = np.full(len(true), np.nan)
    measured[: len(aperture)] = aperture
    return Sync(measured=measured, true=true, fit=curve_sync(measured, true))


def _page(
    files: Files,
    clip: Clip,
    avatar: Avatar,
    train_speech: Recording,
    speech: Recording,
    spent: dict[str, float],
    held_out: Evaluation | None,
    sync: Sync,
) -> Page:
    tested = held_out is not None
    blocks: list[Block] = [
        Figures(values=_headline(spent, held_out, sync)),
        Films(films=_films(files, train_speech, speech)),
        Heading(text=f"Frames that it was {'not ' if tested else ''}taught"),
        Picture(
            image=comparison_picture(avatar, clip),
            caption=(
                "Above the true frames, below the learned head with the same pose, "
                "expression and voice."
            ),
        ),
        Heading(text="Lips and voice"),
        _lips_chart(speech, sync),
        Paragraph(text=_sync_sentence(sync), small=True),
    ]
    if (loss := _loss_chart(files)) is not None:
        blocks += [Heading(text="Learning"), loss]
    blocks += [
        Heading(text="Where the time went"),
        _times_table(spent, len(clip), len(sync.true)),
        Heading(text="Made with"),
        _machine_table(avatar),
        Paragraph(text=SYNTHETIC, small=True),
    ]
    return Page(title="instag demo", lead=LEAD, blocks=blocks)


def _headline(
    spent: dict[str, float], held_out: Evaluation | None, sync: Sync
) -> list[tuple[str, str]]:
    """(number, what it is) of the few that matter."""
    learning = spent.get("learn", 0.0)
    took = f"{learning / 60:.1f} min" if learning > 90 else f"{learning:.0f} s"
    values = [(took, "to learn the head")]
    if held_out is not None:
        metrics = held_out.measured.image["full"]
        values += [
            (f"{shown(metrics.psnr)} dB", "PSNR on frames not taught"),
            (shown(metrics.ssim), "SSIM on frames not taught"),
        ]
    speed = len(sync.true) / max(spent["speak"], 1e-3)
    return [
        *values,
        (_two_digits(sync.fit.correlation), "lips follow the voice (correlation)"),
        (f"{speed:.0f} frames/s", "speaking, end to end"),
    ]


def _films(files: Files, train_speech: Recording, speech: Recording) -> list[tuple[Path, str]]:
    return [
        (
            files.spoken,
            f"The learned head says words that were not in its training: “{speech.text}”",
        ),
        (
            files.filmed,
            f"What it was learned from, {SECONDS:.0f} s of a synthetic speaker: "
            f"“{train_speech.text}”",
        ),
    ]


def _sync_sentence(sync: Sync) -> str:
    found = (
        f"A face was found in {int(np.isfinite(sync.measured).sum())} of {len(sync.true)} frames."
    )
    if isinstance(sync.fit.lag, NotMeasured):
        return f"{found} Correlation {sync.fit.correlation}."
    when = (
        f"{abs(sync.fit.lag) * 1000 // FPS} ms {'late' if sync.fit.lag > 0 else 'early'}"
        if sync.fit.lag
        else "in time"
    )
    return (
        f"{found} Correlation {_two_digits(sync.fit.correlation)}; the curves fit best with "
        f"the lips {when}."
    )


def _two_digits(value: float | NotMeasured) -> str:
    return "-" if isinstance(value, NotMeasured) else f"{value:.2f}"


def comparison_picture(avatar: Avatar, clip: Clip, columns: int = 5) -> UInt8[np.ndarray, "h w 3"]:
    """True frames above rendered ones, from the held-out end of the clip (or from the whole clip
    where nothing was held out)."""
    kept = held_back(avatar) or range(len(clip))
    places = np.linspace(kept.start, kept.stop - 1, columns).round().astype(int).tolist()
    pairs = [
        pair for place in places for pair in reconstruct(avatar, clip, range(place, place + 1))
    ]
    return np.vstack(
        [np.hstack([pair.truth for pair in pairs]), np.hstack([pair.prediction for pair in pairs])]
    )


def _lips_chart(speech: Recording, sync: Sync) -> Chart:
    """The aperture of the rendered lips and of the speaker's own, over the loudness of the
    voice."""
    step = SAMPLE_RATE // FPS
    frames = len(sync.true)
    waveform = np.pad(speech.waveform, (0, max(0, frames * step - len(speech.waveform))))[
        : frames * step
    ]
    loudness = np.sqrt((waveform.reshape(frames, step) ** 2).mean(1))
    seconds = (np.arange(frames) + 0.5) / FPS
    measured = np.nan_to_num(sync.measured)
    top = max(float(sync.true.max()), float(measured.max()), 1e-3)
    lines = [
        Line(name="loudness", x=seconds, y=loudness / loudness.max() * top, filled=True),
        Line(name="lips of the learned head", x=seconds, y=measured),
        Line(name="lips of the speaker itself", x=seconds, y=sync.true),
    ]
    return Chart(
        lines=lines,
        x_name="seconds",
        caption=(
            "How far the lips are open, as a share of the distance between the eyes' outer corners."
        ),
    )


def _loss_chart(files: Files) -> Chart | None:
    """The loss of each training stage; None where no curve was stored."""
    path = files.clip / "training" / files.avatar.stem / METRICS
    if not path.exists():
        return None
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    lines = []
    for stage in dict.fromkeys(row["stage"] for row in rows):
        own = [row for row in rows if row["stage"] == stage]
        lines.append(
            Line(
                name=stage,
                x=np.array([row["step"] for row in own], float),
                y=np.array([row["loss"] for row in own], float),
            )
        )
    return (
        Chart(
            lines=lines,
            x_name="step",
            caption="Loss of each stage, averaged between points; lower is better.",
            logarithmic=True,
        )
        if lines
        else None
    )


def _times_table(spent: dict[str, float], filmed: int, spoken: int) -> Table:
    names = {
        "film": f"Film the synthetic speaker ({filmed} frames)",
        "observe": f"Observe: landmarks, head, regions, action units ({filmed} frames)",
        "learn": "Learn the head",
        "test": "Test on frames held back",
        "speak": f"Speak ({spoken} frames, sound and encoding included)",
        "check": f"Check the lips ({spoken} frames)",
    }
    rows = [
        (name, f"{spent[key]:.1f}\N{NO-BREAK SPACE}s")
        for key, name in names.items()
        if key in spent
    ]
    return Table(
        head=("Work", "Time"),
        rows=[
            *rows,
            ("All", f"{sum(spent.get(key, 0.0) for key in names):.1f}\N{NO-BREAK SPACE}s"),
        ],
    )


def _machine_table(avatar: Avatar) -> Table:
    import torch

    info = asdict(avatar.info)
    rows = [
        ("instag", __version__),
        ("Recipe", f"{info['recipe']}, {info['size']}x{info['size']} pixels"),
        ("Splats", ", ".join(f"{count} {part}" for part, count in info["splats"].items())),
        (
            "Python, PyTorch, OpenCV",
            f"{platform.python_version()}, {torch.__version__}, {cv2.__version__}",
        ),
        (
            "Machine",
            f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
            f"{torch.get_num_threads()} threads used",
        ),
    ]
    return Table(head=("What", "Which"), rows=rows)
