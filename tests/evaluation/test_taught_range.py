from dataclasses import replace

import numpy as np
import pytest
import torch

from evaluation.talk import unlearned
from instag.data.clip import Clip
from instag.evaluation.taught_range import beyond, head_angles, outside_taught
from instag.models.avatar import Avatar
from instag.ops.rotations import rotation_vector_to_matrix, viewmats

AHEAD = torch.diag(torch.tensor([1.0, -1, -1]))


@pytest.mark.parametrize("axis, column", [(1, 0), (0, 1), (2, 2)])
@pytest.mark.parametrize("degrees", [-12.0, 5.0])
def test_a_turn_about_one_axis_is_one_angle(axis, column, degrees):
    pose = torch.eye(4)[None].clone()
    turn = torch.zeros(1, 3)
    turn[0, axis] = np.radians(degrees)
    pose[:, :3, :3] = AHEAD @ rotation_vector_to_matrix(turn)
    angles = head_angles(pose)[0]
    assert abs(angles[column]) == pytest.approx(abs(degrees), abs=1e-3)
    assert np.delete(angles, column) == pytest.approx([0, 0], abs=1e-3)


def test_beyond_is_outside_of_some_column():
    taught = np.array([[0.0, -1], [2, 1]])
    values = np.array([[1.0, 0], [2.4, 0], [2.6, 0], [1, -1.6]])
    assert beyond(values, taught, 0.5).tolist() == [False, False, True, True]


def test_the_taught_frames_are_within():
    clip = Clip.open(unlearned()[1])
    track, tables = clip.track(), clip.tables()
    poses = viewmats(
        torch.from_numpy(track.rotations).float(), torch.from_numpy(track.translations).float()
    )
    avatar = Avatar.open(unlearned()[0])
    units = torch.from_numpy(
        np.stack([tables.action_units[name] for name in avatar.info.expression_units], axis=1)
    )
    everything = replace(avatar, viewmats=poses, expression=units)
    assert not outside_taught(everything, tables, range(20)).any()
    turned = poses.clone()
    turned[:, :3, :3] = turned[:, :3, :3] @ rotation_vector_to_matrix(torch.tensor([[0, 0.5, 0]]))
    assert outside_taught(replace(everything, viewmats=turned), tables, range(20)).all()
