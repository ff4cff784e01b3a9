"""The loader: the same batches whether they lie ready on the device or are read a step ahead."""

from pathlib import Path

import pytest
import torch

from instag.data import batch_loader
from instag.data.batch_loader import BatchLoader
from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.data.speech_features import clip_features
from instag.types import HEAD_REGIONS
from shared_files import shared_clip


@pytest.fixture(scope="module")
def clip() -> Clip:
    return shared_clip(frames=20)


def loader_of(clip: Clip) -> BatchLoader:
    dataset = ClipDataset(clip, clip.tables(), size=64, features=clip_features(clip, "mel"))
    train = range(2, 14)
    windows = dataset.windows_around(dataset.boxes(train, *HEAD_REGIONS), 3)
    return BatchLoader(dataset, train, windows, lambda step: [step % 12, (5 * step) % 12])


def test_read_ahead_is_what_lies_ready(clip: Clip, monkeypatch: pytest.MonkeyPatch):
    ready = loader_of(clip)
    monkeypatch.setattr(batch_loader, "SHARE", 0.0)
    ahead = loader_of(clip)
    assert ready.fits
    assert not ahead.fits
    for step, surface in ((0, False), (1, False), (2, True), (3, True), (7, True), (8, False)):
        (first, first_rows), (second, second_rows) = (
            ready(step, surface=surface),
            ahead(step, surface=surface),
        )
        assert torch.equal(first_rows, second_rows)
        assert first.indices.tolist() == [2 + step % 12, 2 + (5 * step) % 12]
        for name in ("indices", "image", "regions", "background", "lips"):
            assert torch.equal(getattr(first, name), getattr(second, name)), name
        torch.testing.assert_close(first.camera.Ks, second.camera.Ks)
        assert torch.equal(first.condition.speech, second.condition.speech)
        assert (first.depth is not None) == (second.depth is not None) == surface
        if surface:
            for name in ("depth", "normal", "surface_valid"):
                assert torch.equal(getattr(first, name), getattr(second, name)), name


def test_a_window_never_leaves_the_picture(clip: Clip):
    frames, _ = loader_of(clip)(3)
    assert frames.image.shape[1:3] == (frames.camera.height, frames.camera.width)


def test_a_whole_path_is_not_needed_twice(clip: Clip, tmp_path: Path):
    """What lies ready does not read the disk again."""
    ready = loader_of(clip)
    first, _ = ready(1)
    ready.dataset.clip = Clip(folder=tmp_path / "gone", info=clip.info)
    ready.dataset._kept.clear()
    second, _ = ready(1)
    assert torch.equal(first.image, second.image)
