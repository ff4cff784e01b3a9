"""Decoded frames as RGB pictures as displayed: upright, with square pixels, of one size, in the
range of a screen; scaled, or one square of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import cv2
import numpy as np
from av.error import BlockingIOError as NeedsMore
from av.error import EOFError as EndOfFile
from av.filter import Graph
from av.sidedata.sidedata import SideData, SideDataContainer, Type
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream
from jaxtyping import UInt8

from instag.media.pixel_format import EXACT

HDR_TRANSFERS = (16, 18)
"""PQ and HLG (ITU-T H.273)."""
TO_SDR = "out_transfer=bt709:out_primaries=bt709:out_color_matrix=bt709:out_range=pc"
"""FFmpeg's scale filter maps the tones; its tables take it 4 s at the first frame."""
EXIF = 31
"""FFmpeg's AV_FRAME_DATA_EXIF. It makes a display matrix of Exif, too."""
MATRICES, PRIMARIES = (0, 1, 2, 4, 5, 6, 7, 9), (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22)
"""Those of H.273 that FFmpeg's scale filter takes; it refuses frames that state others."""
BT2020 = 9
"""The matrix and primaries of HDR (ITU-R BT.2100)."""
MAX_ASPECT = 8
"""Pixels that are wider or narrower than this by their header are taken for square."""


@dataclass(frozen=True, kw_only=True)
class Square:
    """A square of the displayed picture, in its pixels (even numbers, as colour is stored for
    pairs), scaled to `size` pixels."""

    x: int
    y: int
    side: int
    size: int


