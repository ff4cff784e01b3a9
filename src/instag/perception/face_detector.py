"""Face detection: boxes and six points of all faces in a picture, by MediaPipe's BlazeFace
networks.

Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019: each
anchor gets a score, a box and points; overlapping boxes are averaged, weighted by their scores.
"""

from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.perception.bundled_network import BundledNetwork

MIN_SCORE = 0.5
SAME_FACE_IOU = 0.3
"""Boxes with a larger intersection over union show the same face."""
POINTS = 6


@final
@dataclass(frozen=True, kw_only=True)
class Detection:
    """A face from the brows to the chin, in pixels.

    box: left, top, right, bottom. points: the eyes (left in the picture first), nose,
    mouth, ears.
    """

    score: float
    box: Float[np.ndarray, "4"]
    points: Float[np.ndarray, "6 2"]

    @property
    def height(self) -> float:
        return float(self.box[3] - self.box[1])


@final
@dataclass(frozen=True, kw_only=True)
class DetectorModel:
    """One of the networks. side: of its input in pixels. grids: cells along a side, and anchors in
    each cell."""

    network: str
    side: int
    grids: tuple[tuple[int, int], ...]


NEAR = DetectorModel(network="face_detector", side=128, grids=((16, 2), (8, 6)))
"""For faces of at least a tenth of the picture's side, as in self-made videos."""
FAR = DetectorModel(network="face_detector_far", side=192, grids=((48, 1),))
"""Also for smaller faces, down to a fortieth."""


@final
class FaceDetector:
    """Detects the faces of single pictures."""

    def __init__(self, model: DetectorModel = NEAR) -> None:
        self._network, self._side, self._anchors = (
            BundledNetwork(model.network),
            model.side,
            anchors(model),
        )

    def __call__(self, image: UInt8[np.ndarray, "h w 3"]) -> list[Detection]:
        """All faces of an RGB picture, highest score first."""
        scale = self._side / max(image.shape[:2])
        picture = _letterbox(image, self._side)
        outputs, logits = self._network(picture.astype(np.float32)[None] / 127.5 - 1)
        scores = 1 / (1 + np.exp(-np.clip(logits[0, :, 0], -80, 80)))
        likely = scores >= MIN_SCORE
        boxes = decode(outputs[0, likely], self._anchors[likely], self._side)
        offset = (np.array([image.shape[1], image.shape[0]]) * scale - self._side) / 2
        return [
            _in_picture(face, offset, scale) for face in merge_overlapping(scores[likely], boxes)
        ]


def anchors(model: DetectorModel) -> Float[np.ndarray, "n 2"]:
    """The centre of each anchor's cell in [0, 1] (x, y), row by row."""
    tables = []
    for cells, count in model.grids:
        middles = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middles, middles, indexing="ij")
        tables.append(np.repeat(np.stack([x.ravel(), y.ravel()], -1), count, axis=0))
    return np.concatenate(tables)


def decode(
    outputs: Float[np.ndarray, "n 16"], middles: Float[np.ndarray, "n 2"], side: int
) -> Float[np.ndarray, "n 8 2"]:
    """Left top and right bottom corner of each box and its six points, in pixels of the network's
    input. middles: of the anchors, in [0, 1]."""
    table = outputs.reshape(-1, 2 + POINTS, 2).astype(np.float64)
    centers, sizes, points = (
        table[:, 0] + middles * side,
        table[:, 1],
        table[:, 2:] + middles[:, None] * side,
    )
    return np.concatenate(
        [(centers - sizes / 2)[:, None], (centers + sizes / 2)[:, None], points], axis=1
    )


def merge_overlapping(
    scores: Float[np.ndarray, " n"], boxes: Float[np.ndarray, "n 8 2"]
) -> list[tuple[float, Float[np.ndarray, "8 2"]]]:
    """Non-maximum suppression by averaging: for each face its best score, and the mean of all boxes
    that overlap its best one, weighted by score."""
    remaining = np.argsort(-scores, kind="stable")
    faces = []
    while len(remaining):
        best = remaining[0]
        near = intersection_over_union(boxes[best], boxes[remaining]) > SAME_FACE_IOU
        near[0] = True
        same = remaining[near]
        faces.append((float(scores[best]), np.average(boxes[same], axis=0, weights=scores[same])))
        remaining = remaining[~near]
    return faces


def intersection_over_union(
    one: Float[np.ndarray, "8 2"], others: Float[np.ndarray, "n 8 2"]
) -> Float[np.ndarray, " n"]:
    """Intersection over union of one box with others."""
    inside = np.clip(
        np.minimum(one[1], others[:, 1]) - np.maximum(one[0], others[:, 0]), 0, None
    ).prod(-1)
    areas = (others[:, 1] - others[:, 0]).prod(-1) + (one[1] - one[0]).prod()
    return inside / np.maximum(areas - inside, 1e-12)


def _letterbox(image: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "s s 3"]:
    """The whole picture, scaled, in the middle of a black square."""
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
    score, boxes = face
    boxes = (boxes + offset) / scale
    return Detection(score=score, box=boxes[:2].ravel(), points=boxes[2:])
