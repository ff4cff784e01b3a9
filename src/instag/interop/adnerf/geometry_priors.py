"""Geometry priors of the AD-NeRF layout (InsTaG's sapiens/) as a clip's surface."""

import shutil
from pathlib import Path

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
    files = {
        kind: numbered(place, (".npy",)) for kind, place in (("normal", normals), ("depth", depths))
    }
    held = [
        index
        for index, number in enumerate(ids)
        if number in files["normal"] and number in files["depth"]
    ]
    if not held:
        return (
            f"{normals} and {depths} have no frame in common with the pictures: depth and "
            "normals are those of the tracked face."
        )
    mesh = TrackedMesh(clip.track(), clip.size())

    def read(index: int) -> Prediction:
        parts = {kind: _load(files[kind][ids[index]]) for kind in files}
        if parts["depth"].ndim != 2 or parts["normal"].shape != (*parts["depth"].shape, 3):
            raise BadLayout(
                f"{files['normal'][ids[index]]} is {parts['normal'].shape} and its depth "
                f"{parts['depth'].shape}. Run Sapiens again."
            )
        return Prediction(depth=parts["depth"], normal=parts["normal"]).resized(mesh.size)

    chosen = [
        held[place] for place in np.unique(np.linspace(0, len(held) - 1, SAMPLES).astype(int))
    ]
    units = estimate_units(
        [(read(index), mesh.surface(index)) for index in chosen], str(normals.parent.parent)
    )

    def work(index: int) -> None:
        surface = mesh.surface(index)
        if index in known:
            regions = cv2.resize(clip.regions(index), mesh.size, interpolation=cv2.INTER_NEAREST)
            surface = in_clip_units(read(index), surface, np.asarray(regions, np.uint8), units)
        clip.save_surface(index, surface)

    known = set(held)
    for _ in in_order(work, range(len(ids))):
        continue
    if len(held) < len(ids):
        return [
            f"Sapiens priors are there for {len(held)} of {len(ids)} frames: in the others depth "
            "and normals are those of the tracked face."
        ]
    return []


def _load(path: Path) -> np.ndarray:
    remedy = "Run Sapiens again, or remove it."
    with parsing(path, "a file of NumPy numbers", remedy, error=BadLayout):
        prior = read_array(path)
        if prior.ndim not in (2, 3) or not 0 < max(prior.shape) <= MOST_SIDE:
            raise ValueError(f"it is {prior.shape}")
        return check_array("it", prior, (None,) * prior.ndim, "fiu").astype(np.float32)
