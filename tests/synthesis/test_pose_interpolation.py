"""Poses and values between those of a table, and in parts of one."""

import math

import torch

from instag.synthesis.pose_interpolation import (
    Parts,
    interpolate_poses,
    interpolate_values,
    nearest_rigid,
)


def turned(angle: float, x: float = 0.0) -> torch.Tensor:
    pose = torch.eye(4)
    pose[0, 0] = pose[2, 2] = math.cos(angle)
    pose[0, 2], pose[2, 0], pose[0, 3] = math.sin(angle), -math.sin(angle), x
    return pose


def test_half_way_is_half_the_turn_and_half_the_way() -> None:
    table = torch.stack([turned(0.2, 1.0), turned(0.6, 2.0)])
    found = interpolate_poses(table, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(found, torch.stack([table[0], turned(0.4, 1.5), table[1]]))


def test_beyond_the_last_row_the_last_one_stays() -> None:
    values = torch.tensor([[1.0], [3.0]])
    found = interpolate_values(values, torch.tensor([0.25, 1.0, 1.5]))
    assert found[:, 0].tolist() == [1.5, 3.0, 3.0]


def test_places_are_counted_in_their_part() -> None:
    values = torch.tensor([[0.0], [1.0], [10.0], [20.0]])
    parts = Parts(first=torch.tensor([0, 2]), count=torch.tensor([2, 2]))
    of_places = parts.at(torch.tensor([0, 1, 1]))
    found = interpolate_values(values, torch.tensor([0.5, 0.5, 1.9]), of_places)
    assert found[:, 0].tolist() == [0.5, 15.0, 20.0]


def test_what_is_rigid_stays_and_a_mean_becomes_it() -> None:
    rigid = torch.stack([turned(0.3, 1.0)])
    torch.testing.assert_close(nearest_rigid(rigid), rigid)
    mean = nearest_rigid((turned(0.1) + turned(0.5))[None] / 2)
    torch.testing.assert_close(mean, turned(0.3)[None])
