"""Region labels of each frame: background, torso, neck, face, hair, mouth and teeth
(docs/method.md#observation).

For each frame, at half size: person mask x atlas of this head x colour histograms (the appearance
model), averaged with neighbouring frames where the picture did not change, then smoothed. At full
size: the most likely class, small components and holes removed, and the mouth filled from the
landmarks.
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
from instag.capture.segmentation.class_kernels import mix_before, mix_both, most_likely
from instag.capture.segmentation.lips import without_lips
from instag.capture.segmentation.teeth import mouth_inside, teeth_likeness, teeth_mask
from instag.data.clip import Clip
from instag.observed import Region
from instag.perception.connected_components import (
    AREA,
    HEIGHT,
    TOP,
    Components,
    fill_holes,
    largest_component,
    small_components,
)
from instag.perception.person_mask import PersonSegmenter
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent

APPEARANCE_FRAMES = 16
"""Frames, evenly spaced, that the appearance model is fitted to."""


MAX_HISTORY_FRAMES = 3.0
"""Weight of the running mean, in frames, where nothing moves."""
MOTION_SCALE = 5.0
"""Change of colour, in levels of 255, at which that weight falls to a third."""
_CHANGES = np.arange(256, dtype=np.float32)
LONG_HISTORY = MAX_HISTORY_FRAMES * np.exp(-np.square(_CHANGES / MOTION_SCALE))
"""That weight for each change of colour."""
SHORT_HISTORY = 0.5 * np.exp(-np.square(_CHANGES / 10))
"""Weight of a neighbouring frame for each change of colour."""
CLASS_WEIGHTS = np.array([0.65, 1, 1, 1, 1], np.float32)
"""Weights of the classes: background weighs less, because edge pixels that are labelled background
leave a dark or bright rim."""


@dataclass(frozen=True, kw_only=True)
class FrameLabels:
    """Probabilities of one frame alone. soft, classes: the blurred picture and the probabilities at
    half size. mouth, teeth: mask and tooth likelihood at full size."""

    soft: UInt8[np.ndarray, "h w 3"]
    classes: Float[np.ndarray, "h w c"]
    mouth: UInt8[np.ndarray, "h2 w2"]
    teeth: Float[np.ndarray, "h2 w2"]


def label_regions(clip: Clip, report: Report = silent) -> None:
    """Write regions/*.png of a clip that has frames and track. Memory does not grow with the
    length."""
    track = clip.track()
    count = len(clip)
    segment = PersonSegmenter()
    chosen = np.unique(np.linspace(0, count - 1, APPEARANCE_FRAMES).astype(int)).tolist()

    def view_of(index: int, frame: UInt8[np.ndarray, "h w 3"]) -> HeadView:
        return view(frame, segment(frame), track.landmarks[index], track.identity)

    looks = in_order(lambda index: view_of(index, clip.frame(index)), chosen)
    known = dict(zip(chosen, looks, strict=True))
    appearance = fit_appearance_model(list(known.values()))

    def infer(index: int) -> FrameLabels:
        frame = clip.frame(index)
        seen = known.get(index) or view_of(index, frame)
        landmarks = track.landmarks[index]
        mouth = mouth_inside(landmarks, (len(frame), len(frame[0])))
        mouth = without_lips(mouth, frame, landmarks)
        return FrameLabels(
            soft=cv2.GaussianBlur(seen.image, (0, 0), 1.5),
            classes=posterior(seen, appearance.log_atlas, appearance.histogram),
            mouth=mouth,
            teeth=teeth_likeness(frame, mouth, appearance.skin),
        )

    def write(frames: tuple[int, tuple[FrameLabels, FrameLabels, FrameLabels]]) -> int:
        clip.save_regions(frames[0], label(*frames[1]))
        return frames[0]

    inferred = _with_neighbours(_filter_in_time(in_order(infer, range(count))))
    for index in in_order(write, enumerate(inferred)):
        report(index + 1, count)


def _filter_in_time(frames: Iterator[FrameLabels]) -> Iterator[FrameLabels]:
    """Each frame averaged with the running mean of those before, so that borders between similar
    colours do not flicker."""
    before: FrameLabels | None = None
    for now in frames:
        if before is not None:
            mixed = np.empty_like(now.classes)
            change = _change(before, now)
            mix_before(now.classes, before.classes, change, LONG_HISTORY, mixed)
            now = replace(now, classes=mixed)
        yield now
        before = now


def _change(one: FrameLabels, other: FrameLabels) -> UInt8[np.ndarray, "h w"]:
    """Blurred change of the picture in levels of 255, the largest over the channels."""
    red, green, blue = cv2.split(cv2.absdiff(one.soft, other.soft))
    return cv2.max(cv2.max(red, green), blue)


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
    classes = _smoothed(_average_in_time(before, now, after))
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
    mixed = np.empty_like(now.classes)
    since, until = _change(before, now), _change(after, now)
    mix_both(now.classes, before.classes, after.classes, since, until, SHORT_HISTORY, mixed)
    return mixed


def _smoothed(classes: Float[np.ndarray, "h w c"]) -> Float[np.ndarray, "h w c"]:
    """The probabilities, averaged twice over squares of a 37th of the picture's side."""
    side = 2 * max(2, len(classes) // 85) + 1
    once = cv2.blur(classes, (side, side), borderType=cv2.BORDER_REFLECT)
    return cv2.blur(once, (side, side), borderType=cv2.BORDER_REFLECT)


def clean(classes: Float[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w"]:
    """The most likely class of each pixel, with one connected person and head, no small components
    and no holes."""
    labels = np.empty(classes.shape[:2], np.uint8)
    most_likely(classes, CLASS_WEIGHTS, labels)
    small = max(8, round(labels.size * 4e-4))
    person = fill_holes(largest_component(labels != BACKGROUND), 8 * small)
    labels = _relabel(labels, person & (labels == BACKGROUND), classes, (BACKGROUND,))
    labels = labels * person.view(np.uint8)  # BACKGROUND, which is 0, elsewhere
    labels = _relabel(labels, _detached_hair_at_jaw(labels), classes, (BACKGROUND, FACE, HAIR))
    head = labels >= FACE
    whole = fill_holes(largest_component(head), 4 * small)
    labels = _relabel(labels, head & ~whole, classes, (BACKGROUND, FACE, HAIR))
    labels = _relabel(labels, whole & ~head, classes, (BACKGROUND, TORSO, NECK))
    labels = _relabel(labels, _detached_body(labels), classes, (BACKGROUND, TORSO, NECK))
    _paint(labels, _enclosed_hair(labels, 8 * small), FACE)
    for one, other in ((FACE, HAIR), (HAIR, FACE), (NECK, TORSO), (TORSO, NECK)):
        _paint(labels, small_components(labels == one, small), other)
    return labels


def _paint(labels: UInt8[np.ndarray, "h w"], where: Bool[np.ndarray, "h w"], label: int) -> None:
    """Give the pixels a label; mostly there are none."""
    if where.any():
        labels[where] = label


def _detached_hair_at_jaw(labels: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Components of hair, apart from the largest, that begin in the lowest third of the face: a
    collar or a shadow."""
    rows = np.nonzero((labels == FACE).any(1))[0]
    hair = Components.of(labels == HAIR)
    if len(rows) == 0 or len(hair.table) <= 2:
        return np.zeros(labels.shape, bool)
    low = hair.table[:, TOP] > rows[0] + 0.7 * (rows[-1] - rows[0])
    low[[0, hair.largest()]] = False
    return hair.where(low)


def _enclosed_hair(labels: UInt8[np.ndarray, "h w"], under: int) -> Bool[np.ndarray, "h w"]:
    """Hair of fewer than `under` pixels with face all around it: a shadow on the forehead or in the
    ear."""
    hair = Components.of(labels == HAIR)
    enclosed = hair.table[:, AREA] < under
    enclosed[0] = False
    if enclosed.any():
        others = ((labels != HAIR) & (labels != FACE)).view(np.uint8)
        enclosed &= ~hair.touched(cv2.dilate(others, np.ones((3, 3), np.uint8)))
    return hair.where(enclosed)


def _detached_body(labels: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Components of torso and neck, apart from the largest, that do not reach the lower edge of the
    picture."""
    body = Components.of((labels == TORSO) | (labels == NECK))
    detached = body.table[:, TOP] + body.table[:, HEIGHT] < len(labels)
    detached[[0, body.largest()]] = False
    return body.where(detached)


def _relabel(
    labels: UInt8[np.ndarray, "h w"],
    where: Bool[np.ndarray, "h w"],
    classes: Float[np.ndarray, "h w c"],
    never: tuple[int, ...],
) -> UInt8[np.ndarray, "h w"]:
    """The labels with pixels `where` set to their most likely class, by CLASS_WEIGHTS, that is not
    one of `never`."""
    if not where.any():
        return labels
    rest = classes[where] * CLASS_WEIGHTS
    rest[:, list(never)] = -1
    changed = labels.copy()
    changed[where] = rest.argmax(-1)
    return changed
