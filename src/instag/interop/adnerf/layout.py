"""The AD-NeRF layout, a folder that RAD-NeRF, ER-NeRF, TalkingGaussian and InsTaG train on: names
and forms of its files.

    ori_imgs/N.jpg, N.lms     frames, and their 68 landmarks (x y a row, pixels)
    parsing/N.png             regions as colours
    teeth_mask/N.npy          bool
    gt_imgs/N.jpg             frames over the backdrop
    torso_imgs/N.png          RGBA
    bc.jpg                    the backdrop
    aud.wav                   16 kHz
    au.csv                    OpenFace's table
    aud_ds.npy ...            speech features [f steps channels]
    transforms_train.json, transforms_val.json, track_params.pt       poses
    sapiens/normal/sapiens_0.3b/N.npy, sapiens/depth/...              geometry priors [h w 3], [h w]
    instag/                   what the layout has no place for, so that exported clips import
                              unchanged

N counts from 0, without leading zeros.
"""

import re
from enum import StrEnum
from pathlib import Path

from instag.errors import BadLayout

SIDECAR = "instag"
FEATURES = {
    "aud_ds.npy": "deepspeech",
    "aud_eo.npy": "esperanto",
    "aud_hu.npy": "hubert",
    "aud_ave.npy": "ave",
    "aud.npy": None,
}
"""Files of speech features and our names of their front ends; that of aud.npy follows from its
channels."""
CHANNELS = {29: "deepspeech", 44: "esperanto", 1024: "hubert", 512: "ave"}
PICTURES = (".jpg", ".jpeg", ".png")


class Layout(StrEnum):
    """The trainer that an export is for."""

    INSTAG = "instag"
    TALKINGGAUSSIAN = "talkinggaussian"
    RADNERF = "radnerf"
    ERNERF = "ernerf"

    @property
    def labels_hair(self) -> bool:
        """Whether hair and mouth have colours of their own in parsing/, and teeth a mask."""
        return self in (Layout.INSTAG, Layout.TALKINGGAUSSIAN)


def numbered(folder: Path, suffixes: tuple[str, ...]) -> dict[int, Path]:
    """The files of a folder whose names are numbers, by number; empty where there is no such
    folder. Folders, pipes and links to nothing are no files. Raises BadLayout where two files have
    one number."""
    if not folder.is_dir():
        return {}
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        named = path.suffix.lower() in suffixes and re.fullmatch(r"[0-9]+", path.stem)
        if not named or not path.is_file():
            continue
        other = found.setdefault(int(path.stem), path)
        if other is not path:
            raise BadLayout(
                f"{folder} holds {other.name} and {path.name}: which of them is frame "
                f"{int(path.stem)} cannot be known. Remove one."
            )
    return found


def frame_files(folder: Path) -> tuple[dict[int, Path], str]:
    """The frames and the name of their folder: ori_imgs, else gt_imgs. Raises BadLayout."""
    for name in ("ori_imgs", "gt_imgs"):
        found = numbered(folder / name, PICTURES)
        if found:
            return found, name
    if not folder.is_dir():
        raise BadLayout.folder(folder)
    raise BadLayout.frames(folder)


def sapiens_folder(folder: Path, kind: str) -> Path | None:
    """The largest model's predictions of `normal` or `depth`, as InsTaG chooses them; None where
    there are none."""
    candidates = sorted(
        (path for path in (folder / "sapiens" / kind).glob("sapiens_*") if path.is_dir()),
        reverse=True,
    )
    return candidates[0] if candidates else None
