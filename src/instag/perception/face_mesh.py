"""Facial landmarks: MediaPipe's 478 points of a face in each picture of a sequence."""

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.errors import FaceLost, NoFace
from instag.media.timecode import clock
from instag.perception.face_detector import NEAR, Detection, FaceDetector
from instag.perception.face_square import FaceSquare, square_of_box, square_of_points
from instag.perception.mesh_network import MeshNetwork

MIN_PRESENCE = 0.5
"""Least probability of a face in a square for which its points are used."""
MIN_SIDE = 16.0
"""Side in pixels of the smallest square that is searched."""
MAX_GAP = 5
"""Longest run of frames without a face that is interpolated."""

IBUG_68 = np.array(
    [
        *[127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356],  # jaw
        *[70, 63, 105, 66, 107, 336, 296, 334, 293, 300],  # brows
        *[168, 197, 5, 4, 75, 97, 2, 326, 305],  # nose
        *[33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380],  # eyes
        *[61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181],  # outer lips
        *[78, 82, 13, 312, 308, 317, 14, 87],  # inner lips
    ]
)
"""Numbers of the mesh's points that correspond to the 68 of the iBUG scheme."""


@dataclass(frozen=True, kw_only=True)
class Landmarks:
    """Points of every frame: x and y in pixels, z in pixels relative to the head (smaller is
    nearer).

    found: False where interpolated. flow: motion of the SKIN points from the frame before, in
    pixels, NaN where unknown.
    """

    points: Float[np.ndarray, "f 478 3"]
    found: Bool[np.ndarray, " f"]
    flow: Float[np.ndarray, "f skin 2"]


@final
class FaceMesh:
    """Tracks one face through a sequence of pictures. Use it in one thread.

    The square in a picture comes from the points in the picture before. Where there are none, or
    the network finds no face in the square, the detector starts again. Nothing is smoothed in time,
    as smoothed lips would lag behind the sound.
    """

    def __init__(self) -> None:
        self._network, self._detector = MeshNetwork(), FaceDetector(NEAR)
        self._previous: Float[np.ndarray, "478 3"] | None = None

    def find(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "478 3"] | None:
        """The points in the next RGB picture of the sequence, or None where there is no face."""
        found = (
            None
            if self._previous is None
            else points_in(self._network, image, square_of_points(self._previous))
        )
        self._previous = self._detect(image) if found is None else found
        return self._previous

    def _detect(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "478 3"] | None:
        """The points of the most likely face."""
        faces = self._detector(image)
        return points_of(self._network, image, faces[0]) if faces else None


def points_of(
    network: MeshNetwork, image: UInt8[np.ndarray, "h w 3"], face: Detection
) -> Float[np.ndarray, "478 3"] | None:
    """The points of a detected face, or None where there is none. The network runs twice, because a
    square from points is more accurate than one from a detected box."""
    found = points_in(network, image, square_of_box(face.box, face.points[:2]))
    return None if found is None else points_in(network, image, square_of_points(found))


def points_in(
    network: MeshNetwork, image: UInt8[np.ndarray, "h w 3"], square: FaceSquare
) -> Float[np.ndarray, "478 3"] | None:
    """The points of the face in a square, or None where there is none."""
    if square.side < MIN_SIDE:
        return None
    points, presence = network(image, square)
    return points if presence >= MIN_PRESENCE else None


def fill_gaps(
    points: list[Float[np.ndarray, "478 3"] | None],
    flow: Float[np.ndarray, "f skin 2"],
    source: str,
) -> Landmarks:
    """Interpolate gaps of up to MAX_GAP frames linearly in time; at the ends, repeat the nearest
    points. `source` names the video in messages.

    Raises NoFace where no frame has a face, FaceLost where a gap is longer.
    """
    found = np.array([each is not None for each in points])
    total = len(points)
    if not found.any():
        raise NoFace(
            f"No face in any of the {total} frames of {source}. Use a video that shows one face "
            "from the front, or point to it with --crop x,y,size."
        )
    if longest_gap(found) > MAX_GAP:
        missing = int((~found).sum())
        spans = ", ".join(
            f"{clock(start)} to {clock(end)}"
            for start, end in _gaps(found)[:5]
            if end - start > MAX_GAP
        )
        raise FaceLost(
            f"The face is lost in {missing} of {total} frames of {source} ({spans}). "
            "Use a part of the video that shows the face throughout, or frame it with --crop "
            "x,y,size."
        )
    known = np.flatnonzero(found)
    table = np.stack([each for each in points if each is not None])
    upper = np.clip(np.searchsorted(known, np.arange(total)), 0, len(known) - 1)
    lower = np.where(found, upper, np.maximum(upper - 1, 0))
    lower[np.arange(total) > known[-1]] = len(known) - 1
    span = np.maximum(known[upper] - known[lower], 1)
    weight = np.clip((np.arange(total) - known[lower]) / span, 0, 1).astype(np.float32)[
        :, None, None
    ]
    return Landmarks(
        points=table[lower] * (1 - weight) + table[upper] * weight, found=found, flow=flow
    )


def longest_tracked_part(found: Bool[np.ndarray, " f"]) -> tuple[int, int]:
    """First frame and the one after the last of the longest part whose gaps can all be
    interpolated."""
    lost = [
        (0, 0),
        *sorted(gap for gap in _gaps(found) if gap[1] - gap[0] > MAX_GAP),
        (len(found), len(found)),
    ]
    return max(
        ((before[1], after[0]) for before, after in pairwise(lost)),
        key=lambda part: part[1] - part[0],
    )


def longest_gap(found: Bool[np.ndarray, " f"]) -> int:
    """Frames in the longest run without a face."""
    return max((end - start for start, end in _gaps(found)), default=0)


def sixty_eight(points: Float[np.ndarray, "f 478 3"]) -> Float[np.ndarray, "f 68 2"]:
    """The 68 points of the iBUG scheme, in pixels."""
    return points[:, IBUG_68, :2]


def _gaps(found: Bool[np.ndarray, " f"]) -> list[tuple[int, int]]:
    """First frame and the one after the last of each run without a face, longest first."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], found, [True]]).astype(np.int8)))
    return sorted(
        ((int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)),
        key=lambda gap: gap[0] - gap[1],
    )
