"""The backdrop: the background of a clip, per pixel the median over the frames in which the person
is farthest (docs/method.md#observation)."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numba import njit

from instag.data.clip import Clip
from instag.observed import Region
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent

CANDIDATES = 5
"""Frames kept for each pixel; their median removes noise and passers-by."""
SAMPLED_FRAMES = 60
"""Frames that are read, evenly spaced."""
MAX_DISTANCE = 40 / 512
"""Distances from the person, in picture heights, are clipped to this."""
MIN_DISTANCE = 9 / 512
"""Pixels nearer to the person than this, in picture heights, are not used: soft edges, shadows,
compression."""


@dataclass(frozen=True, kw_only=True)
class FarFrames:
    """The frames so far in which each pixel was farthest from the person, changed in place: there
    are five pictures of them. distance: in pixels, -1 where there is none."""

    colors: UInt8[np.ndarray, "k h w 3"]
    distance: Float[np.ndarray, "k h w"]

    @classmethod
    def empty(cls, height: int, width: int) -> "FarFrames":
        return cls(
            colors=np.zeros((CANDIDATES, height, width, 3), np.uint8),
            distance=np.full((CANDIDATES, height, width), -1, np.float32),
        )

    def add(
        self, frame: UInt8[np.ndarray, "h w 3"], distance: Float[np.ndarray, "h w"], number: int
    ) -> None:
        """Put one more frame in place of the nearest of those kept where it is farther.

        `number` counts the frames: among equally far ones the replaced slot rotates, so that they
        come from the whole clip.
        """
        _keep_farther(self.colors, self.distance, frame, distance, number)


@njit(cache=True, nogil=True)
def _keep_farther(colors, distances, frame, distance, number):  # pragma: no cover - compiled
    count, height, width = distances.shape
    for row in range(height):
        for column in range(width):
            worst = slot = number % count
            nearest = distances[worst, row, column]
            for _ in range(count - 1):
                slot = slot + 1 if slot + 1 < count else 0
                if distances[slot, row, column] < nearest:
                    worst, nearest = slot, distances[slot, row, column]
            if distance[row, column] >= nearest:
                distances[worst, row, column] = distance[row, column]
                for channel in range(3):
                    colors[worst, row, column, channel] = frame[row, column, channel]


def distance_from_person(regions: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Pixels to the nearest pixel of the person, at most FAR of the height; 0 within the person."""
    away = cv2.distanceTransform((regions == Region.BACKGROUND).astype(np.uint8), cv2.DIST_L2, 3)
    return np.minimum(away, MAX_DISTANCE * len(regions))


def median_of_far(far: FarFrames) -> tuple[UInt8[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """The median colour over each pixel's frames beyond MIN_DISTANCE, and where there is any."""
    clear = far.distance > MIN_DISTANCE * far.distance.shape[1]
    count = clear.sum(0)
    colors = np.where(clear[..., None], far.colors, 255).astype(np.uint8)
    colors = np.sort(colors, axis=0)
    middle = np.maximum(count - 1, 0) // 2
    median = np.take_along_axis(colors, middle[None, ..., None], 0)[0]
    return median, count > 0


def nearest_colors(
    image: UInt8[np.ndarray, "h w 3"], known: Bool[np.ndarray, "h w"]
) -> tuple[UInt8[np.ndarray, "h w 3"], Float[np.ndarray, "h w"]]:
    """Each pixel's nearest known pixel's colour, and how far that is in pixels. Some pixel must be
    known."""
    distance, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    filled = np.empty_like(image)
    _color_by_label(image, known, labels, np.zeros((labels.size + 1, 3), np.uint8), filled)
    return filled, distance


@njit(cache=True, nogil=True)
def _color_by_label(image, known, labels, color_of, filled):  # pragma: no cover - compiled
    """Give each pixel the colour of the known pixel with its label."""
    height, width = labels.shape
    for row in range(height):
        for column in range(width):
            if known[row, column]:
                for channel in range(3):
                    color_of[labels[row, column], channel] = image[row, column, channel]
    for row in range(height):
        for column in range(width):
            for channel in range(3):
                filled[row, column, channel] = color_of[labels[row, column], channel]


def fill_from_nearest(
    image: UInt8[np.ndarray, "h w 3"], known: Bool[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Fill unknown pixels from the nearest known one, smoother with its distance. All grey where
    none is known."""
    if known.all():
        return image
    if not known.any():
        return np.full_like(image, 128)
    filled, distance = nearest_colors(image, known)
    result = filled.astype(np.float32)
    for sigma in (2, 4, 8, 16, 32):
        scale = max(1, sigma // 4)
        small = cv2.resize(result, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA)
        smooth = cv2.resize(
            cv2.GaussianBlur(small, (0, 0), sigma / scale), (image.shape[1], image.shape[0])
        )
        share = np.clip(distance / (1.5 * sigma) - 0.5, 0, 1)[..., None]
        result = result + share * (smooth - result)
    return np.where(known[..., None], image, result.round()).astype(np.uint8)


def build_backdrop(clip: Clip, report: Report = silent) -> None:
    """Write backdrop.png and the mask of where it was seen, of a clip that has frames and regions.
    Time and memory do not grow with the length."""
    chosen = np.unique(np.linspace(0, len(clip) - 1, min(SAMPLED_FRAMES, len(clip))).astype(int))
    far = FarFrames.empty(clip.info.height, clip.info.width)
    looks = in_order(
        lambda index: (clip.frame(index), distance_from_person(clip.regions(index))),
        (int(index) for index in chosen),
    )
    for number, (frame, distance) in enumerate(looks):
        far.add(frame, distance, number)
        report(number + 1, len(chosen))
    image, seen = median_of_far(far)
    clip.save_backdrop(fill_from_nearest(image, seen), seen)
