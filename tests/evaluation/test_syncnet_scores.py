"""Sync-C and Sync-D: the offset is the one that was made, and the crops are where the face is."""

import numpy as np
import pytest
import torch

from instag.evaluation import syncnet_scores
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.syncnet import SyncNet
from instag.evaluation.syncnet_scores import (
    Sync,
    SyncNetTracker,
    compare,
    embed_speech,
    face_crop,
    measure,
)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> SyncNet:
    """One that embeds each window as the mean colour of its third frame."""
    monkeypatch.setattr(
        SyncNet,
        "embed_faces",
        lambda self, crops: crops.mean((1, 2, 3))[2:-2, None].expand(-1, 1024),
    )
    return SyncNet()


def voice(frames: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(frames, 1024, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("lag", [-15, -7, 0, 1, 15])
def test_offset_is_the_lag_of_the_picture(lag: int) -> None:
    speech = voice(80)
    lips = torch.roll(speech, lag, 0) + 0.1 * voice(80, seed=1)
    found = compare(lips, speech)
    assert isinstance(found, Sync)
    assert found.offset == lag
    assert found.by_offset[lag + 15] == found.distance == found.by_offset.min()
    assert found.frames == 80


def test_worse_sync_has_less_confidence_and_more_distance() -> None:
    speech = voice(80)
    rated = [compare(speech + noise * voice(80, seed=1), speech) for noise in (0.0, 0.5, 2.0)]
    confidences, distances = zip(
        *((sync.confidence, sync.distance) for sync in rated if isinstance(sync, Sync)), strict=True
    )
    assert confidences[0] > confidences[1] > confidences[2] >= 0
    assert distances[0] < distances[1] < distances[2]


def test_numbers_are_those_of_the_definition() -> None:
    """Written out for one offset: zeros beyond the end, the mean over windows, the median over
    offsets."""
    lips, speech = voice(20), voice(20, seed=1)
    found = compare(lips, speech)
    assert isinstance(found, Sync)
    at_3 = [
        np.linalg.norm(lips[t] - (speech[t - 3] if t >= 3 else 0 * speech[0])) for t in range(20)
    ]
    assert found.by_offset[18] == pytest.approx(np.mean(at_3), rel=1e-4)
    assert found.confidence == pytest.approx(
        np.median(found.by_offset) - found.by_offset.min(), rel=1e-4
    )


def test_too_short_is_missing() -> None:
    found = compare(voice(10), voice(10))
    assert isinstance(found, NotMeasured)
    assert "10" in found.reason


def test_speech_is_heard_once_a_frame() -> None:
    assert embed_speech(SyncNet(), np.zeros(50 * 640, np.float32)).shape == (45, 1024)
    assert embed_speech(SyncNet(), np.zeros(640, np.float32)).shape == (0, 1024)


def test_crop_is_the_square_of_syncnet() -> None:
    """1.4 half-widths to either side of the centre, from the top of the box to 0.8 below it."""
    picture = np.zeros((400, 500, 3), np.uint8)
    picture[100:240, 130:270] = 200  # box x 150..250, y 100..200: x, y, half = 200, 150, 50
    assert (face_crop(picture, np.array([200.0, 150.0, 50.0])) == 200).all()
    moved = face_crop(picture, np.array([210.0, 150.0, 50.0]))
    assert (moved[:, :200] == 200).all()
    assert (moved[:, -14:] == 0).all()


@pytest.mark.parametrize("center", [(0.0, 0.0), (99.0, 99.0), (-500.0, 40.0)])
def test_outside_the_picture_is_grey(center: tuple[float, float]) -> None:
    crop = face_crop(np.zeros((100, 100, 3), np.uint8), np.array([*center, 30.0]))
    assert crop.shape == (224, 224, 3)
    assert set(np.unique(crop[[0, 0, -1, -1], [0, -1, 0, -1]])) <= {0, 110}
    assert (crop == 110).any()


def frames(count: int) -> list[np.ndarray]:
    return [np.full((64, 64, 3), index % 250, np.uint8) for index in range(count)]


def corners(index: int) -> np.ndarray:
    return np.array([[20.0 + index % 3, 20, 0], [44, 44, 0]])


@pytest.mark.parametrize("count", [5, 6, 19, 20, 21, 37, 100])
def test_every_window_is_read_once_in_order(count: int, network: SyncNet) -> None:
    reader = SyncNetTracker(network)
    for index, picture in enumerate(frames(count)):
        reader.add(picture, corners(index))
        assert len(reader._pictures) + len(reader._crops) <= 26
    found = reader.embeddings()
    assert isinstance(found, torch.Tensor)
    torch.testing.assert_close(found[:, 0], torch.arange(2.0, count - 2))


@pytest.mark.parametrize("gap", [12, 14])
def test_short_gaps_are_bridged_and_long_ones_said(gap: int, network: SyncNet) -> None:
    reader = SyncNetTracker(network)
    for index, picture in enumerate(frames(60)):
        reader.add(picture, None if 20 <= index < 20 + gap else corners(index))
    found = reader.embeddings()
    assert isinstance(found, NotMeasured) == (gap > 12)
    if isinstance(found, NotMeasured):
        assert "first in frame 26" in found.reason


def test_blue_comes_first(network: SyncNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        SyncNet,
        "embed_faces",
        lambda self, crops: torch.nn.functional.pad(crops[:-4, :, 100, 100], (0, 1021)),
    )
    reader = SyncNetTracker(network)
    for _ in range(5):
        reader.add(np.full((64, 64, 3), (10, 20, 30), np.uint8), corners(0))
    found = reader.embeddings()
    assert isinstance(found, torch.Tensor)
    assert found[0, :3].tolist() == [30, 20, 10]


@pytest.mark.parametrize("late", [-4, 0, 3])
def test_a_late_picture_is_found_from_end_to_end(
    late: int, network: SyncNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A brightness that follows the loudness; the networks are replaced by brightness and loudness
    of a window's middle."""
    loudness = np.random.default_rng(0).uniform(10, 240, 60)
    heard = torch.from_numpy(loudness[2:-2]).float()[:, None].expand(-1, 1024)
    monkeypatch.setattr(syncnet_scores, "embed_speech", lambda network, speech: heard)
    pictures = [np.full((64, 64, 3), round(value), np.uint8) for value in np.roll(loudness, late)]
    found = measure(pictures, [corners(0)] * 60, np.zeros(60 * 640, np.float32), network)
    assert isinstance(found, Sync)
    assert found.offset == late


def test_missing_network_is_passed_on() -> None:
    assert measure([], [], np.zeros(0, np.float32), NotMeasured("no weights")) == NotMeasured(
        "no weights"
    )
