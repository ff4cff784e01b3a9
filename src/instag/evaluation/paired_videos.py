"""Two videos of the same speech, frame by frame: a prediction and the truth. Each may be
a folder of numbered pictures."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.errors import BadArgument, FileMissing, NoSound, NotMedia
from instag.evaluation.held_out import FramePair
from instag.evaluation.not_measured import NotMeasured
from instag.media.reader import check_picture, probe, read_frames, read_sound
from instag.runtime.picture_file import read_picture
from instag.runtime.untrusted import parsing
from instag.types import FPS

PICTURES = (".png", ".jpg", ".jpeg")
COUNTING_SCALE = 1 / 64
"""Frames are counted by decoding them, since headers are estimates; they need no size for that."""
NAMED = 5
"""Missing numbers that an error lists, at most."""


@final
@dataclass(frozen=True, kw_only=True)
class Footage:
    """A video, or a folder of pictures.

    frames: how many there are at FPS. width, height: pixels. fps: the video's own rate, 0 for a
    folder, whose pictures count as frames at FPS. numbers: the first and last number of a folder's
    pictures.
    """

    path: Path
    frames: int
    width: int
    height: int
    fps: float = 0.0
    numbers: tuple[int, int] | None = None

    def __iter__(self) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """RGB pictures, one in memory at a time. Raises NotMedia, Truncated."""
        if self.numbers is None:
            return read_frames(self.path)
        return (_picture(path, (self.width, self.height)) for path in _numbered(self.path).values())


@final
@dataclass(frozen=True, kw_only=True)
class PairedVideos:
    """Pairs of frames in their order, in constant memory, as often as one iterates.

    notes: sentences about the comparison, for a reader of its numbers.
    """

    prediction: Footage
    truth: Footage
    frames: int
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return self.frames

    def __iter__(self) -> Iterator[FramePair]:
        """Pairs of the truth's size, numbered from 0. Raises NotMedia, Truncated."""
        size = (self.truth.width, self.truth.height)
        pictures = zip(
            islice(self.prediction, self.frames), islice(self.truth, self.frames), strict=True
        )
        for index, (prediction, truth) in enumerate(pictures):
            yield FramePair(index=index, prediction=_resized(prediction, size), truth=truth)


def open_pair(
    prediction: Path | str,
    truth: Path | str,
    *,
    align: Literal["equal", "shorter"] = "equal",
    resize: bool = False,
) -> PairedVideos:
    """Two videos or folders, to be compared frame by frame at 25 frames a second.

    align: "shorter" compares up to the end of the shorter one, "equal" refuses different lengths.
    resize: scale the prediction to the size of the truth. All frames are decoded once to count
    them. Raises BadArgument (lengths, sizes, gaps in a folder's numbers), FileMissing, NotMedia,
    Truncated.
    """
    one, other = footage(Path(prediction)), footage(Path(truth))
    if one.frames != other.frames and align == "equal":
        raise BadArgument(
            f"{one.path} has {one.frames} frames and {other.path} has {other.frames} "
            f"({_why_lengths_differ(one, other)}). A comparison of frames that do not "
            "belong together means nothing. If both begin together and only the end differs, "
            "compare up to the shorter one's end: --align shorter"
        )
    if (one.width, one.height) != (other.width, other.height) and not resize:
        raise BadArgument(
            f"{one.path} is {one.width}x{one.height} pixels and {other.path} is "
            f"{other.width}x{other.height}. Give videos of one size, "
            "or let the first be scaled to the second: --resize"
        )
    return PairedVideos(
        prediction=one,
        truth=other,
        frames=min(one.frames, other.frames),
        notes=tuple(_notes(one, other)),
    )


def footage(path: Path) -> Footage:
    """A video file or a folder of pictures. Raises BadArgument, FileMissing, NotMedia,
    Truncated."""
    if not path.exists():
        raise FileMissing.footage(path)
    if path.is_dir():
        pictures = _numbered(path)
        first = next(iter(pictures.values()))
        height, width = _picture(first).shape[:2]
        return Footage(
            path=path,
            frames=len(pictures),
            width=width,
            height=height,
            numbers=(min(pictures), max(pictures)),
        )
    about = probe(path)
    check_picture(path)
    frames = sum(1 for _ in read_frames(path, scale=COUNTING_SCALE))
    return Footage(path=path, frames=frames, width=about.width, height=about.height, fps=about.fps)


