"""The report of an evaluation: metrics.json, metrics.csv, and a page with the numbers, the curves,
and the frames to look at."""

from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.evaluation.evaluate import Evaluation
from instag.evaluation.html_report import (
    Block,
    Chart,
    Figures,
    Heading,
    Line,
    Page,
    Paragraph,
    Picture,
    Table,
    write_page,
)
from instag.evaluation.lip_sync import FEWEST_FRAMES
from instag.evaluation.measure import Measurement
from instag.evaluation.metrics_table import Metrics, Row, brief, shown, unmeasured
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.paper_results import NOTE, ROWS
from instag.evaluation.sample_frames import MouthSample, Sample
from instag.types import FPS

HEADLINE = (
    ("psnr_full", "PSNR, whole picture (dB)"),
    ("ssim_full", "SSIM, whole picture"),
    ("lpips_full", "LPIPS, whole picture"),
    ("lmd_percent", "LMD, % of eye distance"),
    ("aperture_correlation", "lips open with the true ones (correlation)"),
    ("aperture_lag", "lag of the lips (frames)"),
)
TILE = 320
"""Pixels a side of a frame in the report."""
ERROR_GAIN = 4
"""How many times an error is enlarged in an error map."""
MOUTHS_A_ROW = 12
BINS = 24


def write_report(evaluation: Evaluation, folder: Path | str) -> Path:
    """Write all three files into the folder and return the page. Raises DiskFull."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    evaluation.metrics.save(folder)
    return write_page(report_page(evaluation), folder / "report.html")


def report_page(evaluation: Evaluation) -> Page:
    """The page, with nothing outside of it."""
    metrics, measured = evaluation.metrics, evaluation.measured
    headline = [
        (row.value, label) for key, label in HEADLINE if (row := metrics.row(key)) is not None
    ]
    blocks: list[Block] = [
        Figures(
            values=[
                (shown(value), label)
                for value, label in headline
                if not isinstance(value, NotMeasured)
            ]
        )
    ]
    if "note" in metrics.about:
        blocks.append(Paragraph(text=metrics.about["note"]))
    for group, rows in groupby(metrics.rows, key=lambda row: row.group):
        blocks += [Heading(text=group), *_table(list(rows))]
    blocks += [
        Heading(text="Beside what others published"),
        published_table(metrics),
        Paragraph(text=_published_note(), small=True),
    ]
    blocks += [
        Heading(text="Lips over time"),
        *_lip_charts(measured),
        Heading(text="Likeness over time"),
        _psnr_chart(measured),
    ]
    blocks += _frames(measured)
    blocks += [Heading(text="How often"), *_histograms(measured)]
    blocks += [
        Heading(text="Made with"),
        Table(
            head=("What", "Which"),
            rows=[(name, text) for name, text in metrics.about.items() if name != "note"],
        ),
    ]
    return Page(
        title=f"How near is {metrics.about['prediction']}?",
        lead=f"Measured against {metrics.about['truth']}, frame by frame.",
        blocks=blocks,
    )


def published_table(metrics: Metrics) -> Table:
    """This table's numbers beside those of papers, where both have one."""
    keys = dict.fromkeys(key for published in ROWS for key in published.numbers)
    found = {key: row for key in keys if (row := metrics.row(key)) is not None}
    rows = [
        (
            _named(row),
            brief(row.value),
            *(shown(published.numbers.get(key)) or "-" for published in ROWS),
        )
        for key, row in found.items()
    ]
    return Table(
        head=("", "this", *(f"{published.name}, as published" for published in ROWS)), rows=rows
    )


def _published_note() -> str:
    return (
        f"{NOTE} Their action units are OpenFace's, their landmarks another detector's, and their "
        "pictures went through a video file first: "
        "the numbers say in which order of size one is, no more. TalkingGaussian's table is not at "
        "hand: not shown."
    )


def _table(rows: list[Row]) -> list[Block]:
    """The rows, and under them why some have no number."""
    marks = {
        "more": "more",
        "less": "less",
        "one": "near 1",
        "zero": "near 0",
        "truth": "near truth",
        "": "",
    }
    cells = [(_named(row), brief(row.value), brief(row.truth), marks[row.better]) for row in rows]
    return [
        Table(head=("", "measured", "truth", "better"), rows=cells),
        *(Paragraph(text=text, small=True) for text in unmeasured(rows)),
    ]


def _named(row: Row) -> str:
    return f"{row.label} ({row.unit})" if row.unit else row.label


def _lip_charts(measured: Measurement) -> list[Block]:
    frames = measured.per_frame
    seconds = _seconds(measured)
    charts: list[Block] = []
    for name, painted, true in (
        ("mouth's opening", frames.prediction.aperture, frames.truth.aperture),
        ("mouth's width", frames.prediction.width, frames.truth.width),
        ("chin's distance from the nose", frames.prediction.jaw, frames.truth.jaw),
    ):
        lines = [
            line
            for line in (_line("true lips", seconds, true), _line("painted lips", seconds, painted))
            if line
        ]
        if name == "mouth's opening" and frames.loudness is not None and lines:
            top = max(float(line.y.max()) for line in lines)
            loud = frames.loudness / max(float(frames.loudness.max()), 1e-9) * top
            lines.insert(0, Line(name="the voice's loudness", x=seconds, y=loud, filled=True))
        if lines:
            charts.append(
                Chart(
                    lines=lines,
                    x_name="seconds",
                    caption=f"The {name}, in distances of the eyes.",
                    from_zero=name == "mouth's opening",
                )
            )
    return charts or [Paragraph(text="No face was found: there are no curves.")]


