"""A painted head: frames of flat colours with known regions and landmarks, for tests that need a
person but no camera."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from instag.data.clip import Clip
from instag.data.clip_info import ClipInfo
from instag.perception.head_coordinates import INNER_LIPS, OVAL
from instag.types import Region, Track

SIZE = 128
FOCAL = 300.0
DISTANCE = 0.8
COLORS = {
    Region.BACKGROUND: (40, 90, 200),
    Region.TORSO: (30, 30, 60),
    Region.NECK: (190, 130, 105),
    Region.FACE: (215, 160, 135),
    Region.HAIR: (70, 45, 25),
    Region.MOUTH: (70, 15, 15),
    Region.TEETH: (225, 220, 210),
}


@dataclass(frozen=True, kw_only=True)
class Painted:
    """One frame, its true regions and its 478 landmarks in pixels."""

    frame: np.ndarray
    regions: np.ndarray
    landmarks: np.ndarray


def rest_face() -> np.ndarray:
    """478 points of a flat-ish face in metres: the oval and the inner lips in their places, the
    others spread inside."""
    steps = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
    golden = np.arange(478) * 2.399963
    radius = 0.9 * np.sqrt(np.arange(478) / 478)
    points = np.stack([0.07 * radius * np.sin(golden), 0.09 * radius * np.cos(golden)], -1)
    points[OVAL] = np.stack([0.07 * np.sin(steps), 0.09 * np.cos(steps)], -1)
    ring = np.linspace(0, 2 * np.pi, len(INNER_LIPS), endpoint=False)
    points[INNER_LIPS] = np.stack([-0.022 * np.cos(ring), -0.045 + 0.009 * np.sin(ring)], -1)
    points[[13, 14]] = [[0, -0.036], [0, -0.054]]
    depth = 0.05 * np.sqrt(
        np.clip(1 - (points[:, 0] / 0.08) ** 2 - (points[:, 1] / 0.1) ** 2, 0, 1)
    )
    return np.column_stack([points, depth])


def paint(shift: tuple[float, float] = (0, 0), noise: int = 0, opening: float = 1.0) -> Painted:
    """The head, moved by `shift` pixels; the torso stays. `opening` scales the height of the open
    mouth."""
    face = rest_face()
    face[INNER_LIPS, 1] = -0.045 + (face[INNER_LIPS, 1] + 0.045) * opening
    scale = FOCAL / DISTANCE
    x, y = SIZE / 2 + scale * face[:, 0] + shift[0], 54 - scale * face[:, 1] + shift[1]
    regions = np.zeros((SIZE, SIZE), np.uint8)
    center = (round(64 + shift[0]), round(54 + shift[1]))
    cv2.rectangle(regions, (50, 70), (78, 110), (Region.NECK.value,), -1)
    cv2.ellipse(regions, (64, 128), (58, 30), 0, 0, 360, (Region.TORSO.value,), -1)
    cv2.ellipse(
        regions, (center[0], center[1] - 9), (34, 34), 0, 180, 360, (Region.HAIR.value,), -1
    )
    oval = np.stack([x[OVAL], y[OVAL]], -1)
    cv2.fillPoly(regions, [oval.round().astype(np.int32)], (Region.FACE.value,))
    lips = np.stack([x[INNER_LIPS], y[INNER_LIPS]], -1).round().astype(np.int32)
    if opening > 0.1:
        cv2.fillPoly(regions, [lips], (Region.MOUTH.value,))
        upper = np.zeros_like(regions)
        upper[: int(lips[:, 1].mean())] = 1
        regions[(regions == Region.MOUTH) & (upper > 0)] = Region.TEETH
    table = np.zeros((7, 3), np.uint8)
    for region, color in COLORS.items():
        table[region] = color
    frame = table[regions].astype(np.int16)
    if noise:
        frame += np.random.default_rng(0).integers(-noise, noise + 1, frame.shape, dtype=np.int16)
    landmarks = np.column_stack([x, y, -scale * face[:, 2]])
    return Painted(
        frame=np.clip(frame, 0, 255).astype(np.uint8), regions=regions, landmarks=landmarks
    )


def person_mask(regions: np.ndarray) -> np.ndarray:
    """What a segmenter would say: right, but soft at the edges."""
    return cv2.GaussianBlur((regions > 0).astype(np.float32), (0, 0), 2)


def painted_clip(folder: Path, count: int = 5) -> Clip:
    """A Clip of the painted head swaying, with frames, regions and track as they truly are."""
    scale = FOCAL / DISTANCE
    shifts = [(3 * np.sin(2 * np.pi * index / count), 0.0) for index in range(count)]
    paintings = [paint(shift) for shift in shifts]
    info = ClipInfo(
        source="painted.mp4",
        source_sha256="0",
        width=SIZE,
        height=SIZE,
        frame_count=count,
        focal=FOCAL,
        crop=(0, 0, SIZE),
    )
    clip = Clip(folder=folder, info=info).save_info(info)
    for index, painting in enumerate(paintings):
        clip.save_frame(index, painting.frame)
        clip.save_regions(index, painting.regions)
    identity = rest_face()
    clip.save_track(
        Track(
            rotations=np.repeat(np.eye(3)[None], count, 0),
            translations=np.array(
                [(-x / scale, -(SIZE / 2 - 54) / scale, DISTANCE) for x, _ in shifts]
            ),
            landmarks=np.stack([painting.landmarks for painting in paintings]),
            landmarks68=np.zeros((count, 68, 2)),
            identity=identity,
            found=np.ones(count, bool),
            focal=FOCAL,
        )
    )
    return clip
