"""A head's start shows the head: its shape, its colours, nothing beside it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.models.render_head import eval_sh_colors
from instag.rendering.reference import ReferenceRenderer
from instag.synthetic import write_clip
from instag.training.initialization import gaussians_from_frames, turned
from instag.types import Region

TRAIN = range(40)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return write_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=40, size=64)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def dataset_of(clip: Clip) -> ClipDataset:
    return ClipDataset(clip, clip.tables(), size=64, features=torch.zeros(len(clip), 5, 1))


def test_start_looks_like_the_head(clip):
    dataset = dataset_of(clip)
    start = gaussians_from_frames(dataset, TRAIN, 1500, 1, seeded()).requires_grad_(False)
    start.opacity.fill_(4.0)
    batch = dataset.batch([5])
    splats = start.splats(None, 1)
    rendering = ReferenceRenderer().render(
        splats, eval_sh_colors(splats, start.coefficients(0), batch.camera), batch.camera
    )
    head = batch.is_region(Region.FACE, Region.HAIR)[0]
    assert float(rendering.alphas[0][head].mean()) > 0.85
    assert float(rendering.alphas[0][batch.is_region(Region.BACKGROUND)[0]].mean()) < 0.35
    assert float((rendering.colors[0] - batch.image[0].float() / 255)[head].abs().mean()) < 0.12


def test_start_repeats_with_its_seed(clip):
    dataset = dataset_of(clip)
    first, second = (gaussians_from_frames(dataset, TRAIN, 300, 1, seeded()) for _ in range(2))
    assert torch.equal(first.means, second.means)
    assert len(first) == 300


def test_frames_that_show_no_head_give_the_tracked_points(clip, tmp_path):
    blank = Clip(folder=tmp_path, info=replace(clip.info))
    for path in clip.folder.iterdir():
        if path.name != "regions":
            (tmp_path / path.name).symlink_to(path)
    for index in range(len(clip)):
        blank.save_regions(index, np.zeros((64, 64), np.uint8))
    dataset = dataset_of(blank)
    assert torch.equal(
        gaussians_from_frames(dataset, TRAIN, 300, 1, seeded()).means, dataset.identity
    )


def test_turned_frames_reach_from_side_to_side(clip):
    dataset = dataset_of(clip)
    yaw = dataset.viewmats[:, 0, 2]
    assert {int(yaw.argmin()), int(yaw.argmax())} <= set(turned(dataset, TRAIN))
