"""The regions of each frame: background, torso, neck, face, hair, mouth and teeth
(docs/method.md#observation).

For each frame, at half size: person mask x where such a region lies on this head x its colours
(appearance), mixed with the frames before and the one after where the picture did not change, then
smoothed along the picture's own edges. At full size: the likeliest class, islands and holes
removed, and the mouth drawn from the landmarks.
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
    View,
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
    largest_part,
    small_parts,
    without_holes,
)
from instag.perception.person_mask import PersonSegmenter
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent
from instag.types import Region, Track

LEARNED_FROM = 16
"""Frames, spread over the clip, that the appearance is learned from."""


MEMORY = 3.0
"""Frames that what was seen before counts for at most, where nothing moves."""
MOVED = 5.0
"""Change of colour, in levels, at which what was seen before counts for about a third."""
PREFERENCE = np.array([0.65, 1, 1, 1, 1], np.float32)
"""Edge pixels are half person, half background; shown without their person they leave a dark or
bright rim."""


@dataclass(frozen=True, kw_only=True)
class Belief:
    """What one frame alone says. classes: probabilities at half size. teeth: likeness at full size
    inside the mouth."""

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
        chosen = np.unique(np.linspace(0, count - 1, LEARNED_FROM).astype(int))
        appearance = fit_appearance_model(
            [_view(clip, track, segment, int(index))[1] for index in chosen]
        )

        def believe(index_and_view: tuple[int, UInt8[np.ndarray, "h w 3"], View]) -> Belief:
            index, frame, seen = index_and_view
            mouth = mouth_inside(track.landmarks[index], (len(frame), len(frame[0])))
            return Belief(
                image=seen.image,
                classes=posterior(seen, appearance.log_atlas, appearance.palette),
                mouth=mouth,
                teeth=teeth_likeness(frame, mouth, appearance.skin),
            )

        views = ((index, *_view(clip, track, segment, index)) for index in range(count))
        labelled = in_order(
            lambda beliefs: label(*beliefs), _with_neighbours(_steadied(in_order(believe, views)))
        )
        for index, labels in enumerate(labelled):
            clip.save_regions(index, labels)
            report(index + 1, count)


def _view(
    clip: Clip, track: Track, segment: PersonSegmenter, index: int
) -> tuple[UInt8[np.ndarray, "h w 3"], View]:
    frame = clip.frame(index)
    return frame, view(frame, segment(frame), track.landmarks[index], track.identity)


def _steadied(beliefs: Iterator[Belief]) -> Iterator[Belief]:
    """Each belief with the running mean of those before it mixed in, so that borders between things
    that look alike do not flicker."""
    before: Belief | None = None
    for now in beliefs:
        if before is not None:
            trust = MEMORY * np.exp(-np.square(_change(before, now) / MOVED))[..., None]
            now = replace(now, classes=(now.classes + trust * before.classes) / (1 + trust))
        yield now
        before = now


def _change(one: Belief, other: Belief) -> Float[np.ndarray, "h w"]:
    """By how many levels the picture changed around each pixel, in the channel that changed
    most."""
    difference = cv2.absdiff(
        *(cv2.GaussianBlur(belief.image, (0, 0), 1.5) for belief in (one, other))
    )
    red, green, blue = cv2.split(difference)
    return cv2.max(cv2.max(red, green), blue).astype(np.float32)


def _with_neighbours(beliefs: Iterator[Belief]) -> Iterator[tuple[Belief, Belief, Belief]]:
    """Each belief between the one before and the one after; at the clip's ends the belief itself
    stands in."""
    before = now = next(beliefs)
    for after in beliefs:
        yield before, now, after
        before, now = now, after
    yield before, now, now


def label(before: Belief, now: Belief, after: Belief) -> UInt8[np.ndarray, "h2 w2"]:
    """The Region of each pixel of the middle frame."""
    classes = _along_edges(_mix_in_time(before, now, after), now.image)
    height, width = now.mouth.shape
    labels = clean(cv2.resize(classes, (width, height), interpolation=cv2.INTER_LINEAR))
    teeth = teeth_mask((before.teeth + 2 * now.teeth + after.teeth) / 4 * now.mouth)
    labels[now.mouth > 0] = Region.MOUTH
    labels[teeth] = Region.TEETH
    return labels


def _mix_in_time(before: Belief, now: Belief, after: Belief) -> Float[np.ndarray, "h w c"]:
    """Mean of three frames' probabilities; a neighbour counts for at most half as much, less where
    colours changed."""
    total, weight = now.classes.copy(), np.ones(now.image.shape[:2], np.float32)
    for other in (before, after):
        trust = 0.5 * np.exp(-np.square(_change(other, now) / 10))
        total += trust[..., None] * other.classes
        weight += trust
    return total / weight[..., None]


def _along_edges(
    classes: Float[np.ndarray, "h w c"], image: UInt8[np.ndarray, "h w 3"]
) -> Float[np.ndarray, "h w c"]:
    """Smooth probabilities within areas of one colour and leave them sharp at the picture's edges
    (guided filter)."""
    radius = max(2, image.shape[0] // 85)
    return cv2.ximgproc.guidedFilter(image.astype(np.float32) / 255, classes, radius, 2e-4)


def clean(classes: Float[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w"]:
    """The likeliest class of each pixel, with one head, one person, no islands and no holes."""
    classes = classes * PREFERENCE
    labels = classes.argmax(-1).astype(np.uint8)
    small = max(8, round(labels.size * 4e-4))
    person = without_holes(largest_part(labels != BACKGROUND), 8 * small)
    labels = _relabel(labels, person & (labels == BACKGROUND), classes, (BACKGROUND,))
    labels[~person] = BACKGROUND
    labels = _relabel(labels, _tufts_at_jaw(labels), classes, (BACKGROUND, FACE, HAIR))
    head = labels >= FACE
    whole = without_holes(largest_part(head), 4 * small)
    labels = _relabel(labels, head & ~whole, classes, (BACKGROUND, FACE, HAIR))
    labels = _relabel(labels, whole & ~head, classes, (BACKGROUND, TORSO, NECK))
    labels = _relabel(labels, _afloat(labels), classes, (BACKGROUND, TORSO, NECK))
    labels[_enclosed(labels, 8 * small)] = FACE
    for one, other in ((FACE, HAIR), (HAIR, FACE), (NECK, TORSO), (TORSO, NECK)):
        labels[small_parts(labels == one, small)] = other
    return labels


def _tufts_at_jaw(labels: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Hair that begins in the lowest third of the face and is cut off from the other hair: a collar
    or a shadow, not hair."""
    rows = np.nonzero((labels == FACE).any(1))[0]
    numbers, measures = connected_components(labels == HAIR)
    if len(rows) == 0 or len(measures) <= 2:
        return np.zeros(labels.shape, bool)
    low = measures[:, TOP] > rows[0] + 0.7 * (rows[-1] - rows[0])
    low[0] = False
    low[1 + int(measures[1:, AREA].argmax())] = False
    return low[numbers]


def _enclosed(labels: UInt8[np.ndarray, "h w"], under: int) -> Bool[np.ndarray, "h w"]:
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


def _afloat(labels: UInt8[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Torso or neck that hangs together neither with the main part of it nor with the picture's
    lower end."""
    numbers, measures = connected_components((labels == TORSO) | (labels == NECK))
    afloat = measures[:, TOP] + measures[:, HEIGHT] < len(labels)
    afloat[0] = False
    if len(measures) > 1:
        afloat[1 + int(measures[1:, AREA].argmax())] = False
    return afloat[numbers]


def _relabel(
    labels: UInt8[np.ndarray, "h w"],
    where: Bool[np.ndarray, "h w"],
    classes: Float[np.ndarray, "h w c"],
    never: tuple[int, ...],
) -> UInt8[np.ndarray, "h w"]:
    """The labels with pixels `where` given their likeliest class that is not one of `never`."""
    if not where.any():
        return labels
    rest = classes[where]
    rest[:, list(never)] = -1
    changed = labels.copy()
    changed[where] = rest.argmax(-1)
    return changed
