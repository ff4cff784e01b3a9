"""One person's appearance: where in head coordinates, and in which colours, each region is found in
one clip.

Learned from a few frames by expectation-maximisation: a rough prior of where a head has its hair,
ears and neck is multiplied with the person mask and the colours seen so far; what comes out is the
next prior (the atlas) and the next colours (the palette). Long hair, bald heads and beards need no
special case: their colours say what they are.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy.ndimage import gaussian_filter

from instag.perception.head_coordinates import OVAL, to_head
from instag.types import Region

BINS = 32
"""Bins of each of red, green and blue."""


def bin_numbers(image: UInt8[np.ndarray, "*shape 3"]) -> np.ndarray:
    """The histogram bin of each pixel."""
    coarse = (image >> 3).astype(np.int32)
    return (coarse[..., 0] * BINS + coarse[..., 1]) * BINS + coarse[..., 2]


@dataclass(frozen=True, kw_only=True)
class ColorHistogram:
    """log_likelihood: log p(colour bin | class) + log(number of bins), so that 0 is what a flat
    histogram says."""

    log_likelihood: Float[np.ndarray, "bins c"]

    @classmethod
    def learn(
        cls,
        bins: np.ndarray,
        weights: Float[np.ndarray, "n c"],
        spread: float = 1.0,
        floor: float = 0.05,
    ) -> "ColorHistogram":
        """From pixels' bins and how much each belongs to each class.

        `spread`: how far a colour speaks for its neighbours, in bins. `floor`: share of a flat
        histogram, the caution.
        """
        columns = []
        for channel in range(weights.shape[1]):
            counts = np.bincount(bins.ravel(), weights[:, channel].ravel(), BINS**3).reshape(
                BINS, BINS, BINS
            )
            smooth = gaussian_filter(counts, spread, mode="constant").ravel()
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
_COLOUR_TRUST = 0.7
_ROUNDS = 4


@dataclass(frozen=True, kw_only=True)
class AppearanceModel:
    """log_atlas: log prior of each class in head coordinates. palette: its colours. skin: median Y,
    Cr, Cb of the face."""

    log_atlas: Float[np.ndarray, "a a c"]
    palette: ColorHistogram
    skin: Float[np.ndarray, "3"]


@dataclass(frozen=True, kw_only=True)
class View:
    """What a frame says before anything is learned, at the size that regions are worked out in
    (half the frame's).

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
) -> View:
    """Halve a frame and its person mask, and place the head in it. `landmarks` in the frame's
    pixels."""
    height, width = (side // 2 for side in frame.shape[:2])
    points = landmarks[:, :2] / 2
    oval = np.zeros((height, width), np.uint8)
    fill_polygon(oval, points[OVAL], 1)
    return View(
        image=cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA),
        person=cv2.resize(person, (width, height), interpolation=cv2.INTER_AREA),
        oval=oval,
        to_head=to_head(points, identity),
    )


def fill_polygon(
    target: UInt8[np.ndarray, "h w"], points: Float[np.ndarray, "n 2"], value: int
) -> None:
    """Paint a polygon into `target`, its corners in pixels (centres at +0.5), to a 16th of a
    pixel."""
    cv2.fillPoly(target, [np.round((points - 0.5) * 16).astype(np.int32)], (value,), shift=4)


