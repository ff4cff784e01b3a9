import numpy as np
import pytest

from instag.evaluation.blinks import LIDS, compare_blinks, eye_opening
from instag.evaluation.landmarks import TrackedLandmarks
from instag.evaluation.not_measured import NotMeasured


def eyes(opening: np.ndarray) -> TrackedLandmarks:
    """A face of 100 pixels between the eyes, whose lids are so far apart, in eye distances."""
    points = np.repeat(np.random.default_rng(0).uniform(0, 200, (1, 478, 3)), len(opening), axis=0)
    points[:, 263] = points[:, 33] + [100, 0, 0]
    points[:, LIDS[:, 1]] = points[:, LIDS[:, 0]]
    points[:, LIDS[:, 1], 1] += 100 * opening[:, None]
    return TrackedLandmarks(points=points.astype(np.float32), found=np.ones(len(opening), bool))


def blinking(least: float, late: int = 0) -> np.ndarray:
    opening = np.full(60, 0.12)
    for blink in (10, 40):
        opening[blink + late : blink + late + 4] = least * 0.12
    return opening


def test_opening_is_measured_in_eye_distances():
    assert eye_opening(eyes(np.array([0.1, 0.05] * 6))) == pytest.approx([0.1, 0.05] * 6, rel=1e-3)


@pytest.mark.parametrize("late", [0, 2])
def test_lids_are_measured_where_the_true_ones_close(late):
    found = compare_blinks(eyes(blinking(0.4, late)), eyes(blinking(0.2)))
    assert found.count == 2
    assert found.closure == pytest.approx(0.4, rel=1e-3)
    assert found.true_closure == pytest.approx(0.2, rel=1e-3)
    assert found.usual == pytest.approx(1)
    assert (found.correlation == pytest.approx(1)) == (late == 0)


def test_blinks_at_other_times_do_not_count():
    found = compare_blinks(eyes(blinking(0.2, late=12)), eyes(blinking(0.2)))
    assert found.closure == pytest.approx(1)


def test_eyes_that_are_half_closed_always_are_seen():
    assert compare_blinks(eyes(blinking(0.2) / 2), eyes(blinking(0.2))).usual == pytest.approx(0.5)


def test_what_is_not_known_is_said():
    still = compare_blinks(eyes(np.full(60, 0.12)), eyes(np.full(60, 0.12)))
    assert still.count == 0
    assert "never blink" in str(still.closure)
    few = compare_blinks(eyes(np.full(4, 0.1)), eyes(np.full(4, 0.1)))
    assert isinstance(few.usual, NotMeasured)
