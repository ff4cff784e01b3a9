"""The backdrop: the background of a clip, per pixel the median over the frames that show it
(docs/method.md#observation)."""

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numba import njit

from instag.data.clip import Clip
from instag.observed import Region
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent

MOST_FRAMES, FEWEST_FRAMES = 60, 15
"""Frames that are read, evenly spaced: the first where they fit into MOST_BYTES."""
MOST_BYTES = 2**26
MIN_DISTANCE = 4 / 512
"""Pixels nearer to the person than this, in picture heights, are not used: soft edges. A shadow on
the wall is: it is there most of the time."""
ROWS = 32
"""Rows of the pictures whose medians are found at a time."""


def clear_of_person(regions: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The background's pixels that are not near the person."""
    away = cv2.distanceTransform((regions == Region.BACKGROUND).astype(np.uint8), cv2.DIST_L2, 3)
    return away > MIN_DISTANCE * len(regions)


def median_where_clear(
    frames: list[UInt8[np.ndarray, "h w 3"]], clear: list[Bool[np.ndarray, "h w"]]
) -> tuple[UInt8[np.ndarray, "h w 3"], Bool[np.ndarray, "h w"]]:
    """Each pixel's median colour over the frames in which it is clear (the lower one of two), and
    where there is any."""
    height, width = clear[0].shape
    median, seen = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), bool)

    def find(first: int) -> None:
        rows = slice(first, first + ROWS)
        _median(
            np.stack([each[rows] for each in frames]),
            np.stack([each[rows] for each in clear]),
            median[rows],
            seen[rows],
        )

    for _ in in_order(find, range(0, height, ROWS)):
        pass
    return median, seen


@njit(cache=True, nogil=True)
def _median(frames, clear, median, seen):  # pragma: no cover - compiled
    """By bisection of the 256 values."""
    count, height, width = clear.shape
    values = np.empty((3, count), np.uint8)
    for row in range(height):
        for column in range(width):
            found = 0
            for number in range(count):
                if clear[number, row, column]:
                    for channel in range(3):
                        values[channel, found] = frames[number, row, column, channel]
                    found += 1
            if found == 0:
                continue
            seen[row, column] = True
            for channel in range(3):
                low, high = 0, 255
                while low < high:
                    middle, below = (low + high) // 2, 0
                    for index in range(found):
                        below += values[channel, index] <= middle
                    if 2 * below >= found:
                        high = middle
                    else:
                        low = middle + 1
                median[row, column, channel] = low


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
    frames, clear, numbers = [], [], _sampled(clip)
    for frame, where in in_order(
        lambda index: (clip.frame(index), clear_of_person(clip.regions(index))), numbers
    ):
        frames.append(frame)
        clear.append(where)
        report(len(frames), len(numbers))
    image, seen = median_where_clear(frames, clear)
    clip.save_backdrop(fill_from_nearest(image, seen), seen)


def _sampled(clip: Clip) -> list[int]:
    """Numbers of the frames that are read."""
    size = 4 * clip.info.height * clip.info.width
    most = min(len(clip), MOST_FRAMES, max(FEWEST_FRAMES, MOST_BYTES // size))
    return [int(index) for index in np.linspace(0, len(clip) - 1, most)]
