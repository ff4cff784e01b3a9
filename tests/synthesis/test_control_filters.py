"""Filters of controls: what they change, and what they leave alone."""

import pytest
import torch

from instag.ops.rotations import rotation_vector_to_matrix
from instag.synthesis.control_filters import Clamp, Ease, Offset, Scale
from instag.synthesis.controls import ControlSource, FrameControls


class Jump(ControlSource):
    """From frame 10 on turned by 0.2 radians and moved by 1 cm, with other expressions."""

    def __call__(self, frames: torch.Tensor) -> FrameControls:
        after = (frames >= 10).float()
        pose = torch.eye(4).repeat(len(frames), 1, 1)
        pose[:, :3, :3] = rotation_vector_to_matrix(after[:, None] * torch.tensor([0.0, 0.2, 0.0]))
        pose[:, 0, 3] = 0.01 * after
        return FrameControls(
            head_pose=pose, expression=after[:, None].expand(-1, 6) * 3, torso=frames
        )


FRAMES = torch.arange(30)


def test_an_offset_moves_the_head_in_its_own_frame_of_reference() -> None:
    ahead = torch.eye(4)
    ahead[2, 3] = 0.1
    given = Jump()(FRAMES)
    moved = Offset(source=Jump(), head_pose=ahead, expression_units=0.5)(FRAMES)
    torch.testing.assert_close(moved.head_pose @ torch.linalg.inv(ahead), given.head_pose)
    torch.testing.assert_close(moved.expression, given.expression + 0.5)
    assert (moved.torso == given.torso).all()


def test_a_scale_goes_part_of_the_way_from_rest() -> None:
    half = Scale(source=Jump(), rest=torch.eye(4), head_pose=0.5, expression_units=0.5)(FRAMES)
    expected = rotation_vector_to_matrix(torch.tensor([[0.0, 0.1, 0.0]]))[0]
    torch.testing.assert_close(half.head_pose[20, :3, :3], expected, atol=1e-5, rtol=0)
    assert half.head_pose[20, 0, 3] == pytest.approx(0.005)
    assert half.expression[20, 0] == 1.5
    same = Scale(source=Jump(), rest=torch.eye(4))(FRAMES)
    assert (same.head_pose == Jump()(FRAMES).head_pose).all()


def test_a_clamp_keeps_within_limits() -> None:
    kept = Clamp(source=Jump(), low=torch.full((6,), 0.5), high=torch.full((6,), 2.0))(FRAMES)
    assert kept.expression[0].tolist() == [0.5] * 6
    assert kept.expression[20].tolist() == [2.0] * 6


def test_an_eased_jump_takes_as_many_frames_as_it_was_given() -> None:
    eased = Ease(source=Jump(), count=5)(FRAMES)
    steps = eased.expression[1:, 0] - eased.expression[:-1, 0]
    assert steps.max() == pytest.approx(3 / 5)
    assert (steps > 0).nonzero().flatten().tolist() == [9, 10, 11, 12, 13]
    rotations = eased.head_pose[:, :3, :3]
    torch.testing.assert_close(
        rotations @ rotations.mT, torch.eye(3).expand(30, 3, 3), atol=1e-5, rtol=0
    )
    pieces = [Ease(source=Jump(), count=5)(part).expression for part in FRAMES.split(7)]
    torch.testing.assert_close(torch.cat(pieces), eased.expression)
