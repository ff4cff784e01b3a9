"""Smoothing of a pose track with a penalty on its second differences, weighted against each pose's
own information.

The penalty on the second differences [w, dt] is `stiffness` times the mean information of a frame;
that of a turn or a nod, far larger than most, is less (Cauchy). Frames without information depend
on their neighbours. It is AD-NeRF's Laplacian term, solved for the whole clip at once.
"""

import numpy as np
from jaxtyping import Float

from instag.capture.tracking.pose_smoothing import PoseSystem, robust_stiffness, second_differences
from instag.ops.rigid_poses import Poses

ITERATIONS = 3


def smooth_track(poses: Poses, information: Float[np.ndarray, "f 6 6"], stiffness: float) -> Poses:
    """The smoothed poses. information: that of each measured pose, over [w, dt] in radians and
    metres; 0 where there is none."""
    frames = len(information)
    if frames < 3 or not information.any():
        return poses
    mean_information = information[information.any((1, 2))].mean(0)
    mean_information = mean_information + 1e-9 * np.trace(mean_information) * np.eye(6)
    measured = poses
    for _ in range(ITERATIONS):
        accelerations = second_differences(poses)
        gradient = np.einsum("fij,fj->fi", information, poses.updates_to(measured))
        system = PoseSystem(
            diagonal=information + 1e-9 * mean_information,
            off_diagonal=np.zeros((frames - 1, 6, 6)),
            gradient=gradient,
            mean_information=mean_information,
        )
        poses = poses.updated(
            system.solve(
                accelerations, robust_stiffness(accelerations, mean_information, stiffness)
            )
        )
    return poses
