"""Poses are aligned with the whole head: a turn that hardly shows in the face shows in the hair."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from instag.capture.tracking.head_alignment import VIEWS, align_head, turned_apart
from instag.data.clip import Clip
from instag.ops.rigid_poses import Poses, camera_to_head, head_to_camera
from instag.perception.face_mesh import Landmarks
from instag.perception.skin_flow import SKIN
from instag.types import Track
from shared_files import copied_clip

FRAMES = 40
FACE = np.array([0.0, 0.0, 0.04])


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return copied_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=FRAMES, size=192)


def landmarks_of(track: Track) -> Landmarks:
    flow = np.full((len(track.found), len(SKIN), 2), np.nan, np.float32)
    return Landmarks(points=track.landmarks, found=track.found, flow=flow)


def turned_wrongly(track: Track) -> Track:
    """Each frame turned by up to 1.5 degrees about the middle of the face, which hardly moves."""
    time, poses = np.arange(FRAMES) / 25, head_to_camera(track)
    turn = np.stack([1.5 * np.sin(5 * time), 1.2 * np.cos(4 * time), 0 * time], 1)
    wrong = (
        Rotation.from_euler("xyz", turn, degrees=True) * Rotation.from_matrix(poses.rotations)
    ).as_matrix()
    moved = poses.translations + poses.rotations @ FACE - wrong @ FACE
    rotations, translations = camera_to_head(Poses(rotations=wrong, translations=moved))
    return replace(track, rotations=rotations, translations=translations)


def degrees_off(track: Track, truth: Track) -> np.ndarray:
    """The root mean square of the turns between two tracks about x, y and z, degrees; what is the
    same in all frames does not count."""
    one, other = (Rotation.from_matrix(head_to_camera(each).rotations) for each in (track, truth))
    turns = (one * other.inv()).as_rotvec(degrees=True)
    return np.sqrt(((turns - np.median(turns, axis=0)) ** 2).mean(0))


def test_nods_that_hardly_show_in_the_face_are_found(clip):
    truth = clip.track()
    wrong = turned_wrongly(truth)
    clip.save_track(wrong)
    aligned = align_head(clip, landmarks_of(truth))
    clip.save_track(truth)
    assert degrees_off(wrong, truth)[0] > 0.9
    assert degrees_off(aligned, truth)[0] < 0.6 * degrees_off(wrong, truth)[0]


def test_right_poses_stay_within_a_degree(clip):
    truth = clip.track()
    assert degrees_off(align_head(clip, landmarks_of(truth)), truth).max() < 1.0


def test_few_frames_stay_as_they_are(clip):
    track = clip.track()
    seen = np.zeros(FRAMES, bool)
    seen[: VIEWS - 1] = True
    clip.save_track(replace(track, found=seen))
    assert np.array_equal(align_head(clip, landmarks_of(track)).rotations, track.rotations)
    clip.save_track(track)


def test_views_are_turned_apart(clip):
    track = clip.track()
    yaw = head_to_camera(track).rotations[:, 0, 2]
    poses = np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
    poses[:, :3, :3] = head_to_camera(track).rotations
    chosen = turned_apart(track, torch.from_numpy(poses))
    assert len(set(chosen)) == VIEWS
    assert np.ptp(yaw[chosen]) > 0.9 * np.ptp(yaw)
