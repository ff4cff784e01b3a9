"""Region labels of each frame: background, torso, neck, face, hair, mouth and teeth
(docs/method.md#observation).

For each frame, at half size: person mask x atlas of this head x colour histograms (the appearance
model), averaged with neighbouring frames where the picture did not change, then smoothed by a
guided filter. At full size: the most likely class, small components and holes removed, and the
mouth filled from the landmarks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.capture.segmentation.appearance_model import (
    BACKGROUND,
    FACE,
    HAIR,
    NECK,
    TORSO,
    HeadView,
    fit_appearance_model,
    posterior,
    view,
)
from instag.capture.segmentation.teeth import mouth_inside, teeth_likeness, teeth_mask
from instag.data.clip import Clip
from instag.perception.connected_components import (
    AREA,
    HEIGHT,
    TOP,
    connected_components,
    fill_holes,
    largest_component,
    small_components,
)
from instag.perception.person_mask import PersonSegmenter
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent
from instag.types import Region, Track

APPEARANCE_FRAMES = 16
"""Frames, evenly spaced, that the appearance model is fitted to."""


MAX_HISTORY_FRAMES = 3.0
"""Weight of the running mean, in frames, where nothing moves."""
MOTION_SCALE = 5.0
"""Change of colour, in levels of 255, at which that weight falls to a third."""
CLASS_WEIGHTS = np.array([0.65, 1, 1, 1, 1], np.float32)
"""Weights of the classes: background weighs less, because edge pixels that are labelled background
leave a dark or bright rim."""


@dataclass(frozen=True, kw_only=True)
class FrameLabels:
    """Probabilities of one frame alone. image, classes: at half size. mouth, teeth: mask and tooth
    likelihood at full size."""

    image: UInt8[np.ndarray, "h w 3"]
    classes: Float[np.ndarray, "h w c"]
    mouth: UInt8[np.ndarray, "h2 w2"]
    teeth: Float[np.ndarray, "h2 w2"]


def label_regions(clip: Clip, report: Report = silent) -> None:
    """Write regions/*.png of a clip that has frames and track. Memory does not grow with the
    length."""
    track = clip.track()
    count = len(clip)
    with PersonSegmenter() as segment:
        chosen = np.unique(np.linspace(0, count - 1, APPEARANCE_FRAMES).astype(int))
        appearance = fit_appearance_model(
            [_view(clip, track, segment, int(index))[1] for index in chosen]
        )

        def infer(index_and_view: tuple[int, UInt8[np.ndarray, "h w 3"], HeadView]) -> FrameLabels:
            index, frame, seen = index_and_view
            mouth = mouth_inside(track.landmarks[index], (len(frame), len(frame[0])))
            return FrameLabels(
                image=seen.image,
                classes=posterior(seen, appearance.log_atlas, appearance.histogram),
                mouth=mouth,
                teeth=teeth_likeness(frame, mouth, appearance.skin),
            )

        views = ((index, *_view(clip, track, segment, index)) for index in range(count))
        labelled = in_order(
            lambda frames: label(*frames), _with_neighbours(_filter_in_time(in_order(infer, views)))
        )
        for index, labels in enumerate(labelled):
            clip.save_regions(index, labels)
            report(index + 1, count)


def _view(
    clip: Clip, track: Track, segment: PersonSegmenter, index: int
) -> tuple[UInt8[np.ndarray, "h w 3"], HeadView]:
    frame = clip.frame(index)
    return frame, view(frame, segment(frame), track.landmarks[index], track.identity)


def _filter_in_time(frames: Iterator[FrameLabels]) -> Iterator[FrameLabels]:
    """Each frame averaged with the running mean of those before, so that borders between similar
    colours do not flicker."""
    before: FrameLabels | None = None
    for now in frames:
        if before is not None:
            history = (
                MAX_HISTORY_FRAMES
                * np.exp(-np.square(_change(before, now) / MOTION_SCALE))[..., None]
            )
            now = replace(now, classes=(now.classes + history * before.classes) / (1 + history))
        yield now
        before = now


def _change(one: FrameLabels, other: FrameLabels) -> Float[np.ndarray, "h w"]:
    """Blurred change of the picture in levels of 255, the largest over the channels."""
    difference = cv2.absdiff(
        *(cv2.GaussianBlur(frame.image, (0, 0), 1.5) for frame in (one, other))
    )
    red, green, blue = cv2.split(difference)
    return cv2.max(cv2.max(red, green), blue).astype(np.float32)


def _with_neighbours(
    frames: Iterator[FrameLabels],
) -> Iterator[tuple[FrameLabels, FrameLabels, FrameLabels]]:
    """Each frame with the one before and the one after; at the clip's ends, with itself."""
    before = now = next(frames)
    for after in frames:
        yield before, now, after
        before, now = now, after
    yield before, now, now


def label(before: FrameLabels, now: FrameLabels, after: FrameLabels) -> UInt8[np.ndarray, "h2 w2"]:
    """The Region of each pixel of the middle frame."""
    classes = _guided_filter(_average_in_time(before, now, after), now.image)
    height, width = now.mouth.shape
    labels = clean(cv2.resize(classes, (width, height), interpolation=cv2.INTER_LINEAR))
    teeth = teeth_mask((before.teeth + 2 * now.teeth + after.teeth) / 4 * now.mouth)
    labels[now.mouth > 0] = Region.MOUTH
    labels[teeth] = Region.TEETH
    return labels


def _average_in_time(
    before: FrameLabels, now: FrameLabels, after: FrameLabels
) -> Float[np.ndarray, "h w c"]:
    """Weighted mean of three frames' probabilities; a neighbour weighs at most half, less where
    colours changed."""
    total, weight = now.classes.copy(), np.ones(now.image.shape[:2], np.float32)
    for other in (before, after):
        history = 0.5 * np.exp(-np.square(_change(other, now) / 10))
        total += history[..., None] * other.classes
        weight += history
    return total / weight[..., None]


def _guided_filter(
    classes: Float[np.ndarray, "h w c"], image: UInt8[np.ndarray, "h w 3"]
) -> Float[np.ndarray, "h w c"]:
    """Smooth probabilities within areas of one colour, sharp at the picture's edges (He et al.,
    "Guided Image Filtering", 2010)."""
    radius = max(2, image.shape[0] // 85)
    return cv2.ximgproc.guidedFilter(image.astype(np.float32) / 255, classes, radius, 2e-4)


def clean(classes: Float[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w"]:
    """The most likely class of each pixel, with one connected person and head, no small components
    and no holes."""
    classes = classes * CLASS_WEIGHTS
    labels = classes.argmax(-1).astype(np.uint8)
    small = max(8, round(labels.size * 4e-4))
    person = fill_holes(largest_component(labels != BACKGROUND), 8 * small)
    labels = _relabel(labels, person & (labels == BACKGROUND), classes, (BACKGROUND,))
    labels[~person] = BACKGROUND
    labels = _relabel(labels, _detached_hair_at_jaw(labels), classes, (BACKGROUND, FACE, HAIR))
    head = labels >= FACE
    whole = fill_holes(largest_component(head), 4 * small)
    labels = _relabel(labels, head & ~whole, classes, (BACKGROUND, FACE, HAIR))
    labels = _relabel(labels, whole & ~head, classes, (BACKGROUND, TORSO, NECK))
    labels = _relabel(labels, _detached_body(labels), classes, (BACKGROUND, TORSO, NECK))
    labels[_enclosed_hair(labels, 8 * small)] = FACE
    for one, other in ((FACE, HAIR), (HAIR, FACE), (NECK, TORSO), (TORSO, NECK)):
        labels[small_components(labels == one, small)] = other
    return labels


def _detached_hair_at_jaw(labels: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Components of hair, apart from the largest, that begin in the lowest third of the face: a
    collar or a shadow."""
    rows = np.nonzero((labels == FACE).any(1))[0]
    numbers, measures = connected_components(labels == HAIR)
    if len(rows) == 0 or len(measures) <= 2:
        return np.zeros(labels.shape, bool)
    low = measures[:, TOP] > rows[0] + 0.7 * (rows[-1] - rows[0])
    low[0] = False
    low[1 + int(measures[1:, AREA].argmax())] = False
    return low[numbers]


def _enclosed_hair(labels: UInt8[np.ndarray, "h w"], under: int) -> Bool[np.ndarray, "h w"]:
    """Hair of fewer than `under` pixels with face all around it: a shadow on the forehead or in the
    ear."""
    numbers, measures = connected_components(labels == HAIR)
    beside = (
        cv2.dilate(
            ((labels != HAIR) & (labels != FACE)).astype(np.uint8), np.ones((3, 3), np.uint8)
        )
        > 0
    )
    enclosed = measures[:, AREA] < under
    enclosed[numbers[beside]] = False
    enclosed[0] = False
    return enclosed[numbers]


def _detached_body(labels: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Components of torso and neck, apart from the largest, that do not reach the lower edge of the
    picture."""
    numbers, measures = connected_components((labels == TORSO) | (labels == NECK))
    detached = measures[:, TOP] + measures[:, HEIGHT] < len(labels)
    detached[0] = False
    if len(measures) > 1:
        detached[1 + int(measures[1:, AREA].argmax())] = False
    return detached[numbers]


def _relabel(
    labels: UInt8[np.ndarray, "h w"],
    where: Bool[np.ndarray, "h w"],
    classes: Float[np.ndarray, "h w c"],
    never: tuple[int, ...],
) -> UInt8[np.ndarray, "h w"]:
    """The labels with pixels `where` set to their most likely class that is not one of `never`."""
    if not where.any():
        return labels
    rest = classes[where]
    rest[:, list(never)] = -1
    changed = labels.copy()
    changed[where] = rest.argmax(-1)
    return changed
