"""Laying our resting face into another tracker's world, so that its poses and our landmarks belong
together.

Another tracker's poses come with its own origin, axes and unit, but not with our 478 points. Our
tracker finds the points in its own world; the similarity that best brings them back onto the
landmarks, seen through the other's poses, joins the two.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from instag.capture.tracking.bundle_adjustment import Rig, project
from instag.capture.tracking.fit_head import RIGID
from instag.ops.rigid_poses import Poses, head_to_camera
from instag.types import Track

FRAMES = 60
"""Frames, spread over the clip, that the similarity is fitted to."""


@dataclass(frozen=True, kw_only=True)
class WorldAlignment:
    """The resting face in the other world; unit: how many of its units make one of our metres;
    error: pixels, root mean square."""

    identity: Float[np.ndarray, "478 3"]
    unit: float
    error: float


def align_world(
    own: Track, matrices: Float[np.ndarray, "f 4 4"], focal: float, size: tuple[int, int]
) -> WorldAlignment:
    """`own` is our track of the same frames; `matrices` camera to world and `focal` (pixels) the
    other's; `size` width and height in pixels."""
    theirs = _forward(matrices)
    ours = head_to_camera(own)
    chosen = np.unique(np.linspace(0, len(matrices) - 1, FRAMES).round().astype(int))
    theirs, ours = theirs.taken(chosen), ours.taken(chosen)
    centre = np.array([size[0] / 2, size[1] / 2])
    seen = own.landmarks[chosen][:, RIGID, :2].astype(np.float64)
    shape = own.identity.astype(np.float64)

    turn = Rotation.from_matrix(np.einsum("fji,fjk->fik", theirs.rotations, ours.rotations)).mean()
    place = ours.translations * [1, 1, focal / own.focal]
    unit = float(
        np.median(np.linalg.norm(theirs.translations, axis=-1) / np.linalg.norm(place, axis=-1))
    )
    shift = np.einsum("fji,fj->fi", theirs.rotations, unit * place - theirs.translations).mean(0)

    def laid(x: Float[np.ndarray, "7"]) -> Float[np.ndarray, "p 3"]:
        return (
            np.exp(x[0]) * unit * Rotation.from_rotvec(x[1:4]).apply(turn.apply(shape))
            + shift
            + unit * x[4:]
        )

    def misses(x: Float[np.ndarray, "7"]) -> Float[np.ndarray, " r"]:
        return (
            project(Rig(shape=laid(x)[list(RIGID)], focal=focal, centre=centre), theirs) - seen
        ).ravel()

    found = least_squares(
        misses,
        np.zeros(7),
        loss="soft_l1",
        f_scale=2.0,
        x_scale=[0.05, 0.05, 0.05, 0.05, 0.01, 0.01, 0.01],
    )
    left = misses(found.x).reshape(-1, 2)
    error = float(np.sqrt(np.square(left).sum(-1).mean()))
    return WorldAlignment(
        identity=laid(found.x).astype(np.float32),
        unit=float(np.exp(found.x[0]) * unit),
        error=error,
    )


def _forward(matrices: Float[np.ndarray, "f 4 4"]) -> Poses:
    rotations = matrices[:, :3, :3].transpose(0, 2, 1)
    return Poses(
        rotations=rotations, translations=-np.einsum("fij,fj->fi", rotations, matrices[:, :3, 3])
    )