@final
@dataclass(frozen=True, kw_only=True)
class Orientation:
    """How a stored picture becomes upright: first its axes change places, then it is mirrored left
    to right, then top to bottom."""

    transposed: bool = False
    mirrored: bool = False
    upended: bool = False

    @classmethod
    def of(cls, frame: VideoFrame) -> "Orientation":
        """As the frame states, upright where it does not."""
        return cls.stated(frame) or cls()

    @classmethod
    def stated(cls, frame: VideoFrame) -> "Orientation | None":
        """From the display matrix that came with the frame; None where none did."""
        try:
            stored = _display_matrix(frame)
        except ValueError:
            return cls.turned(frame.rotation)
        if stored is None:
            return None
        a, b, _, c, d, *_ = np.frombuffer(bytes(stored), np.int32).tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(mirrored=a < 0, upended=d < 0)
        return cls(transposed=True, mirrored=c < 0, upended=b < 0)

    @classmethod
    def turned(cls, degrees: int) -> "Orientation":
        """Of a picture that is shown turned to the left by a multiple of 90 degrees."""
        quarter = degrees // 90 % 4
        return cls(
            transposed=quarter % 2 == 1, mirrored=quarter in (2, 3), upended=quarter in (1, 2)
        )

    def apply(self, image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
        """A picture as players show it."""
        if self == Orientation():
            return image
        image = image.transpose(1, 0, 2) if self.transposed else image
        image = image[:, ::-1] if self.mirrored else image
        return np.ascontiguousarray(image[::-1] if self.upended else image)


def _display_matrix(frame: VideoFrame) -> SideData | None:
    """Raises ValueError where more came with the frame that PyAV has no name for than Exif."""
    try:
        return _matrix_beside(frame)
    except ValueError:
        return _matrix_beside(_Filters()(frame, ("sidedata", f"mode=delete:type={EXIF}")))


def _matrix_beside(frame: VideoFrame) -> SideData | None:
    """`frame.side_data` itself makes a circle with the frame, whose pixels then stay until garbage
    is collected: hundreds of megabytes."""
    return SideDataContainer(frame).get(Type.DISPLAYMATRIX)  # pyright: ignore - a wrong stub


def displayed_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height as displayed: square pixels, upright."""
    aspect = float(stream.sample_aspect_ratio or 1)
    aspect = aspect if 1 / MAX_ASPECT <= aspect <= MAX_ASPECT else 1.0
    width, height = round(frame.width * aspect), frame.height
    return (height, width) if Orientation.of(frame).transposed else (width, height)


@final
class FrameConverter:
    """Turns decoded frames into RGB pictures as displayed. All are as large as the first one. What
    a frame states of its orientation holds until another states it: H.264 and HEVC may carry it in
    the stream, with whole pictures alone."""

    def __init__(self, stream: VideoStream, scale: float, square: Square | None) -> None:
        self._stream, self._scale, self._square = stream, scale, square
        self._stored: tuple[int, int] | None = None
        self._displayed = 0, 0
        self._orientation = Orientation()
        self._crop = _Filters()
        self._rgb = RgbConverter()

    def __call__(self, frame: VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
        self._orientation = Orientation.stated(frame) or self._orientation
        frame = self._of_first_size(frame)
        square, displayed = self._square, self._displayed
        if square is None:
            return self._upright(frame, self._scale)
        if self._orientation == Orientation() and displayed == (frame.width, frame.height):
            return self._rgb(self._cut(frame, square), square.size, square.size)
        scale = min(1.0, square.size / square.side)
        left, top, side = (round(length * scale) for length in (square.x, square.y, square.side))
        piece = self._upright(frame, scale)[top : top + side, left : left + side]
        return cv2.resize(piece, (square.size, square.size), interpolation=cv2.INTER_CUBIC)

    def _of_first_size(self, frame: VideoFrame) -> VideoFrame:
        """The frame, scaled where it is not as large as the first."""
        if self._stored is None:
            self._stored = frame.width, frame.height
            self._displayed = displayed_size(frame, self._stream)
        if self._stored == (frame.width, frame.height):
            return frame
        width, height = self._stored
        return frame.reformat(width=width, height=height, interpolation=Interpolation.BICUBIC)

    def _cut(self, frame: VideoFrame, square: Square) -> VideoFrame:
        """The square of a frame, before any conversion: most of a tall video is never converted."""
        if (square.side, square.side) == (frame.width, frame.height):
            return frame
        return self._crop(frame, ("crop", f"{square.side}:{square.side}:{square.x}:{square.y}"))

    def _upright(self, frame: VideoFrame, scale: float) -> UInt8[np.ndarray, "h w 3"]:
        orientation = self._orientation
        width, height = (
            max(1, round(length * scale))
            for length in (self._displayed[::-1] if orientation.transposed else self._displayed)
        )
        return orientation.apply(self._rgb(frame, width, height))


@final
class RgbConverter:
    """Scales frames and converts them to RGB, tone-mapped where they are HDR."""

    def __init__(self) -> None:
        self._tones = _Filters()

    def __call__(self, frame: VideoFrame, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
        smaller = width < frame.width
        if frame.color_trc in HDR_TRANSFERS:
            way = "area" if smaller else "bicubic"
            size = f"{width}:{height}:flags={way}+accurate_rnd+full_chroma_int"
            if frame.colorspace not in MATRICES:
                frame.colorspace = BT2020
            if frame.color_primaries not in PRIMARIES:
                frame.color_primaries = BT2020
            scaled = self._tones(frame, ("scale", f"{size}:{TO_SDR}"), ("format", "rgb24"))
            return scaled.to_ndarray()
        way = (Interpolation.AREA if smaller else Interpolation.BICUBIC) | EXACT
        return frame.reformat(
            width=width,
            height=height,
            format="rgb24",
            interpolation=way,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        ).to_ndarray()


def deinterlaced(frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
    """The frames, those that are flagged as interlaced made whole by FFmpeg's bwdif; nothing
    changes where none is."""
    graph: Graph | None = None
    form = None
    for frame in frames:
        found = frame.width, frame.height, frame.format.name
        if graph is not None and found != form:
            yield from _pulled(graph, last=True)
            graph = None
        if graph is None and frame.interlaced_frame:
            graph, form = _graph(frame, ("bwdif", "mode=send_frame:deint=interlaced")), found
        if graph is None:
            yield frame
            continue
        graph.vpush(frame)
        yield from _pulled(graph, last=False)
    if graph is not None:
        yield from _pulled(graph, last=True)


def _pulled(graph: Graph, *, last: bool) -> Iterator[VideoFrame]:
    if last:
        graph.vpush(None)
    while True:
        try:
            yield graph.vpull()
        except (NeedsMore, EndOfFile):
            return


@final
class _Filters:
    """A chain of filters that gives one frame for each, made anew where the frames' form
    changes."""

    def __init__(self) -> None:
        self._form: tuple[object, ...] = ()
        self._graph: Graph | None = None

    def __call__(self, frame: VideoFrame, *steps: tuple[str, str]) -> VideoFrame:
        form = (frame.width, frame.height, frame.format.name, frame.color_trc, steps)
        if self._graph is None or self._form != form:
            self._form, self._graph = form, _graph(frame, *steps)
        self._graph.vpush(frame)
        return self._graph.vpull()


def _graph(frame: VideoFrame, *steps: tuple[str, str]) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 1000),
    )
    nodes = [graph.add(name, settings) for name, settings in steps]
    graph.link_nodes(source, *nodes, graph.add("buffersink")).configure()
    return graph
