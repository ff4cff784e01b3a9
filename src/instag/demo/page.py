"""The demo's page: its numbers, films and curves."""

import json
import os
import platform
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.data.clip import Clip
from instag.demo.files import SECONDS, Files
from instag.demo.lip_check import Sync
from instag.evaluation.chart import Chart, Line
from instag.evaluation.evaluate import Evaluation
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
)
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.number_format import shown
from instag.models.avatar import Avatar
from instag.synthetic import Recording
from instag.training.metrics_writer import METRICS
from instag.types import FPS, SAMPLE_RATE
from instag.version import __version__

LEAD = (
    "A head that does not exist was filmed for six seconds, learned on this machine, and now "
    "speaks."
)
SYNTHETIC = "Nobody was filmed: the face, the voice and the videos on this page are synthetic."


def page_of(
    files: Files,
    clip: Clip,
    avatar: Avatar,
    train_speech: Recording,
    speech: Recording,
    spent: dict[str, float],
    held_out: Evaluation | None,
    sync: Sync,
) -> Page:
    """train_speech, speech: what the speaker says in the film, and the learned head. spent: seconds
    of each piece of work. held_out: None where no frame was held back."""
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
