"""The synthetic speaker's faces are found at their positions; boxes of one face are averaged."""

import numpy as np
import pytest

from instag.perception.face_detector import (
    FAR,
    NEAR,
    DetectorModel,
    FaceDetector,
    anchors,
    decode,
    intersection_over_union,
    merge_overlapping,
)
from instag.perception.face_mesh import sixty_eight
from shared_files import shared_clip


@pytest.fixture(scope="module")
def speaker() -> tuple[np.ndarray, np.ndarray]:
    """A picture of the synthetic speaker and the 68 points in it."""
    clip = shared_clip(frames=40, size=192)
    return clip.frame(0), sixty_eight(clip.track().landmarks)[0]


@pytest.mark.parametrize("model", [NEAR, FAR])
def test_the_speakers_eyes_and_mouth_are_where_they_are(
    model: DetectorModel, speaker: tuple[np.ndarray, np.ndarray]
) -> None:
    image, points = speaker
    (face,) = FaceDetector(model)(image)
    eyes, mouth = points[36:48].reshape(2, 6, 2).mean(1), points[48:60].mean(0)
    distance = np.linalg.norm(eyes[1] - eyes[0])
    assert np.abs(face.points[:2] - eyes).max() < 0.1 * distance
    assert np.abs(face.points[3] - mouth).max() < 0.15 * distance
    assert 1.5 * distance < face.height < 3 * distance
    assert face.score > 0.8


@pytest.mark.parametrize("model", [NEAR, FAR])
def test_two_faces_are_two(model: DetectorModel, speaker: tuple[np.ndarray, np.ndarray]) -> None:
    image, _ = speaker
    left, right = sorted(
        FaceDetector(model)(np.hstack([image, image])), key=lambda face: face.box[0]
    )
    np.testing.assert_allclose(right.box - left.box, [192, 0, 192, 0], atol=4)


@pytest.mark.parametrize("shape", [(96, 128), (200, 30), (1, 1)])
def test_no_face_in_an_empty_picture(shape: tuple[int, int]) -> None:
    assert FaceDetector()(np.full((*shape, 3), 90, np.uint8)) == []
    assert FaceDetector(FAR)(np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)) == []


def test_an_upright_picture_is_seen_in_its_own_shape(
    speaker: tuple[np.ndarray, np.ndarray],
) -> None:
    image, _ = speaker
    (face,), (framed,) = (
        FaceDetector()(image),
        FaceDetector()(np.pad(image, ((60, 60), (0, 0), (0, 0)))),
    )
    np.testing.assert_allclose(framed.box, face.box + np.array([0, 60, 0, 60]), atol=8)


def test_there_is_an_anchor_for_each_answer() -> None:
    assert len(anchors(NEAR)) == 896
    assert len(anchors(FAR)) == 2304
    np.testing.assert_allclose(
        anchors(NEAR)[:3], [[1 / 32, 1 / 32], [1 / 32, 1 / 32], [3 / 32, 1 / 32]]
    )


def test_a_box_lies_about_its_anchor() -> None:
    outputs = np.zeros((1, 16), np.float32)
    outputs[0, :6] = [10, -20, 40, 60, 5, 6]
    (found,) = decode(outputs, np.array([[0.5, 0.25]]), 128)
    np.testing.assert_allclose(found[:3], [[54, -18], [94, 42], [69, 38]])


def faces(*lefts: float) -> np.ndarray:
    """Boxes of 10 x 10 pixels, points in the middle."""
    corners = np.array([[0, 0], [10, 10], *[[5, 5]] * 6], float)
    return np.stack([corners + np.array([left, 0]) for left in lefts])


def test_boxes_of_one_face_are_averaged_by_score() -> None:
    scores = np.array([0.6, 0.9, 0.8])
    (first, one), (second, other) = merge_overlapping(scores, faces(1, 0, 50))
    assert (first, second) == (0.9, 0.8)
    np.testing.assert_allclose(one, faces(0.6 / 1.5)[0])
    np.testing.assert_allclose(other, faces(50)[0])


def test_overlap_is_intersection_over_union() -> None:
    np.testing.assert_allclose(intersection_over_union(faces(0)[0], faces(0, 5, 20)), [1, 1 / 3, 0])
