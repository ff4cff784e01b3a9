"""Even motion: poses drawn toward moving without jerks, each by as much as is not known of it.

The second differences of the poses [w, dt] are pulled toward zero with `stiffness` times what a
typical frame knows of its pose; those of a turn or a nod, far larger than most, with less (Cauchy).
Frames that know nothing of their pose follow their neighbours. It is AD-NeRF's Laplacian term,
solved for the whole clip at once.
"""

import numpy as np
from jaxtyping import Float

from instag.capture.tracking.bundle_adjustment import Chain, forces_on, second_differences
from instag.ops.rigid_poses import Poses

ROUNDS = 3


def smoothed(poses: Poses, known: Float[np.ndarray, "f 6 6"], stiffness: float) -> Poses:
    """known: information on each pose (1 for [w, dt] in radians and metres) about the pose as it is
    given, 0 where there is none."""
    frames = len(known)
    if frames < 3 or not known.any():
        return poses
    typical = known[known.any((1, 2))].mean(0)
    typical = typical + 1e-9 * np.trace(typical) * np.eye(6)
    begun = poses
    for _ in range(ROUNDS):
        bends = second_differences(poses)
        gradient = np.einsum("fij,fj->fi", known, poses.steps_to(begun))
        chain = Chain(
            own=known + 1e-9 * typical,
            following=np.zeros((frames - 1, 6, 6)),
            gradient=gradient,
            typical=typical,
        )
        poses = poses.moved(chain.solve(bends, forces_on(bends, typical, stiffness)))
    return poses
