"""Even motion: poses drawn toward moving without jerks, each by as much as is not known of it.

The second differences of the poses [w, dt] are pulled toward zero with `stiffness` times what a typical frame knows of its pose; those of a turn or a nod, far
larger than most, with less (Cauchy). Frames that know nothing of their pose follow their neighbours. It is AD-NeRF's Laplacian term, solved for the whole
clip at once.
"""

import numpy as np
from jaxtyping import Float
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation

from instag.capture.bundle import Poses

TURN_SCALE = 3.0
"""Second differences this many times the median's size are pulled with half the force."""
ROUNDS = 3
PATTERN = (1.0, -2.0, 1.0)


def smoothed(poses: Poses, known: Float[np.ndarray, "f 6 6"], stiffness: float) -> Poses:
    """known: information on each pose (1 for [w, dt] in radians and metres) about the pose as it is given, 0 where there is none."""
    frames = len(known)
    if frames < 3 or not known.any():
        return poses
    typical = known[known.any((1, 2))].mean(0)
    typical = typical + 1e-9 * np.trace(typical) * np.eye(6)
    begun, forces = poses, np.full(frames - 2, stiffness)
    for _ in range(ROUNDS):
        bends = _bends(poses)
        size = np.einsum("fi,ij,fj->f", bends, typical, bends)
        forces = stiffness / (1 + size / (TURN_SCALE**2 * max(float(np.median(size)), 1e-12)))
        poses = poses.moved(_step(poses, begun, known, bends, forces, typical))
    return poses


def _step(
    poses: Poses, begun: Poses, known: Float[np.ndarray, "f 6 6"], bends: Float[np.ndarray, "h 6"], forces: Float[np.ndarray, " h"], typical: np.ndarray
) -> Float[np.ndarray, "f 6"]:
    frames = len(known)
    away = np.concatenate([_turns(poses.rotations, begun.rotations), begun.translations - poses.translations], -1)
    right = np.einsum("fij,fj->fi", known, away)
    blocks = np.zeros((3, frames, 6, 6))
    blocks[0] = known + 1e-9 * typical
    pull = forces[:, None] * (bends @ typical)
    for first in range(3):
        right[first : frames - 2 + first] -= PATTERN[first] * pull
        for second in range(first, 3):
            blocks[second - first, first : frames - 2 + first] += (PATTERN[first] * PATTERN[second] * forces)[:, None, None] * typical
    banded = np.zeros((18, 6 * frames))
    for offset in range(3):
        for row in range(6):
            for column in range(6):
                below = 6 * offset + column - row
                if below >= 0:
                    banded[below, row : 6 * (frames - offset) : 6] = blocks[offset, : frames - offset, row, column]
    return solveh_banded(banded, right.ravel(), lower=True).reshape(frames, 6)


def _bends(poses: Poses) -> Float[np.ndarray, "h 6"]:
    steps = _turns(poses.rotations[:-1], poses.rotations[1:])
    return np.concatenate([np.diff(steps, axis=0), np.diff(poses.translations, n=2, axis=0)], -1)


def _turns(before: Float[np.ndarray, "f 3 3"], after: Float[np.ndarray, "f 3 3"]) -> Float[np.ndarray, "f 3"]:
    return (Rotation.from_matrix(after) * Rotation.from_matrix(before).inv()).as_rotvec()
