"""A head of points that moves as told: what tracking and action units are tested on."""

import numpy as np
from scipy.spatial.transform import Rotation

from instag.capture.tracking.bundle_adjustment import Rig, project
from instag.capture.tracking.fit_head import CHIN, FOREHEAD, INNER_EYES, LIPS, MIRRORED, NOSE_TIP
from instag.ops.rigid_poses import Poses
from instag.perception.face_mesh import Landmarks
from instag.perception.skin_flow import SKIN

SIZE = 256


def head_shape() -> np.ndarray:
    """478 points on the front of an ellipsoid, in the head's frame of reference, symmetric where
    tracking expects it."""
    generator = np.random.default_rng(3)
    directions = generator.normal(size=(478, 3))
    directions[:, 2] = np.abs(directions[:, 2])
    shape = directions / np.linalg.norm(directions, axis=-1, keepdims=True) * [
        0.075,
        0.09,
        0.08,
    ] - [0, 0, 0.02]
    for left, right in MIRRORED:
        shape[left, 0] = -abs(shape[left, 0])
        shape[right] = shape[left] * [-1, 1, 1]
    for point, (x, y, z) in {
        33: (-0.046, 0.025, 0.02),
        133: (-0.016, 0.025, 0.025),
        LIPS[0]: (-0.025, -0.045, 0.04),
        FOREHEAD: (0, 0.08, 0.03),
    }.items():
        shape[point] = x, y, z
    shape[263], shape[INNER_EYES[1]], shape[LIPS[1]], shape[CHIN] = (
        (0.046, 0.025, 0.02),
        (0.016, 0.025, 0.025),
        (0.025, -0.045, 0.04),
        (0, -0.09, 0.03),
    )
    shape[LIPS[2]], shape[LIPS[3]], shape[NOSE_TIP] = (
        (0, -0.035, 0.05),
        (0, -0.055, 0.05),
        (0, -0.01, 0.075),
    )
    return shape


def head_poses(turns: np.ndarray, distance: float = 0.8) -> Poses:
    """Head to camera: rotation vectors (f, 3) in radians, the head `distance` metres before the
    camera and swaying with the turn."""
    sway = np.stack([0.05 * turns[:, 1], 0.05 * turns[:, 0], np.full(len(turns), -distance)], -1)
    return Poses(rotations=Rotation.from_rotvec(turns).as_matrix(), translations=sway)


def nodding(frames: int, amplitude: float = 0.25) -> np.ndarray:
    """Rotation vectors of a head that nods, turns and tilts slowly."""
    time = np.arange(frames) / 25
    return amplitude * np.stack(
        [np.sin(2 * time), np.sin(1.3 * time + 1), 0.4 * np.sin(0.9 * time)], -1
    )


def seen(shapes: np.ndarray, poses: Poses, focal: float, jitter: float = 0.0) -> Landmarks:
    """Landmarks of a shape (478 3), or of one for each frame (f 478 3), with independent errors of
    `jitter` pixels; flow is exact."""
    shapes = np.broadcast_to(shapes, (len(poses.rotations), 478, 3))
    center = np.array([SIZE / 2, SIZE / 2])
    flat = np.concatenate(
        [
            project(Rig(shape=shape, focal=focal, center=center), poses.select(np.array([index])))
            for index, shape in enumerate(shapes)
        ]
    )
    depth = np.einsum("fij,fpj->fpi", poses.rotations, shapes)[..., 2]
    points = np.concatenate(
        [flat, -depth[..., None] * focal / -poses.translations[:, None, 2:]], -1
    )
    noise = jitter * np.random.default_rng(1).normal(size=points.shape)
    flow = np.concatenate([np.full((1, len(SKIN), 2), np.nan), np.diff(flat[:, SKIN], axis=0)])
    return Landmarks(
        points=(points + noise).astype(np.float32),
        found=np.ones(len(points), bool),
        flow=flow.astype(np.float32),
    )
