"""A report as one HTML file that needs nothing else: no network, no script, readable on a phone and
on paper. What it looks like is in `templates/`."""

import base64
from abc import ABC
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, final

import cv2
import jinja2
import numpy as np
from jaxtyping import UInt8

from instag.runtime.files import write_atomic

JPEG_QUALITY = 92


class Block(ABC):
    """A piece of a page. kind: the macro of `templates/blocks.html` that renders it."""

    kind: ClassVar[str]


@final
@dataclass(frozen=True, kw_only=True)
class Heading(Block):
    """Begins a section."""

    kind = "heading"
    text: str


@final
@dataclass(frozen=True, kw_only=True)
class Paragraph(Block):
    """Plain text. small: a side note."""

    kind = "paragraph"
    text: str
    small: bool = False


@final
@dataclass(frozen=True, kw_only=True)
class Figures(Block):
    """The few numbers that matter, large: (value, what it is)."""

    kind = "figures"
    values: Sequence[tuple[str, str]]


@final
@dataclass(frozen=True, kw_only=True)
class Films(Block):
    """Videos side by side, each with a caption; the files are carried inside the page."""

    kind = "films"
    films: Sequence[tuple[Path, str]]

    @property
    def sources(self) -> list[tuple[str, str]]:
        """(video as a data address, caption). Raises OSError for an unreadable file."""
        return [(_data("video/mp4", path.read_bytes()), caption) for path, caption in self.films]


@final
@dataclass(frozen=True, kw_only=True)
class Picture(Block):
    """An RGB picture over the page's width, as JPEG of high quality."""

    kind = "picture"
    image: UInt8[np.ndarray, "h w 3"]
    caption: str

    @property
    def source(self) -> str:
        """The picture as a data address."""
        pixels = cv2.cvtColor(self.image, cv2.COLOR_RGB2BGR)
        worked, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        assert worked
        return _data("image/jpeg", data.tobytes())


@final
@dataclass(frozen=True, kw_only=True)
class Table(Block):
    """Rows of text; the first column is what, the others are aligned right."""

    kind = "table"
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@final
@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole report. lead: the sentence under the title."""

    title: str
    lead: str
    blocks: Sequence[Block]

    def html(self) -> str:
        """The complete file, with all text escaped."""
        return _templates().get_template("page.html").render(page=self)


def write_page(page: Page, path: Path) -> Path:
    """Write the page, whole or not at all. Raises DiskFull."""
    write_atomic(path, page.html())
    return path


@cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("instag.evaluation"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
