"""The frames to look at: the extremes, apart from each other, and few in memory."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instag.evaluation.crops import Box
from instag.evaluation.held_out import FramePair
from instag.evaluation.image import ImageMetrics
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.sample_frames import KEPT, MIN_DISTANCE, MOUTH_SIDE, MOUTHS, SHOWN, Sampling

NOWHERE = NotMeasured("not asked for")
MOUTH = Box(left=2, top=2, right=10, bottom=10)


def sampled(values: list[float], *, first: int = 0) -> Sampling:
    sampling = Sampling()
    for index, value in enumerate(values, start=first):
        picture = np.full((12, 12, 3), index % 256, np.uint8)
        metrics = ImageMetrics(psnr=value, ssim=NOWHERE, lpips=NOWHERE)
        sampling.add(
            FramePair(index=index, prediction=picture, truth=picture),
            {"mouth": MOUTH},
            {"full": metrics, "head": metrics},
        )
        assert max(len(sampling._best._kept), len(sampling._worst._kept)) <= KEPT
        assert len(sampling._mouths) < 2 * MOUTHS
    return sampling


@given(st.lists(st.floats(10, 100), min_size=1, max_size=200), st.integers(0, 30))
def test_extremes_come_first_and_lie_apart(values, first):
    samples = sampled(values, first=first).samples()
    assert samples.best[0].psnr == max(values)
    assert samples.worst[0].psnr == min(values)
    assert [one.psnr for one in samples.best] == sorted(
        (one.psnr for one in samples.best), reverse=True
    )
    assert [one.psnr for one in samples.worst] == sorted(one.psnr for one in samples.worst)
    for chosen in (samples.best, samples.worst):
        numbers = sorted(one.pair.index for one in chosen)
        assert (np.diff(numbers) >= MIN_DISTANCE).all()
        assert all(values[one.pair.index - first] == one.psnr for one in chosen)
        assert len(chosen) == SHOWN or len(values) < MIN_DISTANCE * KEPT


def test_the_pictures_are_those_of_the_frame():
    for one in sampled([30.0 + index for index in range(100)]).samples().best:
        assert (one.pair.prediction == one.pair.index).all()
    assert [
        one.pair.index for one in sampled([30.0 + index for index in range(96)]).samples().best
    ] == [95, 83, 71]


def test_pictures_of_a_batch_do_not_keep_it_alive():
    batch = np.zeros((4, 8, 8, 3), np.uint8)
    sampling = Sampling()
    sampling.add(
        FramePair(index=0, prediction=batch[0], truth=batch[1]),
        {},
        {"full": ImageMetrics(psnr=20.0, ssim=NOWHERE, lpips=NOWHERE)},
    )
    kept = sampling.samples().best[0].pair
    assert kept.prediction.base is None
    assert kept.truth.base is None


def test_frames_that_were_not_judged_are_not_shown():
    sampling = Sampling()
    picture = np.zeros((8, 8, 3), np.uint8)
    sampling.add(
        FramePair(index=0, prediction=picture, truth=picture),
        {},
        {"full": ImageMetrics(psnr=NOWHERE, ssim=NOWHERE, lpips=NOWHERE)},
    )
    samples = sampling.samples()
    assert samples.best == samples.worst == samples.mouths == []


@given(st.integers(1, 400))
def test_mouths_are_at_even_steps_over_the_whole_time(count):
    mouths = sampled([30.0] * count).samples().mouths
    numbers = [mouth.index for mouth in mouths]
    steps = set(np.diff(numbers).tolist())
    assert numbers[0] == 0
    assert len(steps) <= 1
    assert len(mouths) >= min(count, MOUTHS)
    assert count - numbers[-1] <= max(steps, default=count)
    assert mouths[0].prediction.shape == (MOUTH_SIDE, MOUTH_SIDE, 3)
