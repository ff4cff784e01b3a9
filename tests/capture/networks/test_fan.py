"""FAN: where its square lies, what is cut, and that peaks come back to where they were in the
frame."""

from pathlib import Path

import numpy as np
import pytest
import torch

from capture.networks.published_shapes import save_torchscript
from instag.capture.networks.fan import BROWS, CHEEKS, CHIN, Fan, cut, peaks, square_of
from instag.errors import AssetDamaged

CPU = torch.device("cpu")


def landmarks() -> np.ndarray:
    points = np.zeros((478, 3), np.float32)
    points[list(CHEEKS), 0] = 100, 200
    points[list(BROWS), 1] = 90
    points[CHIN, 1] = 190
    return points


def test_the_square_is_that_of_the_package() -> None:
    """A box of 100 x 120 from (100, 70) to (200, 190): centre moved up by 0.12 heights, side 200
    (100 + 120) / 195."""
    center, side = square_of(landmarks())
    np.testing.assert_allclose(center, [150, 130 - 14.4], rtol=1e-6)
    assert side == pytest.approx(200 * 220 / 195)


def test_what_reaches_beyond_the_frame_is_black() -> None:
    picture = cut(np.full((50, 50, 3), 200, np.uint8), np.array([0.0, 0.0]), 40.0)
    assert picture.shape == (256, 256, 3)
    assert picture[10, 10].tolist() == [0, 0, 0]
    assert picture[250, 250].tolist() == [200, 200, 200]


def test_peaks_lean_to_the_higher_neighbour() -> None:
    maps = np.zeros((2, 64, 64), np.float32)
    maps[0, 20, 30], maps[0, 20, 31], maps[0, 19, 30] = 1, 0.5, 0.5
    maps[1, 0, 0] = 1
    np.testing.assert_allclose(peaks(maps), [[30.75, 20.25], [0.5, 0.5]])


@pytest.mark.parametrize(("x", "y"), [(150, 120), (110, 170), (190, 60)])
def test_points_come_back_to_where_they_are(tmp_path: Path, x: int, y: int) -> None:
    frame = np.zeros((256, 256, 3), np.uint8)
    frame[y - 1 : y + 2, x - 1 : x + 2] = 255
    points = Fan(save_torchscript(tmp_path / "fan.zip", 68), CPU)(frame, landmarks())
    assert points.shape == (68, 2)
    assert np.abs(points - [x + 0.5, y + 0.5]).max() < 2.5, (
        "within a pixel of a map, 3.5 of the frame's"
    )


def test_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetDamaged, match="68 maps"):
        Fan(save_torchscript(tmp_path / "fan.zip", 5), CPU)(
            np.zeros((256, 256, 3), np.uint8), landmarks()
        )
