"""Face detection: boxes and six points of all faces in a picture, by MediaPipe's BlazeFace
networks.

Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019: each
anchor gives a score, a
box and points; overlapping boxes are averaged by their scores.
"""

from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.perception.bundled_network import BundledNetwork

LEAST_SCORE = 0.5
SAME_FACE = 0.3
"""Boxes whose intersection over union is larger show one face."""
POINTS = 6


@final
@dataclass(frozen=True, kw_only=True)
class Detection:
    """A face from the brows to the chin, in pixels.

    box: left, top, right, bottom. points: the eyes (left in the picture first), nose, mouth, ears.
    """

    score: float
    box: Float[np.ndarray, "4"]
    points: Float[np.ndarray, "6 2"]

    @property
    def height(self) -> float:
        return float(self.box[3] - self.box[1])


@final
@dataclass(frozen=True, kw_only=True)
class Range:
    """One of the networks.

    side: of its picture in pixels. grids: cells along a side and anchors in each cell.
    """

    network: str
    side: int
    grids: tuple[tuple[int, int], ...]


NEAR = Range(network="face_detector", side=128, grids=((16, 2), (8, 6)))
"""For faces of at least a tenth of the picture's side, as a person has who films himself."""
FAR = Range(network="face_detector_far", side=192, grids=((48, 1),))
"""For smaller faces too, down to a fortieth."""


@final
class FaceDetector:
    """Finds the faces of one picture by itself."""

    def __init__(self, reach: Range = NEAR) -> None:
        self._network, self._side, self._anchors = (
            BundledNetwork(reach.network),
            reach.side,
            anchors(reach),
        )

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> list[Detection]:
        """All faces of an RGB picture, surest first."""
        scale = self._side / max(image.shape[:2])
        picture = _letterboxed(image, self._side)
        places, logits = self._network(picture.astype(np.float32)[None] / 127.5 - 1)
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -80, 80)))
        likely = scores >= LEAST_SCORE
        found = decoded(places[0, likely], self._anchors[likely], self._side)
        offset = (np.array([image.shape[1], image.shape[0]]) * scale - self._side) / 2
        return [_in_picture(face, offset, scale) for face in joined(scores[likely], found)]


def anchors(reach: Range) -> Float[np.ndarray, "n 2"]:
    """Centres of the cells in [0, 1], each as often as it has anchors, row by row."""
    tables = []
    for cells, count in reach.grids:
        middles = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middles, middles, indexing="ij")
        tables.append(np.repeat(np.stack([x.ravel(), y.ravel()], -1), count, axis=0))
    return np.concatenate(tables)


def decoded(
    places: Float[np.ndarray, "n 16"], middles: Float[np.ndarray, "n 2"], side: int
) -> Float[np.ndarray, "n 8 2"]:
    """Left top and right bottom corner of each box and its six points, in the network's pixels."""
    table = places.reshape(-1, 2 + POINTS, 2).astype(np.float64)
    centres, sizes, points = (
        table[:, 0] + middles * side,
        table[:, 1],
        table[:, 2:] + middles[:, None] * side,
    )
    return np.concatenate(
        [(centres - sizes / 2)[:, None], (centres + sizes / 2)[:, None], points], axis=1
    )


def joined(
    scores: Float[np.ndarray, " n"], found: Float[np.ndarray, "n 8 2"]
) -> list[tuple[float, Float[np.ndarray, "8 2"]]]:
    """One entry for each face: its best score, and the mean of all that overlap its best box,
    weighted by score.
    """
    left = np.argsort(-scores, kind="stable")
    faces = []
    while len(left):
        best = left[0]
        near = overlaps(found[best], found[left]) > SAME_FACE
        near[0] = True
        same = left[near]
        faces.append((float(scores[best]), np.average(found[same], axis=0, weights=scores[same])))
        left = left[~near]
    return faces


def overlaps(
    one: Float[np.ndarray, "8 2"], others: Float[np.ndarray, "n 8 2"]
) -> Float[np.ndarray, " n"]:
    """Intersection over union of a box with others."""
    inside = np.clip(
        np.minimum(one[1], others[:, 1]) - np.maximum(one[0], others[:, 0]), 0, None
    ).prod(-1)
    areas = (others[:, 1] - others[:, 0]).prod(-1) + (one[1] - one[0]).prod()
    return inside / np.maximum(areas - inside, 1e-12)


def _letterboxed(image: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "s s 3"]:
    """The whole picture in the middle of a black square."""
    scale = side / max(image.shape[:2])
    height, width = (max(1, round(length * scale)) for length in image.shape[:2])
    small = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    top, left = (side - height) // 2, (side - width) // 2
    return cv2.copyMakeBorder(
        small, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT
    )


def _in_picture(
    face: tuple[float, Float[np.ndarray, "8 2"]], offset: Float[np.ndarray, "2"], scale: float
) -> Detection:
    score, found = face
    found = (found + offset) / scale
    return Detection(score=score, box=found[:2].ravel(), points=found[2:])
