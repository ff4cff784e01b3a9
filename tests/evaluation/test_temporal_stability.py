import numpy as np
import pytest

from evaluation.measured_number import number
from instag.errors import BadArgument
from instag.evaluation.crops import Box
from instag.evaluation.landmarks import TrackedLandmarks
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.temporal_stability import Change, Flicker, FlickerMeter, head_jitter
from instag.types import Region

HEAD = Box(left=20, top=16, right=44, bottom=48)
REGIONS = np.zeros((64, 64), np.uint8)
REGIONS[16:48, 20:44] = Region.FACE


def film(noise: float, backdrop_noise: float, seed: int, frames: int = 6) -> list[np.ndarray]:
    """Pictures of a head whose pixels change by `noise` levels, before a backdrop that changes by
    `backdrop_noise`."""
    random = np.random.default_rng(seed)
    strength = np.where(REGIONS == Region.FACE, noise, backdrop_noise)[..., None]
    return [
        (128 + strength * random.uniform(-1, 1, (64, 64, 3))).round().astype(np.uint8)
        for _ in range(frames)
    ]


def measured(prediction: list[np.ndarray], truth: list[np.ndarray]) -> Flicker:
    meter = FlickerMeter()
    for picture, true in zip(prediction, truth, strict=True):
        meter.add(picture, true, HEAD, REGIONS)
    return meter.flicker()


def test_truth_against_itself_changes_as_much():
    flicker = measured(film(20, 5, 0), film(20, 5, 0))
    assert (flicker.full.ratio, flicker.head.ratio, flicker.backdrop.ratio, flicker.steps) == (
        1,
        1,
        1,
        5,
    )
    assert flicker.head.truth == pytest.approx(20 * 2 / 3, rel=0.05)
    assert flicker.backdrop.truth == pytest.approx(5 * 2 / 3, rel=0.1)


def test_a_frozen_picture_does_not_change():
    flicker = measured([film(0, 0, 0)[0]] * 6, film(20, 5, 1))
    assert (flicker.full.ratio, flicker.head.ratio, flicker.backdrop.ratio) == (0, 0, 0)


def test_each_change_grows_where_the_flicker_is():
    truth = film(20, 5, 0)
    path = [measured(film(20 * strength, 5, 0), truth) for strength in (1, 2, 4)]
    for name in ("full", "head"):
        assert (np.diff([getattr(one, name).ratio for one in path]) > 0).all()
    assert [one.backdrop.ratio for one in path] == [1, 1, 1]
    assert number(measured(film(20, 40, 0), truth).backdrop.ratio) > 4


def test_what_is_not_known_is_said():
    meter = FlickerMeter()
    assert "fewer than two frames" in str(meter.flicker().full.prediction)
    for picture in film(20, 5, 0):
        meter.add(picture, picture)
    flicker = meter.flicker()
    assert isinstance(flicker.full, Change)
    assert flicker.full.ratio == 1
    assert "regions" in str(flicker.backdrop.ratio)
    assert "head" in str(flicker.head.truth)
    still = measured([film(0, 0, 0)[0]] * 6, [film(0, 0, 0)[0]] * 6)
    assert str(still.full.ratio) == "not measured: the truth does not move"
    with pytest.raises(BadArgument, match="32x64 predicted, 64x64 true"):
        meter.add(film(0, 0, 0)[0][:, :32], film(0, 0, 0)[0])


def head(trembling: float, frames: int = 40) -> TrackedLandmarks:
    """A face of 100 pixels between the eyes that moves evenly and trembles."""
    random = np.random.default_rng(3)
    points = np.repeat(random.uniform(0, 200, (1, 478, 3)), frames, axis=0)
    points[:, 263] = points[:, 33] + [100, 0, 0]
    points += np.arange(frames)[:, None, None] * np.array(
        [1.5, -0.5, 0]
    ) + trembling * random.normal(0, 1, (frames, 1, 3))
    return TrackedLandmarks(points=points.astype(np.float32), found=np.ones(frames, bool))


def test_even_movement_is_no_jitter_and_trembling_is():
    even = head_jitter(head(0), head(1))
    assert even.prediction == pytest.approx(0, abs=1e-3)
    assert even.truth == pytest.approx(np.sqrt(2 * 6), rel=0.2)
    path = [head_jitter(head(strength), head(1)).ratio for strength in (0, 0.5, 1, 2, 4)]
    assert path == pytest.approx([0, 0.5, 1, 2, 4], abs=1e-2)


def test_jitter_counts_frames_with_faces_alone():
    found = np.ones(40, bool)
    found[10] = False
    assert head_jitter(TrackedLandmarks(points=head(1).points, found=found), head(1)).frames == 35
    assert isinstance(
        head_jitter(
            TrackedLandmarks(points=head(1).points, found=np.zeros(40, bool)), head(1)
        ).ratio,
        NotMeasured,
    )
    with pytest.raises(BadArgument, match="39 frames and the truth 40"):
        head_jitter(head(1, 39), head(1))
