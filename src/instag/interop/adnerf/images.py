"""Images of the AD-NeRF layout as parts of a clip: regions, torso, backdrop."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import final

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from instag.capture.segmentation.label import label_regions
from instag.data.clip import Clip
from instag.errors import BadLayout
from instag.interop.adnerf.colors import from_parsing, is_swapped
from instag.interop.adnerf.layout import numbered
from instag.runtime.array_files import read_array
from instag.runtime.parallel import in_order
from instag.runtime.picture_file import read_picture
from instag.runtime.progress import Report, part, silent
from instag.runtime.untrusted import check_array, parsing
from instag.types import HEAD_REGIONS, Region

FACE_REGIONS = [int(region) for region in (Region.FACE, Region.MOUTH, Region.TEETH)]
LEAST_FACE = 0.5
"""Share of a face's landmarks that a parsing must show as face: beards and hair may hide some."""
SAMPLES = 24
"""Frames, evenly spaced, that show which regions a parsing labels."""


@final
@dataclass(frozen=True, kw_only=True)
class Parsing:
    """The regions of a folder as colours, and its masks of teeth, by img_id. swapped: red and blue
    are the other way round. labels_hair: hair and mouth have colours of their own."""

    colors: dict[int, Path]
    teeth: dict[int, Path]
    swapped: bool
    labels_hair: bool

    @property
    def is_whole(self) -> bool:
        """Whether it has all regions that a clip has."""
        return self.labels_hair and bool(self.teeth)

    def regions(self, number: int, clip: Clip) -> UInt8[np.ndarray, "h w"]:
        """Those that it labels. Raises BadLayout."""
        teeth = _teeth(self.teeth[number], clip) if self.teeth else None
        return from_parsing(_turned(_picture(self.colors[number], clip), self.swapped), teeth)

    def notes(self) -> list[str]:
        """On what it lacks."""
        notes = []
        if self.swapped:
            notes.append(
                "parsing has red and blue the other way round than the family's tools write it; it "
                "was read so."
            )
        if not self.labels_hair:
            notes.append(
                "parsing does not tell hair and mouth from the face: both were found by us, within "
                "the head."
            )
        if not self.teeth:
            notes.append("There is no teeth_mask: teeth were found by us.")
        return notes


def read_regions(folder: Path, ids: range, clip: Clip, report: Report = silent) -> list[str]:
    """Write regions/*.png; notes on labels that the layout lacks: hair and mouth (RAD-NeRF,
    ER-NeRF), teeth, or all.

    Missing labels come from our own segmentation, inside the layout's head. Raises BadLayout.
    """
    theirs = _parsing_of(folder, ids, clip)
    if theirs is None:
        label_regions(clip, report)
        return ["There is no parsing: regions were found by us."]
    before = 0.0 if theirs.is_whole else 0.8
    if not theirs.is_whole:
        label_regions(clip, part(report, 0.0, before))

    def work(index: int) -> int:
        regions = theirs.regions(ids[index], clip)
        if not theirs.is_whole:
            regions = fill_missing_labels(
                regions,
                clip.regions(index),
                labels_hair=theirs.labels_hair,
                with_teeth=bool(theirs.teeth),
            )
        clip.save_regions(index, regions)
        return index

    for index in in_order(work, range(len(ids))):
        part(report, before, 1.0)(index + 1, len(ids))
    return theirs.notes()


def _parsing_of(folder: Path, ids: range, clip: Clip) -> Parsing | None:
    """None where the folder has none. Raises BadLayout where it is not of all frames, or shows no
    face where ours is."""
    colors = numbered(folder / "parsing", (".png",))
    if not colors:
        return None
    _check_complete(colors, ids, folder / "parsing")
    teeth = numbered(folder / "teeth_mask", (".npy",))
    if teeth:
        _check_complete(teeth, ids, folder / "teeth_mask")
    places = np.unique(np.linspace(0, len(ids) - 1, SAMPLES).astype(int))
    samples = [_picture(colors[ids[place]], clip) for place in places]
    swapped = is_swapped(samples)
    seen = [from_parsing(_turned(picture, swapped)) for picture in samples]
    shown = np.mean(
        [_face_share(*each) for each in zip(seen, _landmarks(clip, places), strict=True)]
    )
    if shown < LEAST_FACE:
        raise BadLayout(
            f"{folder / 'parsing'} shows a face at {shown:.0%} of the places where the face is: it "
            "is of other pictures, or in other colours than the family's (the head is blue). Make "
            "it again, or remove it to have it replaced by instag."
        )
    labels_hair = any(np.isin(regions, (Region.HAIR, Region.MOUTH)).any() for regions in seen)
    return Parsing(colors=colors, teeth=teeth, swapped=swapped, labels_hair=labels_hair)


