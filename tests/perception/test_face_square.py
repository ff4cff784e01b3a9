"""What is cut out of a picture lies where the square says."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instag.perception.face_square import FaceSquare, square_of_box, square_of_points

SIDE = st.floats(20, 400)
TURN = st.floats(-3, 3)


@given(SIDE, TURN)
def test_a_point_seen_in_the_square_lies_there_in_the_picture(side: float, turn: float) -> None:
    y, x = np.mgrid[:240, :320].astype(np.float32)
    picture = np.stack([x / 2, y / 2, np.full_like(x, 80)], -1).round().astype(np.uint8)
    square = FaceSquare(center=np.array([160.0, 120.0]), side=min(side, 150), angle=turn)
    seen = square.cut(picture, 32)
    places = np.array([[3, 5], [28, 9], [15, 30]])
    points = np.concatenate([(places + 0.5) / 32 - 0.5, np.full((3, 1), 0.1)], axis=1)
    found = square.to_picture(points)
    colors = seen[places[:, 1], places[:, 0], :2].astype(float)
    np.testing.assert_allclose(colors * 2 + 0.5, found[:, :2], atol=2)
    np.testing.assert_allclose(found[:, 2], 0.1 * square.side)


def test_beyond_the_picture_is_black() -> None:
    square = FaceSquare(center=np.zeros(2), side=20.0, angle=0.0)
    seen = square.cut(np.full((30, 30, 3), 200, np.uint8), 8)
    assert (seen[:3, :3] == 0).all()
    assert (seen[5:, 5:] == 200).all()


@given(TURN)
def test_the_square_turns_with_the_eyes(turn: float) -> None:
    points = np.random.default_rng(0).uniform(100, 200, (478, 3)).astype(np.float32)
    points[33, :2], points[263, :2] = (150, 150), (150 + 30 * np.cos(turn), 150 + 30 * np.sin(turn))
    square = square_of_points(points)
    assert square.angle == pytest.approx(turn, abs=1e-3)
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    np.testing.assert_allclose(square.center, (low + high) / 2)
    assert square.side == pytest.approx(1.5 * (high - low).max())


def test_a_detected_box_gives_the_same_square() -> None:
    square = square_of_box(np.array([10.0, 20, 50, 80]), np.array([[20.0, 40], [40, 40]]))
    np.testing.assert_allclose(square.center, [30, 50])
    assert (square.side, square.angle) == (90, 0)


def test_an_upright_square_is_the_picture_itself() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (40, 40, 3), np.uint8)
    square = FaceSquare(center=np.array([20.0, 20.0]), side=40.0, angle=0.0)
    np.testing.assert_array_equal(square.cut(picture, 40), picture)
    half = square.cut(cv2.resize(picture, (80, 80), interpolation=cv2.INTER_NEAREST), 40)
    assert half.shape == (40, 40, 3)
