"""The appearance model of one person: an atlas of each region in head coordinates, and a colour
histogram of each.

Fitted to a few frames by expectation-maximisation: the posterior is prior atlas x person mask x
colour likelihood; its mean in head coordinates is the next atlas, and its weighted colours are the
next histograms. Long hair, bald heads and beards need no special case, because the colours decide.
"""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.ndimage import gaussian_filter

from instag.capture.segmentation.class_kernels import (
    BINS,
    add_evidence,
    count_colors,
    divide_by_sum,
    medians,
    skin_log_odds,
    skin_terms,
)
from instag.observed import Region
from instag.perception.head_coordinates import OVAL, to_head
from instag.runtime.parallel import in_order


def bin_numbers(image: UInt8[np.ndarray, "*shape 3"]) -> np.ndarray:
    """The histogram bin of each pixel."""
    coarse = (image >> 3).astype(np.int32)
    return (coarse[..., 0] * BINS + coarse[..., 1]) * BINS + coarse[..., 2]


@dataclass(frozen=True, kw_only=True)
class ColorHistogram:
    """Colour likelihoods of the classes. log_likelihood: log p(colour bin | class) + log(number of
    bins), so that a flat histogram gives 0."""

    log_likelihood: Float[np.ndarray, "bins c"]

    @classmethod
    def flat(cls) -> "ColorHistogram":
        """That of colours that tell nothing."""
        return cls(log_likelihood=np.zeros((BINS**3, len(CLASSES)), np.float32))

    @classmethod
    def estimate(
        cls, counts: Float[np.ndarray, "bins c"], spread: float = 1.0, floor: float = 0.05
    ) -> "ColorHistogram":
        """From the weight of each class in each bin.

        `spread`: standard deviation of the smoothing, in bins. `floor`: share of a flat histogram
        that is mixed in.
        """
        columns = []
        for column in counts.T:
            cube = column.reshape(BINS, BINS, BINS)
            smooth = gaussian_filter(cube, spread, mode="constant").ravel()
            density = smooth / max(float(smooth.sum()), 1e-6) * BINS**3
            columns.append(np.log((1 - floor) * density + floor))
        return cls(log_likelihood=np.stack(columns, -1).astype(np.float32))

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w c"]:
        """Log likelihood of each class for each pixel."""
        return self.log_likelihood[bin_numbers(image)]


CLASSES = (Region.BACKGROUND, Region.TORSO, Region.NECK, Region.FACE, Region.HAIR)
"""The classes of the last axis of every probability here, in the order of their numbers."""
BACKGROUND, TORSO, NECK, FACE, HAIR = range(5)

ATLAS_SIZE = 160
_SPAN_X, _BOTTOM, _TOP = 4.0, -2.6, 2.6
_COLOR_WEIGHT = 0.7
_EM_ITERATIONS = 4


@dataclass(frozen=True, kw_only=True)
class AppearanceModel:
    """log_atlas: log prior of each class in head coordinates. histogram: its colours. skin: median
    Y, Cr, Cb of the face."""

    log_atlas: Float[np.ndarray, "a a c"]
    histogram: ColorHistogram
    skin: Float[np.ndarray, "3"]


@dataclass(frozen=True, kw_only=True)
class HeadView:
    """The inputs of segmentation of one frame, at half the frame's size.

    oval: the face's outline filled (0 or 1). to_head: pixels of this size to head coordinates.
    """

    image: UInt8[np.ndarray, "h w 3"]
    person: Float[np.ndarray, "h w"]
    oval: UInt8[np.ndarray, "h w"]
    to_head: Float[np.ndarray, "2 3"]


def view(
    frame: UInt8[np.ndarray, "h2 w2 3"],
    person: Float[np.ndarray, "h2 w2"],
    landmarks: Float[np.ndarray, "478 3"],
    identity: Float[np.ndarray, "478 3"],
) -> HeadView:
    """Halve a frame and its person mask, and locate the head in it. `landmarks` in the frame's
    pixels."""
    height, width = (side // 2 for side in frame.shape[:2])
    points = landmarks[:, :2] / 2
    oval = np.zeros((height, width), np.uint8)
    fill_polygon(oval, points[OVAL], 1)
    return HeadView(
        image=cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA),
        person=cv2.resize(person, (width, height), interpolation=cv2.INTER_AREA),
        oval=oval,
        to_head=to_head(points, identity),
    )


