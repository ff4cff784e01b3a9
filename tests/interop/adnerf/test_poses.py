"""Poses of the family: both files there and back, the angles' meaning, gaps, and damage."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from instag.capture.tracking.adnerf_units import head_to_camera
from instag.errors import BadLayout
from instag.interop.adnerf.poses import (
    camera_to_world,
    for_frames,
    read_track_params,
    read_transforms,
    write_track_params,
    write_transforms,
)


def some_poses(count: int = 12) -> np.ndarray:
    time = np.arange(count) / 10
    euler = np.stack([0.2 * np.sin(time), 0.3 * np.cos(time), 0.1 * time], -1)
    return camera_to_world(euler, np.stack([0.02 * time, 0.01 * time, -0.9 - 0.01 * time], -1))


def test_transforms_come_back_exactly(tmp_path: Path) -> None:
    matrices = some_poses()
    write_transforms(tmp_path / "transforms_train.json", matrices, range(9), 1234.5, (512, 512))
    write_transforms(tmp_path / "transforms_val.json", matrices, range(9, 12), 1234.5, (512, 512))
    read = read_transforms(tmp_path)
    assert read is not None
    assert (read.focal, read.center, read.test_ids) == (
        1234.5,
        (256.0, 256.0),
        frozenset({9, 10, 11}),
    )
    assert np.array_equal(for_frames(read, range(12)), matrices)
    first = json.loads((tmp_path / "transforms_train.json").read_text())["frames"][0]
    assert set(first) == {"img_id", "aud_id", "transform_matrix"}


def test_track_params_come_back(tmp_path: Path) -> None:
    matrices = some_poses()
    write_track_params(tmp_path / "track_params.pt", matrices, 1100.0)
    read = read_track_params(tmp_path / "track_params.pt")
    assert read.focal == 1100
    np.testing.assert_allclose(for_frames(read, range(12)), matrices, atol=1e-6)
    stored = torch.load(tmp_path / "track_params.pt", weights_only=True)
    assert {name: tuple(value.shape) for name, value in stored.items()} == {
        "euler": (12, 3),
        "trans": (12, 3),
        "focal": (1,),
    }
    assert -10 < float(stored["trans"][:, 2].mean()) < -8


def test_angles_turn_as_the_family_turns() -> None:
    """R = X Y Z with X = [[1 0 0] [0 c s] [0 -s c]], Y = [[c 0 -s] [0 1 0] [s 0 c]], Z = [[c -s 0]
    [s c 0] [0 0 1]]; x_camera = R x + t."""
    a, b, c = angles = np.array([0.3, -0.4, 0.2])
    x = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    offset = np.array([0.1, 0.2, -0.8])
    matrix = camera_to_world(angles[None], offset[None])[0]
    np.testing.assert_allclose(np.linalg.inv(matrix)[:3, :3], x @ y @ z, atol=1e-12)
    np.testing.assert_allclose(np.linalg.inv(matrix)[:3, 3], offset, atol=1e-12)
    back = head_to_camera(matrix[None])
    np.testing.assert_allclose(back[0][0], angles, atol=1e-12)
    np.testing.assert_allclose(back[1][0], offset, atol=1e-12)


def test_short_gaps_are_filled_long_ones_refused(tmp_path: Path) -> None:
    matrices = some_poses(30)
    write_transforms(tmp_path / "transforms_train.json", matrices, range(30), 1000, (64, 64))
    read = read_transforms(tmp_path)
    assert read is not None
    for number in (10, 11):
        del read.matrices[number]
    filled = for_frames(read, range(30))
    np.testing.assert_allclose(filled[10:12], matrices[10:12], atol=4e-3)
    assert (
        np.abs(
            Rotation.from_matrix(filled[:, :3, :3]).magnitude()
            - Rotation.from_matrix(matrices[:, :3, :3]).magnitude()
        ).max()
        < 5e-3
    )
    for number in range(12, 20):
        del read.matrices[number]
    with pytest.raises(BadLayout, match=r"10 of 30 frames have no pose \(first: 10\)"):
        for_frames(read, range(30))


def test_no_transforms_are_no_error(tmp_path: Path) -> None:
    assert read_transforms(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"focal_len": 1, "frames": [{"img_id": 0}]}', '{"frames": []}']
)
def test_damaged_transforms_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "transforms_train.json").write_text(text)
    with pytest.raises(BadLayout, match=r"transforms_train\.json"):
        read_transforms(tmp_path)


def test_what_is_no_motion_is_refused(tmp_path: Path) -> None:
    matrices = some_poses()
    matrices[3, :3, :3] *= 2
    write_transforms(tmp_path / "transforms_train.json", matrices, range(12), 1000, (64, 64))
    with pytest.raises(BadLayout, match="frame 3"):
        read_transforms(tmp_path)


def test_damaged_track_params_are_named(tmp_path: Path) -> None:
    path = tmp_path / "track_params.pt"
    path.write_bytes(b"no zip")
    with pytest.raises(BadLayout, match=r"track_params\.pt"):
        read_track_params(path)
    torch.save({"euler": torch.zeros(4, 3)}, path)
    with pytest.raises(BadLayout, match=r"euler, trans and focal"):
        read_track_params(path)
    torch.save(
        {"euler": torch.zeros(4, 3), "trans": torch.zeros(5, 3), "focal": torch.ones(1)}, path
    )
    with pytest.raises(BadLayout, match="not both"):
        read_track_params(path)
