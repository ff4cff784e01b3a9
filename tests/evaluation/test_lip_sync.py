from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from evaluation.measured_number import number
from instag.errors import BadArgument
from instag.evaluation.landmarks import LandmarkTracker, TrackedLandmarks
from instag.evaluation.lip_sync import (
    MAX_LAG,
    closures,
    curve_sync,
    lip_curves,
    lip_sync,
    silent_movement,
)
from instag.evaluation.not_measured import NotMeasured
from instag.synthetic import Performance, Speaker, perform, recording


def speech(seed: int, frames: int = 150) -> np.ndarray:
    """An aperture that opens and closes at random, a few times a second, in eye distances."""
    wave = gaussian_filter1d(np.random.default_rng(seed).normal(0, 1, frames), 2)
    return np.maximum(0.15 * wave / wave.std(), 0.002)


@pytest.fixture(scope="module")
def performance() -> Performance:
    return perform(Speaker(0, size=192), recording(), seconds=2.6, size=192)


@pytest.fixture(scope="module")
def seen(performance: Performance) -> TrackedLandmarks:
    observer = LandmarkTracker()
    for picture in performance.pictures():
        observer.track(picture)
    return observer.observed()


def test_curves_measured_in_pictures_follow_the_known_lips(performance, seen):
    known = performance.apertures()
    measured = curve_sync(lip_curves(seen).aperture, known)
    assert number(measured.correlation) >= 0.95
    assert measured.lag == 0
    jaw = np.array([expression.jaw for expression in performance.expressions])
    assert number(curve_sync(lip_curves(seen).jaw, jaw).correlation) >= 0.8


def test_the_detector_sees_the_same_in_the_same_pictures(performance, seen):
    observer = LandmarkTracker()
    for index in range(6):
        observer.track(performance.picture(index))
    again = observer.observed()
    np.testing.assert_array_equal(again.points, seen.points[:6])


def test_truth_against_itself_is_perfect(seen):
    measured = lip_sync(seen, seen, np.ones(len(seen), bool))
    for curve in (measured.aperture, measured.width, measured.jaw):
        assert curve.correlation == pytest.approx(1)
        assert (curve.lag, curve.movement_ratio) == (0, 1)
    assert (measured.closures.recall, measured.closures.precision) == (1, 1)
    assert not isinstance(measured.silence, NotMeasured)
    assert measured.silence.prediction == measured.silence.truth
    assert (measured.frames, measured.dropped) == (len(seen), 0)


def test_frozen_lips_do_not_move(seen):
    frozen = TrackedLandmarks(
        points=np.repeat(seen.points[:1], len(seen), axis=0), found=seen.found
    )
    measured = lip_sync(frozen, seen, np.ones(len(seen), bool))
    for curve in (measured.aperture, measured.width, measured.jaw):
        assert curve.movement_ratio == 0
        assert str(curve.correlation) == "not measured: the prediction's lips never move"
        assert isinstance(curve.lag, NotMeasured)
    assert not isinstance(measured.silence, NotMeasured)
    assert measured.silence.prediction == 0


def test_lips_that_are_rendered_shut_hardly_move(performance, seen):
    still = [
        replace(
            one, jaw=0.0, spread=0.0, rounding=0.0, press=0.0, upper_raise=0.0, tuck=0.0, tongue=0.0
        )
        for one in performance.expressions
    ]
    mute = replace(performance, expressions=still[30:60], poses=performance.poses[30:60])
    observer = LandmarkTracker()
    for picture in mute.pictures():
        observer.track(picture)
    shut = lip_sync(
        observer.observed(),
        TrackedLandmarks(points=seen.points[30:60], found=seen.found[30:60]),
    )
    assert number(shut.aperture.movement_ratio) < 0.1
    assert shut.closures.recall == 1
    assert shut.closures.precision == pytest.approx(shut.closures.precision_by_chance, abs=0.1)


@given(seed=st.integers(0, 10_000), delay=st.integers(-MAX_LAG, MAX_LAG))
def test_a_delay_is_the_reported_lag(seed, delay):
    long = speech(seed, 200)
    measured = curve_sync(long[25 - delay : 175 - delay], long[25:175])
    assert measured.lag == delay
    assert measured.lag_correlation == pytest.approx(1)


@given(seed=st.integers(0, 10_000), scale=st.floats(0.1, 3), shift=st.floats(0, 0.1))
def test_scale_shows_in_the_movement_alone(seed, scale, shift):
    measured = curve_sync(speech(seed) * scale + shift, speech(seed))
    assert measured.movement_ratio == pytest.approx(scale, rel=1e-6)
    assert measured.correlation == pytest.approx(1)


def test_every_number_worsens_with_noise():
    truth, noise = speech(1), np.random.default_rng(2).normal(0, 0.1, 150)
    noisy = [truth + strength * noise for strength in (0, 1, 2, 4)]
    path = [number(curve_sync(each, truth).correlation) for each in noisy]
    assert path == sorted(path, reverse=True)
    late = [closures(np.roll(truth, delay), truth) for delay in (0, 4, 6)]
    assert late[0].recall == late[0].precision == 1
    assert all(number(part) < 1 for one in late[1:] for part in (one.recall, one.precision))


def test_closing_twice_too_few_or_everywhere():
    truth = np.full(100, 0.2)
    truth[[20, 40, 60, 80]] = 0.005
    half = truth.copy()
    half[[20, 60]] = 0.2
    measured = closures(half, truth)
    assert (measured.count, measured.recall, measured.precision) == (4, 0.5, 1)
    shut = closures(np.full(100, 0.005), truth)
    assert (shut.recall, shut.recall_by_chance) == (1, 1)
    assert shut.precision == shut.precision_by_chance == pytest.approx(0.2)
    hovering = closures(truth + 0.1, truth)
    assert hovering.recall == 0
    assert str(hovering.precision) == "not measured: the prediction's lips never close"
    assert isinstance(closures(truth, truth + 0.1).recall, NotMeasured)


def test_silence_is_judged_by_itself():
    silent = np.arange(100) >= 50
    truth = np.where(silent, 0.01, speech(3, 100))
    chewing = truth + 0.02 * silent * (np.arange(100) % 2)
    measured = silent_movement(chewing, truth, silent)
    assert measured.truth == pytest.approx(0)
    assert measured.prediction == pytest.approx(0.02 * 25)
    assert measured.frames == 50
    assert isinstance(silent_movement(truth, truth, np.zeros(100, bool)).truth, NotMeasured)


def test_frames_without_a_face_do_not_count():
    truth = speech(5)
    holes = truth.copy()
    holes[[10, 11, 70]] = np.nan
    assert curve_sync(holes, truth).correlation == pytest.approx(1)
    assert closures(holes, truth).recall == 1
    assert isinstance(curve_sync(np.full(150, np.nan), truth).movement_ratio, NotMeasured)
    assert isinstance(curve_sync(truth, np.full(150, 0.1)).movement_ratio, NotMeasured)


def test_a_lost_frame_is_an_error(seen):
    shorter = TrackedLandmarks(points=seen.points[1:], found=seen.found[1:])
    with pytest.raises(BadArgument, match=f"{len(seen) - 1} frames and the truth {len(seen)}"):
        lip_sync(shorter, seen)
    for measure in (curve_sync, closures):
        with pytest.raises(BadArgument, match="149 frames and the truth 150"):
            measure(speech(0)[:-1], speech(0))
    with pytest.raises(BadArgument, match="Silence is given for 3 frames"):
        silent_movement(speech(0), speech(0), np.ones(3, bool))