def rough_atlas() -> Float[np.ndarray, "a a c"]:
    """Where a head's regions are before any was seen: probabilities in head coordinates that sum to
    1 in each cell."""
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
    seen: View, log_atlas: Float[np.ndarray, "a a c"], palette: ColorHistogram | None
) -> Float[np.ndarray, "h w c"]:
    """Probability of each class for each pixel of a view: person mask x atlas x colours, with the
    oval's face sure."""
    height, width = seen.oval.shape
    prior = cv2.warpAffine(
        log_atlas,
        atlas_map(seen.to_head),
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    score = prior if palette is None else prior + _COLOUR_TRUST * palette(seen.image)
    person = np.clip(seen.person, 0.01, 0.99)
    score[..., BACKGROUND] += np.log(1 - person)
    score[..., TORSO:] += np.log(person)[..., None]
    skin = _skin_evidence(seen)
    score[..., NECK] += skin
    score[..., FACE] += np.maximum(skin, -1)
    _apply_oval(score, seen)
    score -= score.max(-1, keepdims=True)
    np.exp(score, out=score)
    score /= score.sum(-1, keepdims=True)
    return score


def _skin_evidence(seen: View) -> Float[np.ndarray, "h w"]:
    """What a pixel's hue says for bare skin, in [-5, 1.5] on the scale of log probabilities: a
    shirt under the chin is no neck.

    Chroma shrinks in the shade and in a highlight, and what is nearly black says nothing for skin.
    """
    colours = cv2.cvtColor(seen.image, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    face = np.median(colours[seen.oval > 0], 0) if seen.oval.any() else np.array([128, 150, 112])
    shade = np.clip(colours[..., 0] / max(float(face[0]), 1), 0, 1)
    gloss = np.clip((255 - colours[..., 0]) / max(255 - float(face[0]), 1), 0.8, 1)
    distance = np.abs(colours[..., 1:] - 128 - (shade * gloss)[..., None] * (face[1:] - 128)).max(
        -1
    )
    dark = np.clip((0.35 - shade) / 0.2, 0, 1)
    return (
        1.5 * np.exp(-np.square(distance / 5)) * (1 - dark)
        - np.minimum(np.square(distance / 7), 5)
        - 2 * dark
    ).astype(np.float32)


def _apply_oval(score: Float[np.ndarray, "h w c"], seen: View) -> None:
    """Inside the oval all is face, but for hair that falls over the forehead; under the jaw nothing
    is."""
    height, width = seen.oval.shape
    rows = np.arange(height, dtype=np.float32)[:, None] + 0.5
    columns = np.arange(width, dtype=np.float32)[None] + 0.5
    y = seen.to_head[1, 0] * columns + seen.to_head[1, 1] * rows + seen.to_head[1, 2]
    inside = seen.oval > 0
    x = seen.to_head[0, 0] * columns + seen.to_head[0, 1] * rows + seen.to_head[0, 2]
    fringe = inside & ((y > 0.7) | ((np.abs(x) > 0.6) & (y > 0.3)))
    sure = inside & ~fringe
    score[fringe, FACE] += 3
    score[inside, BACKGROUND] -= 8
    score[inside, TORSO] -= 8
    score[inside, NECK] -= 8
    score[sure, HAIR] -= 8
    score[~inside & (y < 0.22), FACE] -= 8
    score[~inside & (y > 0.45), NECK] -= 8
    score[~inside & (y > 0.55) & (np.abs(x) < 1.7), TORSO] -= 8
    score[~inside & (y > 0.2) & (np.abs(x) < 1.6), TORSO] -= 4
    score[~inside & (np.abs(x) > 1.25) & (y > -0.5), NECK] -= 4
    score[~inside & (y < 0.2) & (np.abs(x) < 0.6), HAIR] -= 4


def fit_appearance_model(views: list[View]) -> AppearanceModel:
    """Learn one clip's atlas and palette from some of its frames (a dozen or more, spread over
    it)."""
    atlas = rough_atlas()
    palette: ColorHistogram | None = None
    bins = np.stack([bin_numbers(seen.image) for seen in views])
    for _ in range(_ROUNDS):
        log_atlas = np.log(atlas)
        beliefs = [posterior(seen, log_atlas, palette) for seen in views]
        palette = ColorHistogram.learn(bins, _colour_weights(beliefs, views))
        atlas = _learn_atlas(beliefs, views)
    assert palette is not None
    skin = np.concatenate(
        [cv2.cvtColor(seen.image, cv2.COLOR_RGB2YCrCb)[seen.oval > 0] for seen in views]
    )
    return AppearanceModel(
        log_atlas=np.log(atlas).astype(np.float32),
        palette=palette,
        skin=np.median(skin, 0).astype(np.float32),
    )


def _colour_weights(
    beliefs: list[Float[np.ndarray, "h w c"]], views: list[View]
) -> Float[np.ndarray, "n c"]:
    """Only sure pixels teach colours, and of the background only what is near the person."""
    weights = []
    for belief, seen in zip(beliefs, views, strict=True):
        weight = np.where(belief > 0.6, belief, 0)
        near = cv2.dilate((seen.person > 0.5).astype(np.uint8), np.ones((25, 25), np.uint8))
        weight[near == 0, BACKGROUND] = 0
        weights.append(weight.reshape(-1, len(CLASSES)))
    return np.concatenate(weights)


def _learn_atlas(
    beliefs: list[Float[np.ndarray, "h w c"]], views: list[View]
) -> Float[np.ndarray, "a a c"]:
    """The mean belief in head coordinates, a little blurred, mixed with the rough atlas where
    little was seen."""
    size = (ATLAS_SIZE, ATLAS_SIZE)
    rough = rough_atlas()
    total, count = rough * 2, np.full((*size, 1), 2, np.float32)
    for belief, seen in zip(beliefs, views, strict=True):
        place = atlas_map(seen.to_head)
        total += cv2.warpAffine(belief, place, size, flags=cv2.INTER_LINEAR)
        count += cv2.warpAffine(
            np.ones(belief.shape[:2], np.float32), place, size, flags=cv2.INTER_LINEAR
        )[..., None]
    mean = cv2.GaussianBlur(total / count, (0, 0), 1.5) + 0.01
    return mean / mean.sum(-1, keepdims=True)