def fill_polygon(
    target: UInt8[np.ndarray, "h w"], points: Float[np.ndarray, "n 2"], value: int
) -> None:
    """Fill a polygon in `target`; corners in pixels (centres at +0.5), to a 16th of a pixel."""
    cv2.fillPoly(target, [np.round((points - 0.5) * 16).astype(np.int32)], (value,), shift=4)


def prior_atlas() -> Float[np.ndarray, "a a c"]:
    """The prior atlas of any head: class probabilities in head coordinates that sum to 1 in each
    cell."""
    axis = (np.arange(ATLAS_SIZE) + 0.5) / ATLAS_SIZE
    x = np.abs((axis - 0.5) * 2 * _SPAN_X)[None]
    y = (_TOP + axis * (_BOTTOM - _TOP))[:, None]

    def step(value: np.ndarray, at: float, soft: float) -> np.ndarray:
        return 1 / (1 + np.exp(-(value - at) / soft))

    def inside(rx: float, ry: float, cy: float, soft: float) -> np.ndarray:
        return step(-np.hypot(x / rx, (y - cy) / ry), -1.0, soft)

    close = inside(1.45, 0.95, 0.7, 0.06)
    wide = inside(2.3, 1.6, 0.6, 0.12)
    above_chin = step(y, 0.05, 0.06)
    beside = step(y, -0.55, 0.1) * step(-x, -2.2, 0.15) * step(x, 0.65, 0.06)
    oval = inside(1.0, 0.56, 0.5, 0.04)
    hairline = inside(0.85, 0.7, 0.55, 0.06)
    crown = 0.9 * step(y, 0.85, 0.08) + 0.4 * step(y, 0.3, 0.08) + 0.2 * above_chin
    hair = (close * crown + 0.25 * wide * above_chin) * (1 - 0.9 * oval) * (
        1 - 0.75 * hairline
    ) + 0.35 * beside
    ears = step(y, 0.2, 0.05) * step(-y, -0.85, 0.05) * step(-x, -1.3, 0.06)
    face = 0.8 * oval + 0.6 * hairline + 0.5 * ears + 0.02 * close * above_chin
    neck = 0.7 * step(-x, -1.05, 0.06) * step(-y, -0.3, 0.08) * step(y, -0.75, 0.15) + 0.15 * step(
        -x, -1.6, 0.2
    ) * step(-y, 0.05, 0.1)
    shoulders = 0.4 * step(-y, 0.1, 0.08) * step(x, 0.5, 0.2) + 0.4 * step(-y, -0.3, 0.12) * step(
        x, 1.8, 0.15
    )
    collar = 0.3 * step(-y, -0.35, 0.06) * step(x, 0.65, 0.08)
    torso = step(-y, 0.45, 0.1) + shoulders + collar
    person = np.stack(np.broadcast_arrays(torso, neck, face, hair), -1) + 0.004
    person /= person.sum(-1, keepdims=True)
    return np.concatenate([np.full((ATLAS_SIZE, ATLAS_SIZE, 1), 0.5), person * 0.5], -1).astype(
        np.float32
    )


def atlas_map(to_head: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "2 3"]:
    """The affine map from a view's pixel numbers (centres at 0) to the atlas's."""
    scale = np.array([ATLAS_SIZE / (2 * _SPAN_X), ATLAS_SIZE / (_BOTTOM - _TOP)])
    shift = np.array([ATLAS_SIZE / 2, -_TOP * scale[1]])
    linear = scale[:, None] * to_head[:, :2]
    return np.column_stack([linear, scale * to_head[:, 2] + shift + linear @ (0.5, 0.5) - 0.5])


