"""The charts of a report: curves over time, and histograms."""

import numpy as np
from jaxtyping import Float

from instag.evaluation.chart import Chart, Line
from instag.evaluation.html_page import Block, Paragraph
from instag.evaluation.lip_sync import MIN_FRAMES
from instag.evaluation.measure import Measurement
from instag.types import FPS

BINS = 24
"""Bins of a histogram."""


def lip_charts(measured: Measurement) -> list[Block]:
    """Opening and width over time, predicted and true."""
    frames = measured.per_frame
    seconds = _seconds(measured)
    charts: list[Block] = []
    for name, predicted, true in (
        ("mouth's opening", frames.prediction.aperture, frames.truth.aperture),
        ("mouth's width", frames.prediction.width, frames.truth.width),
        ("chin's distance from the nose", frames.prediction.jaw, frames.truth.jaw),
    ):
        lines = [
            line
            for line in (
                _line("true lips", seconds, true),
                _line("predicted lips", seconds, predicted),
            )
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


def psnr_chart(measured: Measurement) -> Block:
    """PSNR over time, of the whole picture and of boxes."""
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


def histograms(measured: Measurement) -> list[Block]:
    """Of the mouth's opening, of PSNR and of LMD."""
    frames = measured.per_frame
    charts = [
        _histogram(
            [("true lips", frames.truth.aperture), ("predicted lips", frames.prediction.aperture)],
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
        if np.isfinite(values).sum() >= MIN_FRAMES
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
    """The curve, interpolated in frames without a value; None where no frame has one."""
    known = np.isfinite(y)
    return Line(name=name, x=x, y=np.interp(x, x[known], y[known])) if known.any() else None


def _seconds(measured: Measurement) -> Float[np.ndarray, " f"]:
    return np.array(measured.per_frame.index, float) / FPS
