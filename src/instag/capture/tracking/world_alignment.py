"""World alignment: the similarity that brings our resting face into another tracker's world, so
that its poses and our landmarks fit together.

Another tracker's poses have their own origin, axes and unit, and come without our 478 points. Our
tracker finds the points in its own world; the similarity minimises their reprojection error through
the other tracker's poses.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from instag.capture.tracking.bundle_adjustment import Rig, project
from instag.capture.tracking.fit_head import RIGID
from instag.observed import Track
from instag.ops.rigid_poses import Poses, head_to_camera

FRAMES = 60
"""Frames, evenly spaced, that the similarity is fitted to."""


@dataclass(frozen=True, kw_only=True)
class WorldAlignment:
    """The resting face in the other world. unit: units of that world in one metre. error: root mean
    square of the reprojection error in pixels."""

    identity: Float[np.ndarray, "478 3"]
    unit: float
    error: float


@dataclass(frozen=True, kw_only=True)
class _Similarity:
    """x -> unit R x + shift, from our world to the other."""

    unit: float
    rotation: Rotation
    shift: Float[np.ndarray, "3"]

    def corrected(
        self, x: Float[np.ndarray, "7"], points: Float[np.ndarray, "p 3"]
    ) -> Float[np.ndarray, "p 3"]:
        """Points in the other world, after a correction [log scale, rotation vector, translation in
        our metres]."""
        turned = Rotation.from_rotvec(x[1:4]).apply(self.rotation.apply(points))
        return np.exp(x[0]) * self.unit * turned + self.shift + self.unit * x[4:]


def align_world(
    own: Track, matrices: Float[np.ndarray, "f 4 4"], focal: float, size: tuple[int, int]
) -> WorldAlignment:
    """Align our track with the poses of another tracker of the same frames: `matrices` (camera to
    world) and `focal` (pixels). `size`: width and height in pixels."""
    chosen = np.unique(np.linspace(0, len(matrices) - 1, FRAMES).round().astype(int))
    other_poses = _head_to_camera(matrices).select(chosen)
    own_poses = head_to_camera(own).select(chosen)
    center = np.array([size[0] / 2, size[1] / 2])
    landmarks = own.landmarks[chosen][:, RIGID, :2].astype(np.float64)
    shape = own.identity.astype(np.float64)
    start = _closed_form(own_poses, other_poses, focal / own.focal)

    def residuals(x: Float[np.ndarray, "7"]) -> Float[np.ndarray, " r"]:
        rig = Rig(shape=start.corrected(x, shape)[list(RIGID)], focal=focal, center=center)
        return (project(rig, other_poses) - landmarks).ravel()

    found = least_squares(
        residuals,
        np.zeros(7),
        loss="soft_l1",
        f_scale=2.0,
        x_scale=[0.05, 0.05, 0.05, 0.05, 0.01, 0.01, 0.01],
    )
    final = residuals(found.x).reshape(-1, 2)
    return WorldAlignment(
        identity=start.corrected(found.x, shape).astype(np.float32),
        unit=float(np.exp(found.x[0]) * start.unit),
        error=float(np.sqrt(np.square(final).sum(-1).mean())),
    )


def _closed_form(own_poses: Poses, other_poses: Poses, zoom: float) -> _Similarity:
    """A first similarity from both trackers' poses of the same frames. zoom: the other focal length
    over ours, which scales distances."""
    rotation = Rotation.from_matrix(
        np.einsum("fji,fjk->fik", other_poses.rotations, own_poses.rotations)
    ).mean()
    translations = own_poses.translations * [1, 1, zoom]
    unit = float(
        np.median(
            np.linalg.norm(other_poses.translations, axis=-1)
            / np.linalg.norm(translations, axis=-1)
        )
    )
    shift = np.einsum(
        "fji,fj->fi", other_poses.rotations, unit * translations - other_poses.translations
    ).mean(0)
    return _Similarity(unit=unit, rotation=rotation, shift=shift)


def _head_to_camera(matrices: Float[np.ndarray, "f 4 4"]) -> Poses:
    """Camera-to-world matrices inverted."""
    rotations = matrices[:, :3, :3].transpose(0, 2, 1)
    return Poses(
        rotations=rotations, translations=-np.einsum("fij,fj->fi", rotations, matrices[:, :3, 3])
    )
