"""A report as one HTML file that needs nothing else: no network, no script, readable on a phone and
on paper."""

import base64
import html
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.runtime.files import write_atomic

_CHART_WIDTH, _CHART_HEIGHT = 760, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 26, 30
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2126; --soft: #5d6670; --line: #d9dde2; --paper: #fbfbfa; --card: #ffffff;
  --c0: #0b6bcb; --c1: #d9480f; --c2: #2b8a3e; --c3: #862e9c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --soft: #9aa4af; --line: #353b42; --paper: #15181b; --card: #1d2125; --c0: #5cabf5; --c1: #ff922b; --c2: #69db7c; --c3: #da77f2; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.1rem 4rem; max-width: 58rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.12rem; margin: 2.6rem 0 .7rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p { margin: .4rem 0; max-width: 44rem; }
.lead, figcaption, .note { color: var(--soft); }
figcaption, .note { font-size: .88rem; }
figure { margin: .9rem 0; }
video, img { display: block; max-width: 100%; border-radius: 10px; }
.films { display: flex; flex-wrap: wrap; gap: 1.2rem; }
.films figure { flex: 1 1 16rem; max-width: 26rem; margin: .4rem 0; }
.films video { width: 100%; background: #000; }
.wide img { width: 100%; image-rendering: auto; }
table { border-collapse: collapse; width: 100%; max-width: 44rem; font-variant-numeric: tabular-nums; }
td, th { padding: .32rem .8rem .32rem 0; text-align: left; border-bottom: 1px solid var(--line); font-weight: 400; vertical-align: top; }
th { color: var(--soft); font-size: .88rem; }
td + td, th + th { text-align: right; }
.big { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; }
.big div { flex: 1 1 8.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .7rem .9rem; }
.big b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.big span { color: var(--soft); font-size: .85rem; }
svg { width: 100%; height: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .area { fill: var(--soft); opacity: .22; }
"""


class Block(ABC):
    """A piece of a page."""

    @abstractmethod
    def html(self) -> str:
        """Its markup, with all text escaped."""


@final
@dataclass(frozen=True, kw_only=True)
class Heading(Block):
    """Begins a section."""

    text: str

    def html(self) -> str:
        return f"<h2>{html.escape(self.text)}</h2>"


@final
@dataclass(frozen=True, kw_only=True)
class Paragraph(Block):
    """Plain text. small: a side note."""

    text: str
    small: bool = False

    def html(self) -> str:
        kind = ' class="note"' if self.small else ""
        return f"<p{kind}>{html.escape(self.text)}</p>"


@final
@dataclass(frozen=True, kw_only=True)
class Figures(Block):
    """The few numbers that matter, large: (value, what it is)."""

    values: Sequence[tuple[str, str]]

    def html(self) -> str:
        return (
            '<div class="big">'
            + "".join(
                f"<div><b>{html.escape(value)}</b><span>{html.escape(name)}</span></div>"
                for value, name in self.values
            )
            + "</div>"
        )


@final
@dataclass(frozen=True, kw_only=True)
class Films(Block):
    """Videos side by side, each with a caption; the files are carried inside the page. Raises
    OSError for an unreadable file."""

    films: Sequence[tuple[Path, str]]

    def html(self) -> str:
        shown = []
        for path, caption in self.films:
            data = base64.b64encode(path.read_bytes()).decode()
            shown.append(
                f'<figure><video controls playsinline preload="metadata" src="data:video/mp4;base64,{data}"></video>'
                f"<figcaption>{html.escape(caption)}</figcaption></figure>"
            )
        return f'<div class="films">{"".join(shown)}</div>'


@final
@dataclass(frozen=True, kw_only=True)
class Picture(Block):
    """An RGB picture over the page's width, as JPEG of high quality."""

    image: UInt8[np.ndarray, "h w 3"]
    caption: str

    def html(self) -> str:
        worked, data = cv2.imencode(
            ".jpg", cv2.cvtColor(self.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92]
        )
        assert worked
        source = base64.b64encode(data.tobytes()).decode()
        alternative = html.escape(self.caption, quote=True)
        return f'<figure class="wide"><img alt="{alternative}" src="data:image/jpeg;base64,{source}"><figcaption>{html.escape(self.caption)}</figcaption></figure>'


@final
@dataclass(frozen=True, kw_only=True)
class Table(Block):
    """Rows of text; the first column is what, the others are aligned right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def html(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return f"<table><tr>{head}</tr>{body}</table>"


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
class Chart(Block):
    """Curves over one axis. logarithmic: the y axis in powers of ten. from_zero: a linear y axis
    begins at 0."""

    lines: Sequence[Line]
    x_name: str
    caption: str
    logarithmic: bool = False
    from_zero: bool = True

    def html(self) -> str:
        ys = np.concatenate([self._scaled(line.y) for line in self.lines])
        xs = np.concatenate([line.x for line in self.lines])
        low, high = (
            (float(ys.min()), float(ys.max()))
            if self.logarithmic
            else (min(0.0 if self.from_zero else np.inf, float(ys.min())), float(ys.max()))
        )
        high = high if high > low else low + 1
        first, last = float(xs.min()), max(float(xs.max()), float(xs.min()) + 1e-9)
        marks, colour = [], 0
        for y in _decades(low, high) if self.logarithmic else _ticks(low, high):
            row = self._row(y, low, high)
            label = f"{10**y:.1g}" if self.logarithmic else f"{y:g}"
            marks.append(
                f'<line class="grid" x1="{_LEFT}" x2="{_CHART_WIDTH - _RIGHT}" y1="{row:.1f}" y2="{row:.1f}"/>'
            )
            marks.append(
                f'<text x="{_LEFT - 6}" y="{row + 4:.1f}" text-anchor="end">{label}</text>'
            )
        for x in _ticks(first, last):
            column = self._column(x, first, last)
            marks.append(
                f'<text x="{column:.1f}" y="{_CHART_HEIGHT - 10}" text-anchor="middle">{x:g}</text>'
            )
        marks.append(
            f'<text x="{_CHART_WIDTH - _RIGHT - 4}" y="18" text-anchor="end">{html.escape(self.x_name)}</text>'
        )
        place = _LEFT
        for line in self.lines:
            points = " ".join(
                f"{self._column(x, first, last):.1f},{self._row(y, low, high):.1f}"
                for x, y in zip(line.x.tolist(), self._scaled(line.y).tolist(), strict=True)
            )
            if line.filled:
                base, start, end = (
                    self._row(low, low, high),
                    self._column(float(line.x[0]), first, last),
                    self._column(float(line.x[-1]), first, last),
                )
                marks.append(
                    f'<polygon class="area" points="{start:.1f},{base:.1f} {points} {end:.1f},{base:.1f}"/>'
                )
                paint = 'class="area"'
            else:
                marks.append(
                    f'<polyline fill="none" stroke="var(--c{colour % 4})" stroke-width="1.8" stroke-linejoin="round" points="{points}"/>'
                )
                paint = f'fill="var(--c{colour % 4})"'
                colour += 1
            marks.append(
                f'<rect {paint} x="{place}" y="9" width="12" height="9" rx="2"/><text x="{place + 17}" y="18">{html.escape(line.name)}</text>'
            )
            place += 34 + round(6.6 * len(line.name))
        drawing = f'<svg viewBox="0 0 {_CHART_WIDTH} {_CHART_HEIGHT}" role="img" aria-label="{html.escape(self.caption, quote=True)}">{"".join(marks)}</svg>'
        return f"<figure>{drawing}<figcaption>{html.escape(self.caption)}</figcaption></figure>"

    def _scaled(self, y: np.ndarray) -> np.ndarray:
        return np.log10(np.maximum(y, 1e-12)) if self.logarithmic else y

    @staticmethod
    def _column(x: float, first: float, last: float) -> float:
        return _LEFT + (x - first) / (last - first) * (_CHART_WIDTH - _LEFT - _RIGHT)

    @staticmethod
    def _row(y: float, low: float, high: float) -> float:
        return _CHART_HEIGHT - _BOTTOM - (y - low) / (high - low) * (_CHART_HEIGHT - _TOP - _BOTTOM)


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers between two ends."""
    raw = (high - low) / 5
    power = 10 ** np.floor(np.log10(raw))
    step = float(min((1, 2, 2.5, 5, 10), key=lambda factor: abs(factor * power - raw)) * power)
    start = np.ceil(low / step - 1e-9)
    return [
        float(round(k * step, 10)) + 0.0 for k in np.arange(start, np.floor(high / step + 1e-9) + 1)
    ]


def _decades(low: float, high: float) -> list[float]:
    """Logarithms of 1, 2 and 5 times powers of ten between two ends; of the powers alone over more
    than three decades."""
    factors = (1,) if high - low > 3 else (1, 2, 5)
    logs = [
        power + float(np.log10(factor))
        for power in range(int(np.floor(low)), int(np.ceil(high)) + 1)
        for factor in factors
    ]
    return [value for value in logs if low <= value <= high]


@final
@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole report. lead: the sentence under the title."""

    title: str
    lead: str
    blocks: Sequence[Block]

    def html(self) -> str:
        """The complete file."""
        body = "\n".join(block.html() for block in self.blocks)
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self.title)}</title><style>{_STYLE}</style></head>\n"
            f'<body><h1>{html.escape(self.title)}</h1><p class="lead">{html.escape(self.lead)}</p>\n{body}\n</body></html>\n'
        )


def write_page(page: Page, path: Path) -> Path:
    """Write the page, whole or not at all. Raises DiskFull."""
    write_atomic(path, page.html())
    return path
