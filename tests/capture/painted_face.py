"""A face with a texture of its own, painted in any pose: what photometric alignment is tested
on."""

import numpy as np

from instag.capture.geometry.from_mesh import face_triangles, render
from instag.capture.tracking.photometric import Intrinsics, Pose
from instag.ops.rigid_poses import Poses
from instag.synthetic.face import CANONICAL_FACE

SIZE = 128
INTRINSICS = Intrinsics(focal=320.0, center=np.array([SIZE / 2, SIZE / 2]))
DISTANCE = 0.8


def face_at_rest() -> np.ndarray:
    """MediaPipe's canonical face in metres, about the origin; the irises' ten points lie at the
    eyes."""
    with np.load(CANONICAL_FACE) as stored:
        vertices = stored["vertices"].astype(np.float64) / 100
    return np.concatenate([vertices, np.repeat(vertices[[159, 386]], 5, axis=0)])


def brightness() -> np.ndarray:
    """A brightness for each point of the mesh, 40..215."""
    return np.random.default_rng(5).uniform(40, 215, 468)


def paint(pose: Pose, *, contrast: float = 1.0, shade: float = 0.0) -> np.ndarray:
    """The picture of the face in a pose, RGB."""
    shape = face_at_rest()[:468] @ pose.rotation.T + pose.translation
    linearized = np.stack([brightness(), np.full(468, 255.0), np.zeros(468)], -1)
    seen = render(shape, linearized, face_triangles(), INTRINSICS.focal, (SIZE, SIZE))
    ratio = seen.normal[..., 0] / np.maximum(seen.normal[..., 1], 1e-6) * 255
    grey = np.where(seen.valid, np.clip(shade + contrast * ratio, 0, 255), 90).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def pose_of(poses: Poses, index: int) -> Pose:
    return Pose(rotation=poses.rotations[index], translation=poses.translations[index])