def _landmarks(clip: Clip, places: Int[np.ndarray, " s"]) -> Float[np.ndarray, "s points 2"]:
    return clip.track().landmarks[places, :, :2]


def _face_share(regions: UInt8[np.ndarray, "h w"], points: Float[np.ndarray, "points 2"]) -> float:
    """The share of a face's landmarks, in pixels, that lie in the face or the mouth."""
    x, y = points.round().astype(int).T.clip(0, np.array(regions.shape[::-1])[:, None] - 1)
    return float(np.isin(regions[y, x], FACE_REGIONS).mean())


def fill_missing_labels(
    theirs: UInt8[np.ndarray, "h w"],
    ours: UInt8[np.ndarray, "h w"],
    *,
    labels_hair: bool,
    with_teeth: bool,
) -> UInt8[np.ndarray, "h w"]:
    """Their regions, with our hair and mouth (unless labels_hair) and our teeth (unless with_teeth)
    inside their head."""
    wanted = [
        *([] if labels_hair else [Region.HAIR, Region.MOUTH]),
        *([] if with_teeth else [Region.TEETH]),
    ]
    head = np.isin(theirs, [int(region) for region in HEAD_REGIONS if region is not Region.TEETH])
    return np.where(head & np.isin(ours, [int(region) for region in wanted]), ours, theirs)


def copy_torso(folder: Path, ids: range, clip: Clip) -> str | list[str]:
    """Write torso/*.png, files as they are. A sentence where there are none. Raises BadLayout."""
    files = numbered(folder / "torso_imgs", (".png",))
    if not files:
        return "There is no torso_imgs: the torso was cut out by us."
    _check_complete(files, ids, folder / "torso_imgs")
    for index, number in enumerate(ids):
        target = clip.path("torso", index)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(files[number], target)
    remedy = "Remove torso_imgs to have the torso cut out by instag."
    for number in ids:
        with parsing(files[number], "an RGBA picture of the frames' size", remedy, error=BadLayout):
            image = read_picture(files[number], cv2.IMREAD_UNCHANGED, clip.size())
            if image.shape[2:] != (4,):
                raise ValueError("it has no alpha")
    return []


def copy_backdrop(folder: Path, sidecar: Path | None, clip: Clip) -> str | list[str]:
    """Write backdrop.png. A sentence where there is none."""
    if sidecar is not None and (sidecar / "backdrop.png").is_file():
        shutil.copyfile(sidecar / "backdrop.png", clip.folder / "backdrop.png")
        return []
    path = folder / "bc.jpg"
    if not path.is_file():
        return "There is no bc.jpg: the backdrop was found by us."
    clip.save_backdrop(_picture(path, clip))
    return []


def _check_complete(files: dict[int, Path], ids: range, folder: Path) -> None:
    missing = [number for number in ids if number not in files]
    if missing:
        raise BadLayout(
            f"{folder} lacks {len(missing)} of {len(ids)} frames (first: {missing[0]}). Make it "
            "again, or remove it to have it replaced by instag."
        )


def _picture(path: Path, clip: Clip) -> UInt8[np.ndarray, "h w 3"]:
    """RGB of the clip's size. Raises BadLayout."""
    with parsing(path, "a picture of the frames' size", "Make it again.", error=BadLayout):
        image = read_picture(path, cv2.IMREAD_COLOR, clip.size())
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _teeth(path: Path, clip: Clip) -> Bool[np.ndarray, "h w"]:
    remedy = "Make the teeth masks again, or remove teeth_mask."
    with parsing(path, "a mask of the frames' size", remedy, error=BadLayout):
        return check_array("the mask", read_array(path), clip.size()[::-1], "biuf").astype(bool)


def _turned(picture: UInt8[np.ndarray, "h w 3"], swapped: bool) -> UInt8[np.ndarray, "h w 3"]:
    return np.ascontiguousarray(picture[..., ::-1]) if swapped else picture
