"""A Track by the Basel face model: poses and focal length of the fitted model, in the frame of
reference of all tracks."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from instag.capture.tracking.adnerf_units import TRANS_PER_METRE, head_to_camera
from instag.capture.tracking.bfm.basel import load_model
from instag.capture.tracking.bfm.head import LandmarkTrack68, TrackedFace, track_face
from instag.capture.tracking.fit_head import to_head_frame
from instag.capture.tracking.world_alignment import align_world
from instag.data.clip import Clip
from instag.errors import CaptureError
from instag.observed import Track
from instag.ops.rigid_poses import Poses
from instag.ops.rigid_poses import head_to_camera as to_camera
from instag.runtime.array_files import write_arrays
from instag.runtime.device import device_named
from instag.runtime.progress import Report, silent

MAX_REPROJECTION_ERROR = 12.0
"""Largest reprojection error of the model's resting face in pixels of a 512 x 512 picture: beyond,
the fit has failed."""


def track_by_model(
    clip: Clip, track: Track, model: Path, coefficients: Path, report: Report = silent
) -> Track:
    """The track with poses and focal length of the fitted face model; landmarks and `found` stay
    those of `track`, our tracker's.

    Writes the fit to `coefficients` (npz): `id`, `exp`, `tex` (standard deviations), `light`, and,
    in the model's own frame of reference, `euler`, `trans` and `focal` as in AD-NeRF's
    track_params.pt. Raises AssetDamaged, CaptureError.
    """
    size = clip.size()
    seen = LandmarkTrack68(
        landmarks=track.landmarks68.astype(np.float64), found=track.found, size=size[0]
    )
    face = track_face(
        load_model(model, device_named()), seen, clip.frame, to_camera(track).rotations, report
    )
    poses = Poses(
        rotations=face.fit.rotations.cpu().numpy(), translations=face.fit.translations.cpu().numpy()
    )
    matrices = _camera_to_world(poses)
    aligned = align_world(track, matrices, face.fit.focal, size)
    if not np.isfinite(matrices).all() or aligned.error > MAX_REPROJECTION_ERROR * size[0] / 512:
        raise CaptureError(
            f"The Basel face model does not lie on the face of {clip.folder}: it misses the "
            f"landmarks by {aligned.error:.0f} pixels in the mean. "
            "Leave out --tracker bfm."
        )
    _save(coefficients, face, matrices)
    identity, poses = to_head_frame(aligned.identity.astype(np.float64), poses)
    matrices = _camera_to_world(poses)
    return replace(
        track,
        rotations=matrices[:, :3, :3].astype(np.float32),
        translations=matrices[:, :3, 3].astype(np.float32),
        identity=identity.astype(np.float32),
        focal=face.fit.focal,
    )


def _camera_to_world(poses: Poses) -> np.ndarray:
    matrices = np.tile(np.eye(4), (len(poses.rotations), 1, 1))
    matrices[:, :3, :3] = poses.rotations.transpose(0, 2, 1)
    matrices[:, :3, 3] = -np.einsum("fji,fj->fi", poses.rotations, poses.translations)
    return matrices


def _save(path: Path, face: TrackedFace, matrices: np.ndarray) -> None:
    euler, translations = head_to_camera(matrices)
    arrays = {
        "id": face.fit.identity[None].cpu().numpy(),
        "exp": face.fit.expressions.cpu().numpy(),
        "tex": face.texture[None].cpu().numpy(),
        "light": face.lights.transpose(1, 2).flatten(1).cpu().numpy(),
        "euler": euler,
        "trans": translations * TRANS_PER_METRE,
        "focal": np.array([face.fit.focal]),
        "colour_error": face.color_error.cpu().numpy(),
    }
    write_arrays(path, **{name: np.asarray(values, np.float32) for name, values in arrays.items()})
