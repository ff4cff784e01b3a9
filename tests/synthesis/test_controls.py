"""What moves the head while it speaks: there and back without a jump."""

import pytest
import torch

from instag.ops.rotations import rotation_vector_to_matrix
from instag.synthesis.controls import drive, interpolate_poses, ping_pong


@pytest.mark.parametrize("learned", [1, 2, 3, 10, 125, 750])
def test_stays_inside_and_never_jumps(learned):
    places = ping_pong(learned, torch.arange(5 * learned + 7))
    assert places.min() >= 0
    assert places.max() <= learned - 1
    assert (places[1:] - places[:-1]).abs().max() <= 1.5
    if learned >= 50:
        speed = places[1:] - places[:-1]
        assert (speed[1:] - speed[:-1]).abs().max() < 0.2


def test_visits_both_ends():
    places = ping_pong(100, torch.arange(400))
    assert places.min() < 0.5
    assert places.max() > 98.5


def poses(count: int) -> torch.Tensor:
    views = torch.eye(4).repeat(count, 1, 1)
    views[:, :3, :3] = rotation_vector_to_matrix(
        torch.linspace(0, 0.3, count)[:, None] * torch.tensor([0.0, 1.0, 0.0])
    )
    views[:, 2, 3] = torch.linspace(0.8, 0.9, count)
    return views


def test_poses_between_frames_are_rigid_and_half_way():
    views = poses(10)
    between = interpolate_poses(views, torch.tensor([2.5, 4.0, 9.0]))
    turned = between[:, :3, :3]
    torch.testing.assert_close(turned @ turned.mT, torch.eye(3).expand(3, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(between[1], views[4])
    torch.testing.assert_close(between[2], views[9])
    expected = rotation_vector_to_matrix(torch.tensor([[0.0, 0.3 * 2.5 / 9, 0.0]]))[0]
    torch.testing.assert_close(turned[0], expected, atol=1e-5, rtol=0)


def test_still_is_still():
    expression = torch.rand(10, 6)
    held = drive(poses(10), expression, torch.arange(40), pose="still", face="still")
    assert (held.viewmats == held.viewmats[:1]).all()
    assert (held.expression == held.expression[:1]).all()
    assert len(set(held.torso.tolist())) == 1


def test_blinks_are_added_where_there_are_too_few_and_they_are_asked_for():
    open_eyes, frames = torch.zeros(125, 6), torch.arange(500)
    assert (drive(poses(125), open_eyes, frames).expression == 0).all()
    assert drive(poses(125), open_eyes, frames, blinks=True).expression[:, 5].max() > 1.9
    assert (
        drive(poses(125), open_eyes, frames, face="still", blinks=True).expression[:, 5].max() > 1.9
    )
    lively = open_eyes.clone()
    lively[20:26, 5] = lively[80:86, 5] = 2.5
    torch.testing.assert_close(
        drive(poses(125), lively, frames, blinks=True).expression,
        drive(poses(125), lively, frames).expression,
    )
