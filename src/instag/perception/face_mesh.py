"""Facial landmarks: MediaPipe's 478 points of a face in each picture of a sequence."""

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.errors import FaceLost, NoFace
from instag.media.timecode import clock
from instag.perception.face_detector import NEAR, FaceDetector
from instag.perception.face_square import FaceSquare, square_of_box, square_of_points
from instag.perception.mesh_network import MeshNetwork

LEAST_PRESENCE = 0.5
"""Probability of a face in a square from which its points are believed."""
SMALLEST = 16.0
"""Side in pixels of the smallest square that is looked at."""
LONGEST_GAP = 5
"""Frames in a row without a face that are filled in between their neighbours."""

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
"""The 478 points that lie at the 68 of the iBUG scheme."""


@dataclass(frozen=True, kw_only=True)
class Landmarks:
    """Points of every frame: x and y in pixels, z in pixels relative to the head (smaller is
    nearer).

    found: False where filled in. flow: motion of the SKIN points from the frame before, in pixels,
    NaN where unknown.
    """

    points: Float[np.ndarray, "f 478 3"]
    found: Bool[np.ndarray, " f"]
    flow: Float[np.ndarray, "f skin 2"]


@final
class FaceMesh:
    """Follows one face through a sequence. Use one in one thread, in a `with` block.

    A picture's square is taken from the points in the picture before; where there are none, or the
    network sees no face in it, the surest detected face begins anew. Nothing is smoothed in time:
    lips would lag behind the sound.
    """

    def __init__(self) -> None:
        self._network, self._detector = MeshNetwork(), FaceDetector(NEAR)
        self._before: Float[np.ndarray, "478 3"] | None = None

    def __enter__(self) -> "FaceMesh":
        return self

    def __exit__(self, *_: object) -> None:
        self._before = None

    def find(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "478 3"] | None:
        """The points in the next RGB picture of the sequence, or None where no face is seen."""
        found = None if self._before is None else self._look(image, square_of_points(self._before))
        self._before = self._begin(image) if found is None else found
        return self._before

    def _begin(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "478 3"] | None:
        """The points of the surest face, looked at twice: a detected box is rougher than the
        points' own."""
        faces = self._detector(image)
        found = (
            self._look(image, square_of_box(faces[0].box, faces[0].points[:2])) if faces else None
        )
        return None if found is None else self._look(image, square_of_points(found))

    def _look(
        self, image: UInt8[np.ndarray, "h w 3"], square: FaceSquare
    ) -> Float[np.ndarray, "478 3"] | None:
        if square.side < SMALLEST:
            return None
        points, presence = self._network(image, square)
        return points if presence >= LEAST_PRESENCE else None


def fill_gaps(
    seen: list[Float[np.ndarray, "478 3"] | None], flow: Float[np.ndarray, "f skin 2"], source: str
) -> Landmarks:
    """Fill gaps of up to LONGEST_GAP frames along a straight line in time. `source` names the video
    in messages.

    Raises NoFace when nothing was seen, FaceLost where a gap is longer.
    """
    found = np.array([points is not None for points in seen])
    total = len(seen)
    if not found.any():
        raise NoFace(
            f"No face in any of the {total} frames of {source}. Use a video that shows one face "
            "from the front, or point to it with --crop x,y,size."
        )
    if longest_gap(found) > LONGEST_GAP:
        missing = int((~found).sum())
        spans = ", ".join(
            f"{clock(start)} to {clock(end)}"
            for start, end in _gaps(found)[:5]
            if end - start > LONGEST_GAP
        )
        raise FaceLost(
            f"The face is lost in {missing} of {total} frames of {source} ({spans}). "
            "Use a part of the video that shows the face throughout, or frame it with --crop "
            "x,y,size."
        )
    known = np.flatnonzero(found)
    table = np.stack([points for points in seen if points is not None])
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


def longest_seen(found: Bool[np.ndarray, " f"]) -> tuple[int, int]:
    """First frame and the one after the last of the longest part whose gaps can all be filled."""
    lost = [
        (0, 0),
        *sorted(gap for gap in _gaps(found) if gap[1] - gap[0] > LONGEST_GAP),
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
