"""Facial landmarks: MediaPipe's 478 points of a face in each picture of a sequence."""

from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from instag.errors import FaceLost, NoFace
from instag.media.timecode import clock
from instag.perception.native_logs import native_logs_hidden

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


class FaceMesh:
    """MediaPipe's face mesh with its refined eyes and lips, following one face through a sequence.
    Use it in a with block."""

    def __init__(self) -> None:
        from mediapipe.python.solutions.face_mesh import FaceMesh as Graph

        with native_logs_hidden():
            self._graph: Any = Graph(
                static_image_mode=False, refine_landmarks=True, max_num_faces=1
            )
            self._graph.process(np.zeros((64, 64, 3), np.uint8))
        self._silenced = True

    def __enter__(self) -> "FaceMesh":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._graph.close()

    def find(self, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "478 3"] | None:
        """The points in the next picture of the sequence, or None where no face is seen."""
        with native_logs_hidden() if self._silenced else nullcontext():
            faces = self._graph.process(image).multi_face_landmarks
        if not faces:
            return None
        self._silenced = False
        height, width = image.shape[:2]
        return np.array(
            [(point.x * width, point.y * height, point.z * width) for point in faces[0].landmark],
            np.float32,
        )


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