def sound_of(path: Path | str) -> Float[np.ndarray, " samples"] | NotMeasured:
    """The sound of a video, 16 kHz in [-1, 1], or the reason why there is none. Raises FileMissing,
    NotMedia, Truncated."""
    if Path(path).is_dir():
        return NotMeasured(f"{path} is a folder of pictures, which has no sound")
    try:
        return read_sound(path)
    except NoSound as error:
        return NotMeasured(f"{error}".split(". ", 1)[0])


def _numbered(folder: Path) -> dict[int, Path]:
    """Pictures by the last number in their names, in order. Raises BadArgument where numbers are
    missing or double."""
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURES and not path.name.startswith(".")
    )
    if not paths:
        raise BadArgument(
            f"There are no pictures in {folder}. Give a folder with png or jpg files, numbered as "
            "the frames are."
        )
    numbers = [re.findall(r"\d+", path.stem) for path in paths]
    if not all(numbers):
        unnumbered = next(path for path, found in zip(paths, numbers, strict=True) if not found)
        raise BadArgument(
            f"{unnumbered} has no number in its name, so that its frame is unknown. Name the "
            "pictures 0001.png, 0002.png ..."
        )
    last = [int(found[-1]) for found in numbers]
    number, times = Counter(last).most_common(1)[0]
    if times > 1:
        twice = [path.name for path, found in zip(paths, last, strict=True) if found == number][:2]
        raise BadArgument(
            f"Frame {number} is in {folder} more than once: {' and '.join(twice)}. Keep one "
            "picture a frame in the folder."
        )
    absent = sorted(set(range(min(last), max(last))) - set(last))
    if absent:
        named = ", ".join(map(str, absent[:NAMED])) + (" ..." if len(absent) > NAMED else "")
        raise BadArgument(
            f"{len(absent)} of the frames {min(last)} to {max(last)} are not in {folder}: {named}. "
            "Give all frames, or number them without gaps."
        )
    return dict(sorted(zip(last, paths, strict=True)))


def _picture(path: Path, size: tuple[int, int] | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """A picture file as RGB, without its transparency. Raises NotMedia, BadArgument where it has
    another size."""
    with parsing(path, "a picture", "Copy it again, or save it as png.", error=NotMedia):
        picture = read_picture(path, cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    if size is not None and (width, height) != size:
        raise BadArgument(
            f"{path} is {width}x{height} pixels, the first picture of its folder "
            f"{size[0]}x{size[1]}. Save all in one size."
        )
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def _resized(
    picture: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]
) -> UInt8[np.ndarray, "new_h new_w 3"]:
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    interpolation = cv2.INTER_AREA if size[0] < picture.shape[1] else cv2.INTER_CUBIC
    return cv2.resize(picture, size, interpolation=interpolation).astype(np.uint8, copy=False)


def _notes(one: Footage, other: Footage) -> list[str]:
    notes = [
        f"{each.path.name} has {each.fps:.5g} frames a second and was read at {FPS}."
        for each in (one, other)
        if each.fps and abs(each.fps - FPS) > 0.01
    ]
    if one.frames != other.frames:
        notes.append(
            f"{one.path.name} has {one.frames} frames, {other.path.name} {other.frames}: the first "
            f"{min(one.frames, other.frames)} were compared."
        )
    if (one.width, one.height) != (other.width, other.height):
        notes.append(
            f"{one.path.name} was scaled from {one.width}x{one.height} to "
            f"{other.width}x{other.height} pixels."
        )
    if one.numbers and other.numbers and one.numbers[0] != other.numbers[0]:
        notes.append(
            f"The pictures in {one.path.name} start with number {one.numbers[0]}, those in "
            f"{other.path.name} with {other.numbers[0]}."
        )
    return notes


def _why_lengths_differ(one: Footage, other: Footage) -> str:
    """The frame rates of both, as a possible reason; a folder counts as 25 pictures a second."""
    rates = [
        f"{each.path.name}: {each.fps:.5g} a second, read at {FPS}"
        if each.fps
        else f"{each.path.name}: pictures, read at {FPS} a second"
        for each in (one, other)
    ]
    return "; ".join(rates)
