"""Geometry priors of the AD-NeRF layout (InsTaG's sapiens/) as a clip's surface."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import final

import cv2
import numpy as np

from instag.capture.geometry.from_mesh import TrackedMesh
from instag.capture.geometry.predicted import (
    SAMPLES,
    Prediction,
    estimate_units,
    in_clip_units,
)
from instag.data.clip import Clip
from instag.errors import BadLayout
from instag.interop.adnerf.export_clip import PRIOR_NAME
from instag.interop.adnerf.layout import numbered, sapiens_folder
from instag.runtime.array_files import read_array
from instag.runtime.parallel import in_order
from instag.runtime.picture_file import MOST_SIDE
from instag.runtime.untrusted import check_array, parsing


@final
@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Sapiens' predictions of a folder. normals, depths: files by img_id. place: where they lie."""

    normals: dict[int, Path]
    depths: dict[int, Path]
    place: Path

    def of_both(self, ids: range) -> list[int]:
        """The frames that have both, by their place in `ids`."""
        both = self.normals.keys() & self.depths.keys()
        return [index for index, number in enumerate(ids) if number in both]

    def read(self, number: int) -> Prediction:
        """Raises BadLayout."""
        depth, normal = _load(self.depths[number]), _load(self.normals[number])
        if depth.ndim != 2 or normal.shape != (*depth.shape, 3):
            raise BadLayout(
                f"{self.normals[number]} is {normal.shape} and its depth {depth.shape}. Run "
                "Sapiens again."
            )
        return Prediction(depth=depth, normal=normal)


def copy_surface(folder: Path, sidecar: Path | None, ids: range, clip: Clip) -> str | list[str]:
    """Write surface/*.npz: our own where we exported them, else Sapiens' predictions; frames
    without one get the tracked mesh.

    A sentence where there is nothing to take. Raises BadLayout, CaptureError (predictions of
    another video).
    """
    normals, depths = sapiens_folder(folder, "normal"), sapiens_folder(folder, "depth")
    ours = normals is None or depths is None or normals.name == PRIOR_NAME
    if sidecar is not None and ours and len(numbered(sidecar / "surface", (".npz",))) == len(ids):
        shutil.copytree(sidecar / "surface", clip.folder / "surface")
        return []
    if normals is None or depths is None or ours:
        return (
            "There are no Sapiens priors (sapiens/normal, sapiens/depth): depth and "
            "normals are those of the tracked face."
        )
    predictions = Predictions(
        normals=numbered(normals, (".npy",)),
        depths=numbered(depths, (".npy",)),
        place=normals.parent.parent,
    )
    held = predictions.of_both(ids)
    if not held:
        return (
            f"{normals} and {depths} have no frame in common with the pictures: depth and "
            "normals are those of the tracked face."
        )
    _write_surface(predictions, held, ids, clip)
    if len(held) < len(ids):
        return [
            f"Sapiens priors are there for {len(held)} of {len(ids)} frames: in the others depth "
            "and normals are those of the tracked face."
        ]
    return []


def _write_surface(predictions: Predictions, held: list[int], ids: range, clip: Clip) -> None:
    """held: the frames that have predictions; the others get the tracked mesh."""
    mesh, known = TrackedMesh(clip.track(), clip.size()), set(held)

    def read(index: int) -> Prediction:
        return predictions.read(ids[index]).resized(mesh.size)

    places = np.unique(np.linspace(0, len(held) - 1, SAMPLES).astype(int))
    chosen = [held[place] for place in places]
    units = estimate_units(
        [(read(index), mesh.surface(index)) for index in chosen], str(predictions.place)
    )

    def work(index: int) -> None:
        surface = mesh.surface(index)
        if index in known:
            regions = cv2.resize(clip.regions(index), mesh.size, interpolation=cv2.INTER_NEAREST)
            surface = in_clip_units(read(index), surface, np.asarray(regions, np.uint8), units)
        clip.save_surface(index, surface)

    for _ in in_order(work, range(len(ids))):
        continue


def _load(path: Path) -> np.ndarray:
    remedy = "Run Sapiens again, or remove it."
    with parsing(path, "a file of NumPy numbers", remedy, error=BadLayout):
        prior = read_array(path)
        if prior.ndim not in (2, 3) or not 0 < min(prior.shape) <= max(prior.shape) <= MOST_SIDE:
            raise ValueError(f"it is {prior.shape}")
        return check_array("it", prior, (None,) * prior.ndim, "fiu").astype(np.float32)