def posterior(
    seen: HeadView, log_atlas: Float[np.ndarray, "a a c"], histogram: ColorHistogram
) -> Float[np.ndarray, "h w c"]:
    """Probability of each class for each pixel of a view: person mask x atlas x colours, with the
    face's oval fixed."""
    height, width = seen.oval.shape
    prior = cv2.warpAffine(
        log_atlas,
        atlas_map(seen.to_head),
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    person = np.clip(seen.person, 0.01, 0.99)
    add_evidence(
        prior,
        seen.image,
        np.float32(_COLOR_WEIGHT),
        histogram.log_likelihood,
        np.log(1 - person),
        np.log(person),
        _skin_log_odds(seen),
        seen.oval,
        seen.to_head,
    )
    np.exp(prior, out=prior)
    divide_by_sum(prior)
    return prior


def _skin_log_odds(seen: HeadView) -> Float[np.ndarray, "h w"]:
    """Log odds of bare skin from a pixel's chroma, in [-5, 1.5]: they tell a neck from a shirt
    under the chin.

    Chroma shrinks in shade and in highlights; nearly black pixels get negative odds.
    """
    colors = cv2.cvtColor(seen.image, cv2.COLOR_RGB2YCrCb)
    face = np.array((128, 150, 112), np.float32)
    if seen.oval.any():
        medians(colors, seen.oval, face)
    likeness, unlike, dark = (np.empty(seen.oval.shape, np.float32) for _ in range(3))
    skin_terms(colors, face, likeness, unlike, dark)
    np.exp(likeness, out=likeness)
    skin_log_odds(likeness, unlike, dark)
    return likeness


def fit_appearance_model(views: list[HeadView]) -> AppearanceModel:
    """Fit one clip's atlas and histograms to some of its frames (a dozen or more, evenly
    spaced)."""
    atlas = prior_atlas()
    histogram = ColorHistogram.flat()
    bins = [bin_numbers(seen.image) for seen in views]
    near = [_dilated(seen.person > 0.5) for seen in views]
    seen_often = _times_seen(views)
    for _ in range(_EM_ITERATIONS):
        log_atlas = np.log(atlas)
        work = partial(posterior, log_atlas=log_atlas, histogram=histogram)
        posteriors = list(in_order(work, views))
        histogram = ColorHistogram.estimate(_color_counts(posteriors, bins, near))
        atlas = _estimate_atlas(posteriors, views, seen_often)
    skin = np.concatenate(
        [cv2.cvtColor(seen.image, cv2.COLOR_RGB2YCrCb)[seen.oval > 0] for seen in views]
    )
    return AppearanceModel(
        log_atlas=np.log(atlas).astype(np.float32),
        histogram=histogram,
        skin=np.median(skin, 0).astype(np.float32),
    )


def _dilated(mask: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """1 where the mask is 12 pixels away or nearer, else 0."""
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((25, 25), np.uint8)), np.uint8)


def _color_counts(
    posteriors: list[Float[np.ndarray, "h w c"]],
    bins: list[Int[np.ndarray, "h w"]],
    near: list[UInt8[np.ndarray, "h w"]],
) -> Float[np.ndarray, "bins c"]:
    """Weights of the classes for the histograms: only probabilities above 0.6, and of the
    background only pixels near the person."""
    counts = np.zeros((BINS**3, len(CLASSES)))
    for probabilities, numbers, close in zip(posteriors, bins, near, strict=True):
        count_colors(numbers, probabilities, close, np.float32(0.6), counts)
    return counts


def _estimate_atlas(
    posteriors: list[Float[np.ndarray, "h w c"]],
    views: list[HeadView],
    seen_often: Float[np.ndarray, "a a 1"],
) -> Float[np.ndarray, "a a c"]:
    """The mean posterior in head coordinates, slightly blurred, mixed with the prior atlas where
    few frames show it."""
    total = prior_atlas() * 2
    work = zip(posteriors, views, strict=True)
    for warped in in_order(lambda each: _in_head_coordinates(*each), work):
        total += warped
    mean = cv2.GaussianBlur(total / seen_often, (0, 0), 1.5) + 0.01
    return mean / mean.sum(-1, keepdims=True)


def _times_seen(views: list[HeadView]) -> Float[np.ndarray, "a a 1"]:
    """How many frames show each cell of the atlas, and 2 for the prior."""
    count = np.full((ATLAS_SIZE, ATLAS_SIZE, 1), 2, np.float32)
    for seen in views:
        count += _in_head_coordinates(np.ones(seen.oval.shape, np.float32), seen)[..., None]
    return count


def _in_head_coordinates(
    values: Float[np.ndarray, "h w *c"], seen: HeadView
) -> Float[np.ndarray, "a a *c"]:
    size = (ATLAS_SIZE, ATLAS_SIZE)
    return cv2.warpAffine(values, atlas_map(seen.to_head), size, flags=cv2.INTER_LINEAR)
