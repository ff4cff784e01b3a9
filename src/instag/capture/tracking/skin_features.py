"""Skin texture of one clip: points on the tracked mesh with the mean and variance of their
brightness.

Brightness is band-passed, which removes light and exposure and keeps detail. A point that changes
with speech (cheeks, brows) is weighted by its own variance over the clip, so no list of rigid skin
is needed.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from instag.capture.geometry.from_mesh import SKIN_POINTS, face_triangles, vertex_normals
from instag.perception.head_coordinates import INNER_LIPS
from instag.perception.landmark_pairs import MOUTH_CORNERS

NOISE_SIGMA = 1.2
"""Standard deviation in pixels of the blur that removes noise."""
SHADING_SIGMA = 8.0
"""Standard deviation in pixels of the blur that is subtracted to remove shading, at a picture size
of WORKING_SIZE."""
WORKING_SIZE = 512
"""Larger pictures are reduced to this size in pixels."""
MARGIN = 16
"""Pixels of the crop around the landmarks' bounding box."""
OUTLIER_SCALE = 2.4
"""Scale of the Cauchy weights, in standard deviations of a residual."""
MIN_VISIBLE_SHARE = 0.3
"""Share of the pictures in which a point must be visible."""

LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""The outer contour of the lips."""
CHIN_HALF_WIDTH = 0.045
"""Metres to each side of the middle: skin below the mouth's corners there moves with the jaw, and
poses that followed it would nod with speech."""
EYES = (
    *(33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    *(362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),
    *(247, 30, 29, 27, 28, 56, 190, 467, 260, 259, 257, 258, 286, 414),
)
"""The lids' edges and the upper lids' folds, which move in a blink."""


@dataclass(frozen=True, kw_only=True)
class SkinPoints:
    """Points on a face at rest: positions in metres and unit normals, head's frame of reference."""

    positions: Float[np.ndarray, "s 3"]
    normals: Float[np.ndarray, "s 3"]


@dataclass(frozen=True, kw_only=True)
class Texture:
    """The mean band-passed brightness of each point in a clip, in levels of 255, and its variance,
    infinite where the point was hardly ever visible."""

    values: Float[np.ndarray, " s"]
    variances: Float[np.ndarray, " s"]


@dataclass(frozen=True, kw_only=True)
class Detail:
    """The band-passed brightness of a picture around a face, in levels of 255. left, top: position
    of its first pixel in the picture."""

    image: Float[np.ndarray, "h w"]
    left: int
    top: int


def sample_points(identity: Float[np.ndarray, "478 3"], count: int) -> SkinPoints:
    """`count` points, uniform over the area of a resting face (metres) without eyes, lips and chin.
    The same ones in every run."""
    generator = np.random.default_rng(0)
    mesh = identity[:SKIN_POINTS].astype(np.float64)
    triangles = face_triangles()
    normals = vertex_normals(mesh, triangles)
    skin: Int[np.ndarray, "t 3"] = triangles[
        ~np.isin(triangles, (*LIPS, *INNER_LIPS, *EYES)).any(1)
    ]
    middles = mesh[skin].mean(1)
    low = middles[:, 1] < mesh[list(MOUTH_CORNERS), 1].mean()
    skin = skin[~(low & (np.abs(middles[:, 0]) < CHIN_HALF_WIDTH))]
    a, b, c = (mesh[skin[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = skin[generator.choice(len(skin), count, p=area / area.sum())]
    share = generator.dirichlet((1.0, 1.0, 1.0), count)[:, None]
    rotated = (share @ normals[chosen])[:, 0]
    return SkinPoints(
        positions=(share @ mesh[chosen])[:, 0],
        normals=rotated / (np.linalg.norm(rotated, axis=1, keepdims=True) + 1e-12),
    )


def detail(grey: UInt8[np.ndarray, "h w"], landmarks: Float[np.ndarray, "p 2"]) -> Detail:
    """Crop a picture around landmarks (pixels) and band-pass it (difference of Gaussians)."""
    height, width = grey.shape
    left, top = np.clip(np.floor(landmarks.min(0) - MARGIN).astype(int), 0, (width - 2, height - 2))
    right, bottom = np.clip(
        np.ceil(landmarks.max(0) + MARGIN).astype(int), (left + 2, top + 2), (width, height)
    )
    cut = grey[top:bottom, left:right].astype(np.float32)
    shade = _shading(cut, SHADING_SIGMA * min(height, WORKING_SIZE) / WORKING_SIZE)
    return Detail(
        image=cv2.GaussianBlur(cut, (0, 0), NOISE_SIGMA) - shade, left=int(left), top=int(top)
    )


def _shading(grey: Float[np.ndarray, "h w"], sigma: float) -> Float[np.ndarray, "h w"]:
    """A wide blur, computed at half the size: an eighth of the products."""
    height, width = grey.shape
    small = cv2.resize(grey, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / 2)
    return cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)


def estimate_texture(
    values: Float[np.ndarray, "k s"], weights: Float[np.ndarray, "k s"]
) -> Texture:
    """The robust mean of each point's brightness over k pictures and its variance. Weight 0: not
    visible there."""
    seen = np.where(weights > 0, values, np.nan)
    visible = (weights > 0).mean(0) > MIN_VISIBLE_SHARE
    if not visible.any():
        return Texture(values=np.zeros(len(visible)), variances=np.full(len(visible), np.inf))
    middle = _median_of_known(seen)
    # Of a normal variable, the median of the square is 0.455 variances.
    variances = _median_of_known((seen - middle) ** 2) / 0.455
    # A point that hardly varies in a few pictures is not known without error: variances are bounded
    # from below.
    variances = np.where(
        visible, np.maximum(variances, max(np.quantile(variances[visible], 0.2), 1e-2)), np.inf
    )
    robust = weights / (1 + np.nan_to_num(seen - middle) ** 2 / variances / OUTLIER_SCALE**2)
    mean = (robust * np.nan_to_num(seen)).sum(0) / np.maximum(robust.sum(0), 1e-9)
    return Texture(values=np.where(visible, mean, 0), variances=variances)


def _median_of_known(values: Float[np.ndarray, "k s"]) -> Float[np.ndarray, " s"]:
    """The median of each column without its NaNs; NaN where there is nothing else. Numpy's own
    nanmedian takes ten times as long."""
    ordered = np.sort(values.T, axis=1)
    count, columns = np.isfinite(ordered).sum(1), np.arange(len(ordered))
    return (ordered[columns, (count - 1) // 2] + ordered[columns, count // 2]) / 2
