"""A chart: curves over one axis, and where each mark of its drawing stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from instag.evaluation.html_page import Block

WIDTH, HEIGHT = 760, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 26, 30
"""Margins around the curves."""
COLORS = 4
"""How many colours `templates/style.css` has for curves."""
LETTER, LEGEND_GAP = 6.6, 34
"""Width of a letter of the legend, and what a legend's entry takes besides its letters."""


@final
@dataclass(frozen=True, kw_only=True)
class Line:
    """A curve of a chart. filled: drawn as a quiet area from zero up, not as a line."""

    name: str
    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " n"]
    filled: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Tick:
    """A number at an axis. at, text_at: where its line and the foot of its text stand, pixels."""

    at: str
    text_at: str
    label: str


@final
@dataclass(frozen=True, kw_only=True)
class Curve:
    """A drawn line. points: as SVG wants them. color: its number, None for an area. legend_at:
    where its entry in the legend begins, pixels."""

    name: str
    points: str
    color: int | None
    legend_at: int


@final
@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Everything that the template draws, in pixels. left, right: ends of the horizontal axis."""

    width: int
    height: int
    left: int
    right: int
    rows: Sequence[Tick]
    columns: Sequence[Tick]
    curves: Sequence[Curve]


@final
@dataclass(frozen=True, kw_only=True)
class Axis:
    """Maps values between two ends to pixels between two others."""

    low: float
    high: float
    first: float
    last: float

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)


@final
@dataclass(frozen=True, kw_only=True)
class Chart(Block):
    """Curves over one axis. logarithmic: the y axis in powers of ten. from_zero: a linear y axis
    begins at 0."""

    kind = "chart"
    lines: Sequence[Line]
    x_name: str
    caption: str
    logarithmic: bool = False
    from_zero: bool = True

    @property
    def drawing(self) -> Drawing:
        """Where everything stands."""
        across, up = self._across(), self._up()
        ticks = decades(up.low, up.high) if self.logarithmic else round_ticks(up.low, up.high)
        return Drawing(
            width=WIDTH,
            height=HEIGHT,
            left=LEFT,
            right=WIDTH - RIGHT,
            rows=[self._row(up.at(value), value) for value in ticks],
            columns=[
                Tick(at=f"{across.at(x):.1f}", text_at="", label=f"{x:g}")
                for x in round_ticks(across.low, across.high)
            ],
            curves=self._curves(across, up),
        )

    def _across(self) -> Axis:
        xs = np.concatenate([line.x for line in self.lines])
        low = float(xs.min())
        return Axis(low=low, high=max(float(xs.max()), low + 1e-9), first=LEFT, last=WIDTH - RIGHT)

    def _up(self) -> Axis:
        ys = np.concatenate([self._scaled(line.y) for line in self.lines])
        low, high = float(ys.min()), float(ys.max())
        if self.from_zero and not self.logarithmic:
            low = min(0.0, low)
        return Axis(low=low, high=high if high > low else low + 1, first=HEIGHT - BOTTOM, last=TOP)

    def _row(self, at: float, value: float) -> Tick:
        label = f"{10**value:.1g}" if self.logarithmic else f"{value:g}"
        return Tick(at=f"{at:.1f}", text_at=f"{at + 4:.1f}", label=label)

    def _curves(self, across: Axis, up: Axis) -> list[Curve]:
        curves: list[Curve] = []
        legend_at, color = LEFT, 0
        for line in self.lines:
            curves.append(
                Curve(
                    name=line.name,
                    points=self._points(line, across, up),
                    color=None if line.filled else color % COLORS,
                    legend_at=legend_at,
                )
            )
            color += not line.filled
            legend_at += LEGEND_GAP + round(LETTER * len(line.name))
        return curves

    def _points(self, line: Line, across: Axis, up: Axis) -> str:
        points = " ".join(
            f"{across.at(x):.1f},{up.at(y):.1f}"
            for x, y in zip(line.x.tolist(), self._scaled(line.y).tolist(), strict=True)
        )
        if not line.filled:
            return points
        start, end = (across.at(float(line.x[place])) for place in (0, -1))
        base = up.at(up.low)
        return f"{start:.1f},{base:.1f} {points} {end:.1f},{base:.1f}"

    def _scaled(self, y: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return np.log10(np.maximum(y, 1e-12)) if self.logarithmic else y


def round_ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers between two ends."""
    raw = (high - low) / 5
    power = 10 ** np.floor(np.log10(raw))
    step = float(min((1, 2, 2.5, 5, 10), key=lambda factor: abs(factor * power - raw)) * power)
    start = np.ceil(low / step - 1e-9)
    return [
        float(round(k * step, 10)) + 0.0 for k in np.arange(start, np.floor(high / step + 1e-9) + 1)
    ]


def decades(low: float, high: float) -> list[float]:
    """Logarithms of 1, 2 and 5 times powers of ten between two ends; of the powers alone over more
    than three decades."""
    factors = (1,) if high - low > 3 else (1, 2, 5)
    logs = [
        power + float(np.log10(factor))
        for power in range(int(np.floor(low)), int(np.ceil(high)) + 1)
        for factor in factors
    ]
    return [value for value in logs if low <= value <= high]
