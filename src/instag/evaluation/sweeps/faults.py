"""Faults of a head in a sweep: holes, torn and stretched splats, and jumps between neighbouring
frames."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.ndimage import binary_fill_holes
from scipy.spatial import KDTree

from instag.evaluation.sweeps.rendered_sweep import FaceSplats, RenderedSweep

INSIDE_ALPHA: Final = 0.5
"""Alpha from which a pixel belongs to the silhouette."""
HOLE_ALPHA: Final = 0.9
"""Alpha below which a pixel inside the silhouette is a hole."""
CLOSED_BY, SHRUNK_BY = 1 / 16, 1 / 40
"""Radii over the picture's height: gaps up to twice the first count as inside; edges are soft as
far as the second."""
COARSE: Final = 128
NEIGHBOURS: Final = 4
LEAST_OPACITY: Final = 0.1
"""Splats below are hardly seen, wherever they go."""
LEAST_DISTANCE: Final = 1e-3
"""Metres that a distance at rest counts at least: two splats in one place tear at nothing."""
STRAIN_QUANTILE: Final = 0.999
MOVED: Final = 0.02
"""Levels of 255 from which a step counts as a change: beyond a clamp nothing moves."""


@final
@dataclass(frozen=True, kw_only=True)
class Faults:
    """The worst frame's numbers of a sweep.

    holes: share of the pixels inside the silhouette whose alpha is below .9. strain: 99.9th
    percentile of |distance / distance at rest - 1| of neighbouring splats of the face. stretch:
    longest axis of a splat over its length at rest. jump: largest change of the picture from a
    frame to the next over the median of such changes; 1 where nothing moves.
    """

    holes: float
    strain: float
    stretch: float
    jump: float

    def worse(self, other: "Faults") -> "Faults":
        """The worse of each number."""
        return Faults(
            **{name: max(value, getattr(other, name)) for name, value in vars(self).items()}
        )


@final
class RestState:
    """The splats of a face at rest, and which are neighbours there: what strain and stretch are
    measured against."""

    def __init__(self, splats: FaceSplats, opacities: Float[np.ndarray, " n"]) -> None:
        """splats: one frame."""
        self._seen: Bool[np.ndarray, " n"] = opacities >= LEAST_OPACITY
        points = splats.means[0][self._seen]
        count = min(NEIGHBOURS, len(points) - 1)
        self._pairs: Int[np.ndarray, "m 2"] = _neighbours(points, count)
        self._distances = np.maximum(_lengths(points, self._pairs), LEAST_DISTANCE)
        self._scales = splats.scales[0][self._seen]

    def strain(self, means: Float[np.ndarray, "n 3"]) -> float:
        """Of the splats of one frame."""
        if not len(self._pairs):
            return 0.0
        points = means[self._seen]
        distances = np.maximum(_lengths(points, self._pairs), LEAST_DISTANCE)
        return float(np.quantile(np.abs(distances / self._distances - 1), STRAIN_QUANTILE))

    def stretch(self, scales: Float[np.ndarray, " n"]) -> float:
        """The largest of one frame."""
        ratios = scales[self._seen] / self._scales
        return float(ratios.max()) if len(ratios) else 1.0


def faults_of(rendered: RenderedSweep, rest: RestState) -> Faults:
    """All faults of a sweep."""
    splats = rendered.splats
    return Faults(
        holes=max(holes(alpha) for alpha in rendered.alphas),
        strain=max(rest.strain(means) for means in splats.means),
        stretch=max(rest.stretch(scales) for scales in splats.scales),
        jump=jump(rendered.pictures),
    )


def holes(alpha: Float[np.ndarray, "h w"]) -> float:
    """The share of the pixels inside a head's silhouette whose alpha is below .9.

    The silhouette is what is half opaque, its gaps closed and filled, without its soft edge.
    """
    inside = silhouette(alpha)
    return float((alpha[inside] < HOLE_ALPHA).mean()) if inside.any() else 1.0


def silhouette(alpha: Float[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The pixels that a head ought to cover; found at COARSE pixels of height, as wide windows are
    slow."""
    height, width = alpha.shape
    small = (max(1, round(COARSE * width / height)), COARSE)
    reach = round(CLOSED_BY * COARSE)
    opaque = cv2.resize(alpha, small, interpolation=cv2.INTER_AREA) >= INSIDE_ALPHA
    padded = np.pad(opaque.astype(np.uint8), reach, mode="edge")
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, _disk(reach))
    filled = np.array(binary_fill_holes(closed[reach:-reach, reach:-reach]), np.uint8)
    shrunk = cv2.erode(filled, _disk(round(SHRUNK_BY * COARSE)))
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)


def jump(pictures: UInt8[np.ndarray, "s h w 3"]) -> float:
    """The largest change from a picture to the next over the median change, of the steps in which
    anything changes."""
    changes = np.array([cv2.absdiff(after, before).mean() for before, after in pairwise(pictures)])
    moving = changes[changes > MOVED]
    return float(moving.max() / np.median(moving)) if len(moving) else 1.0


def _neighbours(points: Float[np.ndarray, "n 3"], count: int) -> Int[np.ndarray, "m 2"]:
    """Pairs of each point and its nearest ones."""
    if count < 1:
        return np.zeros((0, 2), np.int64)
    nearest = np.asarray(KDTree(points).query(points, k=count + 1)[1])
    mine = np.repeat(np.arange(len(points)), count)
    return np.stack([mine, nearest[:, 1:].reshape(-1)], axis=1).astype(np.int64)


def _lengths(
    points: Float[np.ndarray, "n 3"], pairs: Int[np.ndarray, "m 2"]
) -> Float[np.ndarray, " m"]:
    return np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=-1)


def _disk(radius: int) -> UInt8[np.ndarray, "d d"]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(
        np.uint8
    )
