"""A face's own texture: points all over the tracked mesh, what each looks like in one clip, and how
steadily.

Brightness is band-passed, so that light and exposure say little and detail says all. A point whose
look changes with speech (cheeks, brows) counts by its own variance over the clip: nobody has to say
which skin is rigid.
"""

import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from instag.capture.geometry.from_mesh import SKIN_POINTS, face_triangles, vertex_normals
from instag.perception.head_coordinates import INNER_LIPS

FINEST = 1.2
"""Standard deviation in pixels of the blur that takes noise out."""
COARSEST = 8.0
"""Standard deviation in pixels of the blur that light and shade are taken out with, at a picture
size of WORKING_SIZE."""
WORKING_SIZE = 512
"""Larger pictures are looked at in this size."""
MARGIN = 16
"""Pixels around the landmarks that a picture is cut out with."""
OUTLIER_SCALE = 2.4
"""Residuals of this many standard deviations get half the weight (Cauchy)."""
SEEN_OFTEN = 0.3
"""Share of the pictures in which a point is seen, from which its look counts as known."""

LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
"""The outer line of the lips."""
CORNERS = (61, 291)
"""The corners of the mouth."""
CHIN_HALF_WIDTH = 0.045
"""Metres to each side: what lies below the mouth's corners there moves with the jaw, and a head
that followed it would nod with speech."""
EYES = (
    *(33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    *(362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),
    *(247, 30, 29, 27, 28, 56, 190, 467, 260, 259, 257, 258, 286, 414),
)
"""The lids' edges and the upper lids' folds, that a blink moves."""


@dataclass(frozen=True, kw_only=True)
class SkinPoints:
    """Points on a face at rest: places in metres and unit normals, head's frame of reference."""

    places: Float[np.ndarray, "s 3"]
    normals: Float[np.ndarray, "s 3"]


@dataclass(frozen=True, kw_only=True)
class Texture:
    """The band-passed brightness of each point in a clip, 0..255, and its variance; infinite where
    it was hardly ever seen."""

    values: Float[np.ndarray, " s"]
    variances: Float[np.ndarray, " s"]


@dataclass(frozen=True, kw_only=True)
class Detail:
    """The detail of a picture around a face: brightness less its blur. left, top: of its first
    pixel in the picture."""

    image: Float[np.ndarray, "h w"]
    left: int
    top: int


def spread_points(identity: Float[np.ndarray, "478 3"], count: int) -> SkinPoints:
    """`count` points evenly over the mesh of a resting face (metres), but for eyes, lips and chin.
    The same ones in every run."""
    generator = np.random.default_rng(0)
    mesh = identity[:SKIN_POINTS].astype(np.float64)
    triangles = face_triangles()
    normals = vertex_normals(mesh, triangles)
    skin: Int[np.ndarray, "t 3"] = triangles[
        ~np.isin(triangles, (*LIPS, *INNER_LIPS, *EYES)).any(1)
    ]
    middles = mesh[skin].mean(1)
    low = middles[:, 1] < mesh[list(CORNERS), 1].mean()
    skin = skin[~(low & (np.abs(middles[:, 0]) < CHIN_HALF_WIDTH))]
    a, b, c = (mesh[skin[:, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = skin[generator.choice(len(skin), count, p=area / area.sum())]
    share = generator.dirichlet((1.0, 1.0, 1.0), count)[:, None]
    turned = (share @ normals[chosen])[:, 0]
    return SkinPoints(
        places=(share @ mesh[chosen])[:, 0],
        normals=turned / (np.linalg.norm(turned, axis=1, keepdims=True) + 1e-12),
    )


def detail(grey: UInt8[np.ndarray, "h w"], landmarks: Float[np.ndarray, "p 2"]) -> Detail:
    """Cut a picture out around landmarks (its pixels) and take its blur from it."""
    height, width = grey.shape
    left, top = np.clip(np.floor(landmarks.min(0) - MARGIN).astype(int), 0, (width - 2, height - 2))
    right, bottom = np.clip(
        np.ceil(landmarks.max(0) + MARGIN).astype(int), (left + 2, top + 2), (width, height)
    )
    cut = grey[top:bottom, left:right].astype(np.float32)
    shade = cv2.GaussianBlur(cut, (0, 0), COARSEST * min(height, WORKING_SIZE) / WORKING_SIZE)
    return Detail(image=cv2.GaussianBlur(cut, (0, 0), FINEST) - shade, left=int(left), top=int(top))


def learn_texture(values: Float[np.ndarray, "k s"], weights: Float[np.ndarray, "k s"]) -> Texture:
    """The robust mean of each point's look over k pictures and its variance. Weight 0: not seen
    there."""
    seen = np.where(weights > 0, values, np.nan)
    known = (weights > 0).mean(0) > SEEN_OFTEN
    if not known.any():
        return Texture(values=np.zeros(len(known)), variances=np.full(len(known), np.inf))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN slice", category=RuntimeWarning)
        middle = np.nanmedian(seen, axis=0)
        variances = (
            np.nanmedian((seen - middle) ** 2, axis=0) / 0.455
        )  # of a normal variable, the median of the square is 0.455 variances
    # What hardly varies in a few pictures is not known beyond all doubt.
    variances = np.where(
        known, np.maximum(variances, max(np.quantile(variances[known], 0.2), 1e-2)), np.inf
    )
    trust = weights / (1 + np.nan_to_num(seen - middle) ** 2 / variances / OUTLIER_SCALE**2)
    mean = (trust * np.nan_to_num(seen)).sum(0) / np.maximum(trust.sum(0), 1e-9)
    return Texture(values=np.where(known, mean, 0), variances=variances)
