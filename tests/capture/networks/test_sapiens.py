"""Sapiens: what its networks are shown, what becomes of their answers, and depth and normals in a
clip's units."""

from pathlib import Path

import numpy as np
import pytest
import torch

from capture.networks.published_shapes import save_torchscript
from instag.capture.geometry.from_mesh import TrackedMesh
from instag.capture.geometry.predicted import (
    Prediction,
    estimate_units,
    in_clip_units,
    predict_surface,
)
from instag.capture.networks.sapiens import Sapiens, preprocess
from instag.data.clip import Clip
from instag.errors import AssetDamaged, CaptureError
from instag.synthetic import write_clip

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return write_clip(tmp_path_factory.mktemp("sapiens") / "me.clip", frames=6, size=64)


def test_pictures_are_stretched_and_normalised() -> None:
    frame = np.broadcast_to(np.array([182, 59, 103], np.uint8), (40, 40, 3)).copy()
    shown = preprocess(frame)
    assert shown.shape == (1, 3, 1024, 768)
    np.testing.assert_allclose(
        shown[0, :, 5, 5],
        [(182 - 123.5) / 58.5, (59 - 116.5) / 57, (103 - 103.5) / 57.5],
        rtol=1e-6,
    )


def test_answers_have_the_frames_size(tmp_path: Path) -> None:
    look = Sapiens(
        save_torchscript(tmp_path / "depth.pt2", 1),
        save_torchscript(tmp_path / "normal.pt2", 3),
        CPU,
    )
    frame = np.full((48, 48, 3), 255, np.uint8)
    frame[:, :24] = 124
    answer = look(frame)
    assert answer.depth.shape == (48, 48)
    assert answer.normal.shape == (48, 48, 3)
    assert answer.depth[20, 40] > answer.depth[20, 5]
    np.testing.assert_allclose(np.linalg.norm(answer.normal[20, 40]), 1, atol=1e-3)


def test_swapped_or_damaged_files_are_named(tmp_path: Path) -> None:
    depth, normal = (
        save_torchscript(tmp_path / "depth.pt2", 1),
        save_torchscript(tmp_path / "normal.pt2", 3),
    )
    with pytest.raises(AssetDamaged, match=r"normal\.pt2 returns .* not 1 channels"):
        Sapiens(normal, depth, CPU)(np.zeros((16, 16, 3), np.uint8))
    depth.write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(AssetDamaged, match=r"depth\.pt2 is damaged"):
        Sapiens(depth, normal, CPU)


def relative(clip: Clip, index: int) -> Prediction:
    """The truth as a network might put it: another scale, another offset in each frame, y down."""
    surface = clip.surface(index)
    return Prediction(
        depth=np.where(surface.valid, surface.depth * 3 + 0.2 * index, np.nan).astype(np.float32),
        normal=surface.normal * np.array([1, -1, 1], np.float32),
    )


def test_predictions_become_metres_in_our_axes(clip: Clip, tmp_path: Path) -> None:
    copy = Clip(folder=tmp_path / "copy.clip", info=clip.info)
    copy.folder.mkdir()
    for name in ("track.npz", "regions", "frames"):
        (copy.folder / name).symlink_to(clip.folder / name)
    order = iter(
        [*range(6)]
    )  # six frames are fewer than the samples: each is looked at once, in order
    predict_surface(copy, lambda _: relative(clip, next(order)), "test", 6)
    for index in (0, 5):
        true, made = clip.surface(index), copy.surface(index)
        shared = true.valid & made.valid
        assert shared.sum() > 0.5 * true.valid.sum()
        assert np.median(np.abs(true.depth - made.depth)[shared]) < 0.01
        assert np.median((true.normal * made.normal).sum(-1)[shared]) > 0.95


def test_frames_beyond_the_last_get_the_tracked_face(clip: Clip, tmp_path: Path) -> None:
    copy = Clip(folder=tmp_path / "copy.clip", info=clip.info)
    copy.folder.mkdir()
    for name in ("track.npz", "regions", "frames"):
        (copy.folder / name).symlink_to(clip.folder / name)
    order = iter([*range(4)])
    predict_surface(copy, lambda _: relative(clip, next(order)), "test", 4)
    mesh = TrackedMesh(clip.track(), (64, 64))
    assert copy.surface(5).valid.sum() <= 4 * mesh.surface(5).valid.sum() + 100
    assert next(order, None) is None


def test_predictions_of_another_face_are_refused(clip: Clip) -> None:
    mesh = TrackedMesh(clip.track(), (64, 64))
    noise = np.random.default_rng(0)
    samples = [
        (
            Prediction(depth=noise.normal(size=(32, 32)), normal=noise.normal(size=(32, 32, 3))),
            mesh.surface(index),
        )
        for index in range(6)
    ]
    with pytest.raises(CaptureError, match="does not follow the tracked face"):
        estimate_units(samples, "x")


def test_inside_of_the_mouth_is_not_skin(clip: Clip) -> None:
    mesh = TrackedMesh(clip.track(), (64, 64))
    regions = np.full((32, 32), 5, np.uint8)
    prediction = relative(clip, 0).resized(mesh.size)
    units = estimate_units([(prediction, mesh.surface(0))], "x")
    assert not in_clip_units(prediction, mesh.surface(0), regions, units).valid.any()
