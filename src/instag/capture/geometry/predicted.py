"""Geometry that a network (Sapiens) predicts from pictures, aligned with the units and axes of a
clip.

Predicted depth is relative: its scale is unknown, but the same in all frames, and its offset is
unknown in each frame. Predicted normals are in the camera's axes, whose signs depend on the
network. Both are estimated from the tracked mesh of the face, which is metric but less detailed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.capture.geometry.from_mesh import TrackedMesh
from instag.data.clip import Clip
from instag.data.surface import Surface
from instag.errors import CaptureError
from instag.observed import Region
from instag.runtime.progress import Report, silent

SAMPLES = 12
"""Frames, evenly spread over the clip, from which scale and signs are estimated."""
MIN_AGREEMENT = 0.3
"""Least correlation of predicted depth, and least cosine of predicted normals, with the mesh; below
it they show different faces."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A network's output for one frame: relative depth, greater is farther; normals of any length,
    zero where unknown."""

    depth: Float[np.ndarray, "h w"]
    normal: Float[np.ndarray, "h w 3"]

    def resized(self, size: tuple[int, int]) -> "Prediction":
        """At `size`, width and height, in pixels."""
        if self.depth.shape == size[::-1] == self.normal.shape[:2]:
            return self
        depth, normal = (
            cv2.resize(np.asarray(part, np.float32), size, interpolation=cv2.INTER_AREA)
            for part in (self.depth, self.normal)
        )
        return Prediction(depth=depth, normal=normal)


@dataclass(frozen=True, kw_only=True)
class Units:
    """metres: length of one unit of predicted depth. signs: +1 or -1 for each axis of the
    normals."""

    metres: float
    signs: Float[np.ndarray, "3"]


def predict_surface(
    clip: Clip,
    predict: Callable[[UInt8[np.ndarray, "h w 3"]], Prediction],
    source: str,
    most: int,
    report: Report = silent,
) -> None:
    """Write surface/*.npz of a clip that has a track and regions: predictions in the first `most`
    frames, the tracked mesh in the others.

    Raises CaptureError where the predictions do not follow the face; `source` names them.
    """
    mesh = TrackedMesh(clip.track(), clip.size())
    count = min(most, len(clip))
    chosen = [int(index) for index in np.unique(np.linspace(0, count - 1, SAMPLES).astype(int))]
    sampled = {}
    for done, index in enumerate(chosen):
        sampled[index] = predict(clip.frame(index)).resized(mesh.size)
        report(done + 1, count + 1)
    units = estimate_units([(sampled[index], mesh.surface(index)) for index in chosen], source)
    for index in range(len(clip)):
        surface = mesh.surface(index)
        if index < count:
            prediction = (
                sampled.pop(index)
                if index in sampled
                else predict(clip.frame(index)).resized(mesh.size)
            )
            regions = cv2.resize(clip.regions(index), mesh.size, interpolation=cv2.INTER_NEAREST)
            surface = in_clip_units(prediction, surface, np.asarray(regions, np.uint8), units)
            report(max(len(chosen), index + 1), count + 1)
        clip.save_surface(index, surface)
    report(1, 1)


def estimate_units(samples: Sequence[tuple[Prediction, Surface]], source: str) -> Units:
    """Estimate units from predictions and the mesh of the same frames, of one size. Raises
    CaptureError where they do not agree; `source` names the predictions."""
    scales, agreements, products = [], [], np.zeros(3)
    for prediction, mesh in samples:
        where = mesh.valid & np.isfinite(prediction.depth)
        if where.sum() < 50:
            continue
        predicted, true = (
            prediction.depth[where] - np.median(prediction.depth[where]),
            mesh.depth[where] - np.median(mesh.depth[where]),
        )
        spread = float(np.sqrt((predicted**2).sum() * (true**2).sum()))
        agreements.append(float((predicted * true).sum()) / max(spread, 1e-12))
        scales.append(float((predicted * true).sum() / max(float((predicted**2).sum()), 1e-12)))
        normal = _unit(prediction.normal[where])
        products += (normal * mesh.normal[where]).mean(0)
    agreement = float(np.median(agreements)) if agreements else 0.0
    if agreement < MIN_AGREEMENT:
        raise CaptureError(
            f"The depth of {source} does not follow the tracked face (correlation "
            f"{agreement:.2f}). Is it of the same video and crop?"
        )
    cosine = float(np.abs(products).sum()) / max(len(agreements), 1)
    if cosine < MIN_AGREEMENT:
        raise CaptureError(
            f"The normals of {source} do not follow the tracked face (cosine {cosine:.2f}). Are "
            "they of the same video and crop?"
        )
    return Units(metres=float(np.median(scales)), signs=np.where(products < 0, -1.0, 1.0))


def in_clip_units(
    prediction: Prediction, mesh: Surface, regions: UInt8[np.ndarray, "h w"], units: Units
) -> Surface:
    """The prediction as a Surface of the clip: depth in metres along the camera's z, normals with x
    right, y up, z toward the camera; valid on skin, hair and neck. All have one size."""
    depth = prediction.depth.astype(np.float32) * units.metres
    shared = mesh.valid & np.isfinite(depth)
    if shared.any():
        depth = depth + np.float32(np.median(mesh.depth[shared] - depth[shared]))
    normal = _unit(prediction.normal) * units.signs
    valid = (
        _is_skin(regions)
        & np.isfinite(depth)
        & (depth > 0.05)
        & (depth < 6.5)
        & (np.abs(normal).sum(-1) > 0.5)
        & bool(shared.any())
    )
    return Surface(
        depth=np.where(valid, depth, 0).astype(np.float32),
        normal=np.where(valid[..., None], normal, 0).astype(np.float32),
        valid=valid,
    )


def _is_skin(regions: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    return (regions == Region.FACE) | (regions == Region.HAIR) | (regions == Region.NECK)


def _unit(vectors: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    vectors = np.nan_to_num(np.asarray(vectors, np.float32))
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
