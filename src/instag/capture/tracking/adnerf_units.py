"""Units of AD-NeRF's face tracker, which the family's data sets share."""

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

TRANS_PER_METRE = 10.0


def head_to_camera(
    matrices: Float[np.ndarray, "f 4 4"],
) -> tuple[Float[np.ndarray, "f 3"], Float[np.ndarray, "f 3"]]:
    """The angles and translations (metres) of camera-to-world matrices: `camera_to_world`
    undone."""
    forward = matrices[:, :3, :3].transpose(0, 2, 1)
    euler = Rotation.from_matrix(forward).as_euler("XYZ") * (-1, -1, 1)
    return euler, -np.einsum("fij,fj->fi", forward, matrices[:, :3, 3])
