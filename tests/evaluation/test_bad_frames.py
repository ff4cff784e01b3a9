import numpy as np

from instag.evaluation.bad_frames import broken_frames, worst_mean
from instag.evaluation.not_measured import NotMeasured


def test_the_worst_twentieth_is_the_mean_of_its_frames():
    psnr = np.full(40, 30.0)
    psnr[[3, 20]] = 10, 20
    assert worst_mean(psnr) == 15
    assert worst_mean(np.array([30.0, np.nan, 20.0])) == 20, "one frame at least"
    assert isinstance(worst_mean(np.full(3, np.nan)), NotMeasured)


def test_a_part_far_below_its_own_median_broke():
    psnr = {"eyes": np.array([20.0, 20, 13.9, 14.1, 20]), "hair": np.full(5, np.nan)}
    seen = np.ones(5, bool)
    assert broken_frames(psnr, seen, seen).tolist() == [False, False, True, False, False]


def test_a_face_that_only_the_truth_shows_broke():
    found, true = np.array([True, False, False]), np.array([True, True, False])
    assert broken_frames({}, found, true).tolist() == [False, True, False]