def _psnr_chart(measured: Measurement) -> Block:
    seconds = _seconds(measured)
    psnr = measured.per_frame.psnr
    curves = (
        ("whole picture", psnr["full"]),
        ("face box", psnr["face"]),
        ("mouth box", psnr["mouth"]),
    )
    lines = [line for name, values in curves if (line := _line(name, seconds, values))]
    return Chart(
        lines=lines, x_name="seconds", caption="PSNR in dB; more is nearer.", from_zero=False
    )


def _frames(measured: Measurement) -> list[Block]:
    samples = measured.samples
    caption = (
        f"True, painted, and their difference times {ERROR_GAIN}; by PSNR of the {samples.place}: "
    )
    blocks: list[Block] = [Heading(text="FrameBatch")]
    for name, chosen in (("The worst frames", samples.worst), ("The best frames", samples.best)):
        if chosen:
            listed = ", ".join(
                f"frame {sample.pair.index} ({sample.psnr:.1f} dB)" for sample in chosen
            )
            blocks.append(Picture(image=error_sheet(chosen), caption=f"{name}. {caption}{listed}."))
    if samples.mouths:
        blocks += [
            Heading(text="Mouths"),
            Picture(
                image=mouth_sheet(samples.mouths),
                caption=(
                    "At even steps in time; in each pair of rows the true mouth above, the "
                    "painted one below."
                ),
            ),
        ]
    return blocks


def error_sheet(samples: list[Sample]) -> UInt8[np.ndarray, "h w 3"]:
    """A row for each frame: true, painted, difference."""
    rows = []
    for sample in samples:
        painted, truth = sample.pair.painted, sample.pair.truth
        error = np.clip(cv2.absdiff(painted, truth).astype(np.int32) * ERROR_GAIN, 0, 255).astype(
            np.uint8
        )
        height = round(TILE * truth.shape[0] / truth.shape[1])
        rows.append(
            np.hstack(
                [
                    cv2.resize(picture, (TILE, height), interpolation=cv2.INTER_AREA)
                    for picture in (truth, painted, error)
                ]
            )
        )
    return np.vstack(rows).astype(np.uint8)


def mouth_sheet(mouths: list[MouthSample]) -> UInt8[np.ndarray, "h w 3"]:
    """Pairs of rows, true above painted, MOUTHS_A_ROW in each."""
    blank = np.full_like(mouths[0].truth, 255)
    rows = []
    for start in range(0, len(mouths), MOUTHS_A_ROW):
        group = mouths[start : start + MOUTHS_A_ROW]
        spare = [blank] * (min(MOUTHS_A_ROW, len(mouths)) - len(group))
        rows += [
            np.hstack([mouth.truth for mouth in group] + spare),
            np.hstack([mouth.painted for mouth in group] + spare),
        ]
    return np.vstack(rows).astype(np.uint8)


def _histograms(measured: Measurement) -> list[Block]:
    frames = measured.per_frame
    charts = [
        _histogram(
            [("true lips", frames.truth.aperture), ("painted lips", frames.prediction.aperture)],
            "the mouth's opening, in distances of the eyes",
        ),
        _histogram(
            [("whole picture", frames.psnr["full"]), ("mouth box", frames.psnr["mouth"])],
            "PSNR (dB)",
        ),
        _histogram([("landmarks", frames.lmd)], "LMD (px)"),
    ]
    return [chart for chart in charts if chart]


def _histogram(curves: list[tuple[str, Float[np.ndarray, " f"]]], what: str) -> Chart | None:
    known = [
        (name, values[np.isfinite(values)])
        for name, values in curves
        if np.isfinite(values).sum() >= FEWEST_FRAMES
    ]
    if not known:
        return None
    everything = np.concatenate([values for _, values in known])
    edges = np.linspace(
        float(everything.min()),
        max(float(everything.max()), float(everything.min()) + 1e-6),
        BINS + 1,
    )
    middles = (edges[1:] + edges[:-1]) / 2
    lines = [
        Line(name=name, x=middles, y=np.histogram(values, edges)[0] / len(values) * 100)
        for name, values in known
    ]
    return Chart(lines=lines, x_name=what, caption=f"Per cent of the frames by {what}.")


def _line(name: str, x: Float[np.ndarray, " f"], y: Float[np.ndarray, " f"]) -> Line | None:
    """The curve with its unknown frames bridged; None where nothing is known."""
    known = np.isfinite(y)
    return Line(name=name, x=x, y=np.interp(x, x[known], y[known])) if known.any() else None


def _seconds(measured: Measurement) -> Float[np.ndarray, " f"]:
    return np.array(measured.per_frame.index, float) / FPS
