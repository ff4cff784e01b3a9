"""Source: a folder in the AD-NeRF layout that is to be imported, with the frames that are taken of
it."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from instag.capture.extract_frames import MIN_DURATION_S
from instag.data.clip import Clip
from instag.errors import BadLayout, TooShort
from instag.interop.adnerf.layout import SIDECAR, frame_files
from instag.interop.adnerf.poses import (
    LONGEST_GAP,
    Transforms,
    read_track_params,
    read_transforms,
)
from instag.runtime.picture_file import read_picture
from instag.runtime.untrusted import parsing
from instag.types import FPS


@dataclass(frozen=True, kw_only=True)
class Source:
    """A folder to import. ids: the img_id of each frame. transforms: None where our tracker finds
    the poses."""

    folder: Path
    pictures: dict[int, Path]
    ids: range
    size: int
    transforms: Transforms | None

    @property
    def sidecar(self) -> Path | None:
        """The sidecar that `export_clip` wrote, where it is of the same frames."""
        folder = self.folder / SIDECAR
        if not (folder / "clip.json").is_file() or not (folder / "track.npz").is_file():
            return None
        own = Clip.open(folder)
        return folder if len(own) == len(self.ids) and self.ids.start == 0 else None


def scan_folder(folder: Path) -> tuple[Source, list[str]]:
    """The source of a folder, and notes on what is left out. Raises BadLayout, TooShort."""
    pictures, name = frame_files(folder)
    notes = []
    if name != "ori_imgs":
        notes.append(
            "There is no ori_imgs: the frames are those of gt_imgs, whose backdrop is not the "
            "video's own."
        )
    transforms, of_poses = _poses(folder)
    posed = sorted(set(pictures) & set(transforms.matrices) if transforms else pictures)
    if not posed:
        raise BadLayout(
            f"No frame of {folder / name} has a pose of the same number in transforms_*.json. Run "
            "the family's process.py again."
        )
    ids, of_gaps = _longest_part(posed, pictures, folder, name)
    size = _side([pictures[number] for number in (ids[0], ids[len(ids) // 2], ids[-1])])
    source = Source(folder=folder, pictures=pictures, ids=ids, size=size, transforms=transforms)
    return source, [*notes, *of_poses, *of_gaps, *_note_on_center(source)]


def read_frame(path: Path, side: int | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """BGR; side: of the square that it must be. Raises BadLayout."""
    size = None if side is None else (side, side)
    with parsing(path, "a picture of the others' size", "Copy it again.", error=BadLayout):
        return read_picture(path, cv2.IMREAD_COLOR, size)


def _poses(folder: Path) -> tuple[Transforms | None, list[str]]:
    """None where the folder has none."""
    transforms, track = read_transforms(folder), folder / "track_params.pt"
    if transforms is not None:
        return transforms, []
    if track.is_file():
        return read_track_params(track), [
            "There are no transforms_*.json: poses are those of track_params.pt."
        ]
    return None, [
        "There are no poses (transforms_*.json, track_params.pt): our tracker found them."
    ]


def _longest_part(
    posed: list[int], pictures: dict[int, Path], folder: Path, name: str
) -> tuple[range, list[str]]:
    """The frames to take of those with poses. name: of the pictures' folder. Raises BadLayout,
    TooShort."""
    parts = _unbroken(posed, set(pictures))
    longest = max(parts, key=len)
    if len(longest) < MIN_DURATION_S * FPS:
        raise _too_short(longest, _holes(posed, pictures), folder, name)
    if len(parts) > 1:
        return longest, [
            f"Pictures or poses are missing between frames: of {len(parts)} parts the longest, "
            f"{longest[0]} to {longest[-1]}, was taken."
        ]
    if len(longest) < len(pictures):
        return longest, [
            f"{len(pictures) - len(longest)} pictures without a pose at the ends were left out."
        ]
    return longest, []


def _holes(posed: list[int], pictures: dict[int, Path]) -> tuple[int, int]:
    """How many pictures are missing between the first and the last pose, and the first of them."""
    held = sorted(number for number in pictures if posed[0] <= number <= posed[-1])
    after = next((one + 1 for one, other in pairwise(held) if other - one > 1), held[-1] + 1)
    return held[-1] - held[0] + 1 - len(held), after


def _too_short(
    longest: range, holes: tuple[int, int], folder: Path, name: str
) -> BadLayout | TooShort:
    """holes: as _holes tells of them."""
    missing, first = holes
    if missing:
        return BadLayout(
            f"{missing} pictures are missing in {folder / name} (first: {first}), and the "
            f"longest part without a gap has {len(longest) / FPS:.1f} s. Copy the folder again, or "
            "extract the frames anew."
        )
    return TooShort(
        f"{folder} holds {len(longest) / FPS:.1f} s of frames with poses and pictures in a row "
        f"(frames {longest[0]} to {longest[-1]}); at least {MIN_DURATION_S:g} s are needed. Track "
        "the face in more of the frames."
    )


def _unbroken(ids: list[int], pictures: set[int]) -> list[range]:
    """The parts of a sorted list of frames with poses in which every picture is there and no gap of
    poses is too long to be filled."""
    first, parts = ids[0], []
    for before, after in pairwise(ids):
        if after - before > LONGEST_GAP + 1 or not pictures.issuperset(range(before, after)):
            parts.append(range(first, before + 1))
            first = after
    return [*parts, range(first, ids[-1] + 1)]


def _side(paths: list[Path]) -> int:
    """Side of the square pictures in pixels. Raises BadLayout."""
    sizes = {read_frame(path).shape[:2] for path in paths}
    height, width = sizes.pop()
    if sizes or height != width:
        raise BadLayout(
            f"The frames are {width} x {height} pixels; a clip needs one square size. Prepare the "
            "video itself: instag prepare VIDEO -o x.clip"
        )
    return width


def _note_on_center(source: Source) -> list[str]:
    center = source.transforms.center if source.transforms else None
    if center is None or max(abs(axis - source.size / 2) for axis in center) <= 1:
        return []
    place = " and ".join(f"{axis:g}" for axis in center)
    return [
        f"The principal point ({place}) is not the picture's centre; as the family's Gaussian "
        "trainers do, we take the centre."
    ]
