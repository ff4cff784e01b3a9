"""Lips are told from the inside of the mouth by their colour: what a contour takes for too much
goes, what is right stays."""

import cv2
import numpy as np
import pytest

from instag.capture.segmentation.lips import DEEPEST, without_lips
from instag.perception.head_coordinates import OUTER_LIPS

SIDE, CENTER = 128, 64
SKIN, LIPS, DARK, TEETH = (215, 160, 135), (175, 85, 90), (60, 20, 20), (225, 220, 210)


def ellipse(width: float, height: float) -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(mask, (CENTER, CENTER), (round(width), round(height)), 0, 0, 360, (1,), -1)
    return mask


def landmarks(width: float = 34, height: float = 24) -> np.ndarray:
    """Those of the outer lips alone."""
    turn = np.linspace(np.pi, 3 * np.pi, len(OUTER_LIPS), endpoint=False)
    points = np.zeros((478, 3))
    points[OUTER_LIPS, 0] = CENTER + width * np.cos(turn)
    points[OUTER_LIPS, 1] = CENTER + height * np.sin(turn)
    return points


def picture(opening: np.ndarray, within: tuple[int, int, int] = DARK) -> np.ndarray:
    frame = np.full((SIDE, SIDE, 3), SKIN, np.uint8)
    frame[ellipse(34, 24) > 0] = LIPS
    frame[opening > 0] = within
    noise = np.random.default_rng(0).integers(-4, 5, frame.shape)
    return np.clip(frame.astype(int) + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("within", [DARK, TEETH])
def test_a_rim_of_lips_goes_and_the_opening_stays(within: tuple[int, int, int]) -> None:
    opening, contour = ellipse(24, 8), ellipse(27, 12)
    found = without_lips(contour, picture(opening, within), landmarks())
    assert not (found & (contour == 0)).any()
    assert (found & opening).sum() / (found | opening).sum() > 0.8
    assert (contour & opening).sum() / (contour | opening).sum() < 0.65


def test_a_contour_that_is_right_stays() -> None:
    opening = ellipse(24, 8)
    found = without_lips(opening, picture(opening), landmarks())
    assert found.sum() > 0.9 * opening.sum()


def test_a_tongue_of_the_colour_of_lips_stays_within_the_mouth() -> None:
    opening = ellipse(24, 14)
    found = without_lips(opening, picture(opening, LIPS), landmarks(34, 30))
    assert found[CENTER, CENTER]
    height = found.any(1).sum() / opening.any(1).sum()
    assert height == pytest.approx(1 - 2 * DEEPEST, abs=0.1)


def test_what_cannot_be_told_stays() -> None:
    opening = ellipse(24, 8)
    frame = picture(opening)
    assert not without_lips(np.zeros_like(opening), frame, landmarks()).any()
    np.testing.assert_array_equal(without_lips(opening, frame, landmarks(24, 8)), opening)
    np.testing.assert_array_equal(without_lips(opening, frame, landmarks() - 500), opening)


def test_inputs_stay_as_they_are() -> None:
    contour, frame = ellipse(27, 12), picture(ellipse(24, 8))
    before = contour.copy(), frame.copy()
    without_lips(contour, frame, landmarks())
    np.testing.assert_array_equal(contour, before[0])
    np.testing.assert_array_equal(frame, before[1])
