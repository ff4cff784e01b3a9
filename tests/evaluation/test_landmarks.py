import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.measured_number import number
from instag.errors import BadArgument
from instag.evaluation.landmarks import (
    MOUTH,
    LandmarkTracker,
    TrackedLandmarks,
    landmark_distance,
    mouth_distances,
    track_landmarks,
)
from instag.evaluation.not_measured import NotMeasured
from instag.perception.landmark_pairs import OUTER_EYES

EYES = 40.0
"""Pixels between the outer corners of the eyes."""


def talking(frames: int = 30, seed: int = 0) -> TrackedLandmarks:
    """Points of a face that moves a little."""
    random = np.random.default_rng(seed)
    points = random.uniform(0, 100, (1, 478, 3)) + random.normal(0, 1, (frames, 478, 3))
    points[:, OUTER_EYES[1]] = points[:, OUTER_EYES[0]] + [EYES, 0, 0]
    return TrackedLandmarks(points=points.astype(np.float32), found=np.ones(frames, bool))


def moved(observed: TrackedLandmarks, by: np.ndarray) -> TrackedLandmarks:
    return TrackedLandmarks(points=(observed.points + by).astype(np.float32), found=observed.found)


def test_truth_against_itself_is_perfect():
    same = landmark_distance(talking(), talking())
    assert (same.plain, same.centered, same.plain_percent, same.centered_percent) == (0, 0, 0, 0)
    assert (same.frames, same.dropped) == (30, 0)


@given(x=st.floats(-20, 20), y=st.floats(-20, 20))
def test_a_face_in_the_wrong_place_shows_in_the_plain_distance_alone(x, y):
    measured = landmark_distance(moved(talking(), np.array([x, y, 0])), talking())
    assert measured.plain == pytest.approx(np.hypot(x, y), abs=1e-3)
    assert measured.plain_percent == pytest.approx(np.hypot(x, y) / EYES * 100, abs=1e-2)
    assert measured.centered == pytest.approx(0, abs=1e-3)


def test_both_distances_grow_with_what_the_mouth_does_wrong():
    random = np.random.default_rng(1).normal(0, 1, (30, 478, 3))
    path = [
        landmark_distance(moved(talking(), strength * random), talking())
        for strength in (0, 1, 2, 4)
    ]
    for name in ("plain", "centered", "plain_percent", "centered_percent"):
        assert (np.diff([getattr(one, name) for one in path]) > 0).all()
    assert all(number(one.centered) <= number(one.plain) + 1e-6 for one in path)


def test_only_the_twenty_points_of_the_mouth_count():
    from instag.perception.face_mesh import IBUG_68

    lips = IBUG_68[MOUTH]
    assert len(set(lips.tolist())) == 20
    elsewhere = np.ones((478, 1)) * [5, 5, 0]
    elsewhere[lips] = 0
    assert landmark_distance(moved(talking(), elsewhere), talking()).plain == 0


def test_frames_without_a_face_are_dropped_and_counted():
    truth = talking()
    seen: list = list(truth.points)
    seen[4] = seen[5] = seen[20] = None
    prediction = track_landmarks(seen)
    measured = landmark_distance(prediction, truth)
    assert (measured.frames, measured.dropped, measured.plain) == (27, 3, 0)
    assert np.flatnonzero(np.isnan(mouth_distances(prediction, truth)[0])).tolist() == [4, 5, 20]
    nobody = landmark_distance(track_landmarks([None] * 30), truth)
    assert isinstance(nobody.plain, NotMeasured)
    assert (nobody.frames, nobody.dropped) == (0, 30)


def test_a_lost_frame_is_an_error_that_names_both_lengths():
    truth = talking()
    with pytest.raises(BadArgument, match="29 frames and the truth 30"):
        landmark_distance(track_landmarks(list(truth.points[1:])), truth)


def test_short_gaps_are_filled_along_a_line_and_long_ones_are_not():
    line = np.arange(20, dtype=np.float32)[:, None, None] * np.ones((1, 478, 3), np.float32)
    seen: list = list(line)
    for index in (0, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 19):
        seen[index] = None
    observed = track_landmarks(seen)
    np.testing.assert_allclose(observed.points[1:10], line[1:10], atol=1e-5)
    assert np.flatnonzero(~observed.known).tolist() == [0, 10, 11, 12, 13, 14, 15, 19]
    assert observed.found.sum() == 7


def test_an_observer_says_where_it_sees_nobody():
    observer = LandmarkTracker()
    for _ in range(3):
        assert observer.track(np.full((64, 64, 3), 128, np.uint8)) is None
    observed = observer.observed()
    assert len(observed) == 3
    assert not observed.found.any()
