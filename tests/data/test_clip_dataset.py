"""Frames as training wants them: the same picture whole or cut, at any size, and never more of them
in memory than allowed."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from instag.data.clip import Clip
from instag.data.clip_dataset import (
    MEMORY,
    ClipDataset,
    over_backdrop,
    premultiplied,
    squares_around,
)
from instag.synthetic import write_clip
from instag.types import HEAD_REGIONS, Region


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return write_clip(tmp_path_factory.mktemp("frames") / "me.clip", frames=12, size=96)


def dataset_of(clip: Clip, size: int = 96, memory: int = MEMORY) -> ClipDataset:
    return ClipDataset(
        clip, clip.tables(), size=size, features=torch.zeros(len(clip), 5, 1), memory=memory
    )


def test_a_window_is_a_cut_of_the_whole(clip):
    dataset = dataset_of(clip)
    boxes = dataset.boxes(range(12), *HEAD_REGIONS)
    window = dataset.windows_around(boxes, margin=4).rows(torch.tensor([5]))
    whole, cut = dataset.batch([5], surface=True), dataset.batch([5], window, surface=True)
    left, top = int(window.left), int(window.top)
    rows, columns = slice(top, top + window.height), slice(left, left + window.width)
    assert torch.equal(cut.image, whole.image[:, rows, columns])
    assert torch.equal(cut.regions, whole.regions[:, rows, columns])
    assert torch.equal(cut.lips, whole.lips[:, rows, columns])
    assert cut.depth is not None
    assert whole.depth is not None
    assert torch.equal(cut.depth, whole.depth[:, rows, columns])
    point = torch.tensor([0.0, 0.0, 0.0, 1.0])
    seen = [
        camera.Ks[0] @ (camera.viewmats[0] @ point)[:3] for camera in (whole.camera, cut.camera)
    ]
    shifted = seen[0][:2] / seen[0][2] - seen[1][:2] / seen[1][2]
    torch.testing.assert_close(shifted, torch.tensor([float(left), float(top)]), atol=1e-3, rtol=0)


def test_windows_hold_every_head(clip):
    dataset = dataset_of(clip)
    boxes = dataset.boxes(range(12), *HEAD_REGIONS)
    window = dataset.windows_around(boxes, margin=0)
    assert (window.left <= boxes[:, 0]).all()
    assert (window.left + window.width >= boxes[:, 2]).all()
    assert (window.top + window.height >= boxes[:, 3]).all()


def test_half_size_sees_the_same_scene(clip):
    full, half = dataset_of(clip), dataset_of(clip, size=48)
    assert half.focal == pytest.approx(full.focal / 2)
    assert half.batch([0]).image.shape == (1, 48, 48, 3)
    torch.testing.assert_close(half.mouth_opening, full.mouth_opening / 2)


def test_frames_beyond_the_memory_are_read_again(clip, monkeypatch):
    reads = []
    original = Clip.frame
    monkeypatch.setattr(
        Clip, "frame", lambda self, index: (reads.append(index), original(self, index))[1]
    )
    dataset = dataset_of(clip)
    dataset.batch([1, 2, 3])
    dataset.batch([1, 2, 3])
    assert reads == [1, 2, 3]
    reads.clear()
    dataset = dataset_of(clip, memory=1)
    dataset.batch([4, 1])
    dataset.batch([1])
    dataset.batch([4])
    assert reads == [4, 1, 4]
    assert len(dataset._kept) == 1


def test_torso_and_backdrop_alone_have_no_head(clip):
    batch = dataset_of(clip).batch([0])
    background = batch.is_region(Region.BACKGROUND)
    difference = (batch.background.int() - batch.image.int()).abs().float().mean(-1)
    assert difference[background].mean() < 12


def test_squares_stay_in_the_picture():
    points = torch.tensor([[[90.0, 40.0], [99.0, 44.0]]])
    assert squares_around(points, 96).tolist() == [[90, 37, 96, 47]]


def test_transparent_torso_shows_the_backdrop():
    torso = np.zeros((2, 2, 4), np.uint8)
    torso[0, 0] = (200, 100, 50, 255)
    backdrop = np.full((2, 2, 3), 7, np.uint8)
    over = over_backdrop(premultiplied(torso), backdrop)
    assert over[0, 0].tolist() == [200, 100, 50]
    assert (over[1] == 7).all()


def test_without_mattes_the_head_over_a_color_is_cut_by_its_regions(clip):
    batch = dataset_of(clip).batch([3])
    color = torch.tensor([0.2, 0.9, 0.4]).reshape(1, 1, 1, 3)
    for hair, labels in ((True, (Region.FACE, Region.HAIR)), (False, (Region.FACE,))):
        hard = torch.where(batch.is_region(*labels)[..., None], batch.image.float() / 255, color)
        assert torch.equal(batch.head_over(color, hair=hair), hard)
    assert torch.equal(batch.is_hair(), batch.is_region(Region.HAIR))
    assert torch.equal(batch.head_alpha(), batch.is_region(Region.FACE, Region.HAIR).float())


def test_the_backdrop_is_taken_out_of_mixed_pixels(clip):
    batch = dataset_of(clip).batch([3])
    own, alpha = (
        torch.full((1, 96, 96, 3), 40 / 255),
        torch.full((1, 96, 96), 128, dtype=torch.uint8),
    )
    share = alpha[..., None] / 255
    image = (255 * (share * own + (1 - share) * batch.background / 255)).round().byte()
    mixed = replace(batch, image=image, alpha=alpha)
    color = torch.ones(1, 1, 1, 3)
    torch.testing.assert_close(
        mixed.head_over(color), share * own + (1 - share), atol=2 / 255, rtol=0
    )


def test_features_come_from_outside_and_the_clip_stays_as_it_is(clip):
    before = sorted(clip.folder.rglob("*"))
    features = np.arange(12 * 5, dtype=np.float32).reshape(12, 5, 1)
    dataset = ClipDataset(clip, clip.tables(), size=96, features=features)
    dataset.batch([0, 1], surface=True)
    assert torch.equal(dataset.features, torch.from_numpy(features))
    assert sorted(clip.folder.rglob("*")) == before
