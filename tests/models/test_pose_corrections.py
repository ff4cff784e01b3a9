"""Corrections of poses: nothing at first, rigid always, and no part that all frames share."""

import torch

from instag.models.pose_corrections import METRE, PoseCorrections
from instag.types import Camera


def camera(frames: int) -> Camera:
    viewmats = torch.eye(4).repeat(frames, 1, 1)
    viewmats[:, 2, 3] = 1.0
    return Camera(viewmats=viewmats, Ks=torch.eye(3).repeat(frames, 1, 1), width=8, height=8)


def test_fresh_corrections_change_nothing():
    poses = PoseCorrections(5)
    torch.testing.assert_close(poses(camera(2), torch.tensor([0, 4])).viewmats, camera(2).viewmats)


def test_what_all_frames_share_is_taken_out():
    poses = PoseCorrections(3)
    with torch.no_grad():
        poses.changes.add_(torch.tensor([0.1, 0.0, 0.2, 1.0, 0.0, 0.0]))
    torch.testing.assert_close(poses(camera(3), torch.arange(3)).viewmats, camera(3).viewmats)


def test_corrections_are_rigid_and_in_metres():
    poses = PoseCorrections(2)
    with torch.no_grad():
        poses.changes[0, 3], poses.changes[1, 3] = 1.0, -1.0
        poses.changes[0, 1], poses.changes[1, 1] = 0.3, -0.3
    deform = poses(camera(2), torch.arange(2)).viewmats
    rotation = deform[:, :3, :3]
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).expand(2, 3, 3))
    torch.testing.assert_close(deform[0, :3, 3], torch.tensor([METRE, 0.0, 1.0]))
