"""Controls of a speaking head: a replay without jumps, stillness, blinks where there are too
few."""

import pytest
import torch

from instag.ops.rotations import rotation_vector_to_matrix
from instag.synthesis.control_filters import FURTHER, EaseTurns
from instag.synthesis.controls import (
    FrameControls,
    PoseFrom,
    Replay,
    Still,
    WithBlinks,
    ping_pong,
)
from instag.synthesis.pose_interpolation import interpolate_poses


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
    held = Still(viewmats=poses(10), expressions=torch.rand(10, 6))(torch.arange(40))
    assert (held.head_pose == held.head_pose[:1]).all()
    assert (held.expression == held.expression[:1]).all()
    assert len(set(held.torso.tolist())) == 1


def test_a_pose_comes_with_its_torso():
    expressions = torch.rand(10, 6)
    still = Still(viewmats=poses(10), expressions=expressions)
    played = Replay(viewmats=poses(10), expressions=expressions)
    frames = torch.arange(40)
    both = PoseFrom(pose=still, rest=played)(frames)
    assert (both.head_pose == still(frames).head_pose).all()
    assert (both.torso == still(frames).torso).all()
    assert (both.expression == played(frames).expression).all()


def test_blinks_are_added_where_none_is_played():
    open_eyes, frames = torch.zeros(125, 6), torch.arange(500)
    played = Replay(viewmats=poses(125), expressions=open_eyes)
    assert (played(frames).merged_expression() == 0).all()
    assert WithBlinks(source=played)(frames).merged_expression()[:, 5].max() > 1.9
    still = Still(viewmats=poses(125), expressions=open_eyes)
    assert WithBlinks(source=still)(frames).merged_expression()[:, 5].max() > 1.9
    closed = open_eyes.clone()
    closed[::20, 5] = 2.5
    lively = Replay(viewmats=poses(125), expressions=closed)
    assert (
        WithBlinks(source=lively)(frames).merged_expression() == lively(frames).merged_expression()
    ).all()


def test_the_stronger_of_two_blinks_is_shown():
    controls = FrameControls(
        head_pose=poses(2),
        expression=torch.tensor([[1.0, 1, 1, 1, 1, 0.5]] * 2),
        blink=torch.tensor([0.0, 1.0]),
        torso=torch.zeros(2, dtype=torch.long),
    )
    assert controls.merged_expression()[:, 5].tolist() == [0.5, 2.0]
    assert controls.merged_expression()[1, 2] == 0  # closed eyes are not wide


def test_any_batches_give_the_same_controls():
    played = WithBlinks(source=Replay(viewmats=poses(30), expressions=torch.zeros(30, 6)))
    whole = played(torch.arange(300)).merged_expression()
    pieces = [played(part).merged_expression() for part in torch.arange(300).split(7)]
    assert (torch.cat(pieces) == whole).all()


def test_turns_within_those_seen_stay_and_others_are_eased_back():
    seen = Replay(viewmats=poses(30), expressions=torch.zeros(30, 6))
    frames = torch.arange(30)
    eased = EaseTurns.to_seen(seen, poses(30))
    assert (eased(frames).head_pose == seen(frames).head_pose).all()
    far = poses(400)
    far[:, :3, :3] = rotation_vector_to_matrix(
        torch.linspace(-2.5, 2.5, 400)[:, None] * torch.tensor([0.0, 1.0, 0.0])
    )
    asked = Replay(viewmats=far, expressions=torch.zeros(400, 6))
    shown = EaseTurns.to_seen(asked, poses(30))(torch.arange(390)).head_pose
    yaw = torch.atan2(shown[:, 0, 2], shown[:, 0, 0])
    assert yaw.min() > -FURTHER - 2e-3
    assert yaw.max() < 0.3 + FURTHER + 2e-3
    assert (yaw[1:] - yaw[:-1]).abs().max() < 0.04  # no jump where easing begins
    torch.testing.assert_close(
        shown[:, :3, :3] @ shown[:, :3, :3].mT, torch.eye(3).expand(390, 3, 3)
    )
