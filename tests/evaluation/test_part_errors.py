import numpy as np
import pytest
import torch

from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.part_errors import PartMeter, weighted_distances
from instag.ops.lpips import Lpips
from ops.test_lpips import random_weights

TRUTH = np.full((64, 64, 3), 100, np.uint8)


def half(left: bool) -> np.ndarray:
    mask = np.zeros((64, 64), bool)
    mask[:, :32] = left
    mask[:, 32:] = not left
    return mask


def test_only_the_pixels_of_a_part_count_and_frames_are_pooled():
    meter = PartMeter(None)
    spoilt = TRUTH.copy()
    spoilt[:, :32] += 51
    meter.add(spoilt, TRUTH, {"hair": half(True), "neck": half(False)})
    meter.add(TRUTH, TRUTH, {"hair": half(True)})
    errors = meter.errors()
    assert errors["hair"].psnr == pytest.approx(-10 * np.log10(0.04 / 2))
    assert errors["hair"].per_frame == pytest.approx([-10 * np.log10(0.04), 100])
    assert errors["neck"].psnr == 100
    assert np.isnan(errors["neck"].per_frame[1])
    assert isinstance(errors["eyes"].psnr, NotMeasured)
    assert "instag assets get lpips" in str(errors["hair"].lpips)


def test_lpips_of_a_part_is_that_of_its_cells():
    network = Lpips(random_weights())
    one, other = torch.rand(2, 1, 64, 64, 3, generator=torch.Generator().manual_seed(0))
    other = other.clone()
    maps = network.maps(one, other)
    whole = torch.ones(1, 64, 64)
    torch.testing.assert_close(weighted_distances(maps, whole), network(one, other))
    other[:, :, :32] = one[:, :, :32]
    left, right = (torch.from_numpy(half(side)).float() for side in (True, False))
    distances = weighted_distances(network.maps(one, other), torch.stack([left, right]))
    assert distances[0] < 0.5 * distances[1]


def test_lpips_is_measured_where_there_are_weights():
    meter = PartMeter(Lpips(random_weights()))
    meter.add(TRUTH, TRUTH, {"hair": half(True)})
    assert meter.errors()["hair"].lpips == 0
