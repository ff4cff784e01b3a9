"""Rigid head poses, and their updates by rotation vectors and translations."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from instag.observed import Track


@dataclass(frozen=True, kw_only=True)
class Poses:
    """Head to camera: rotations and translations in metres."""

    rotations: Float[np.ndarray, "f 3 3"]
    translations: Float[np.ndarray, "f 3"]

    def updated(self, steps: Float[np.ndarray, "f 6"]) -> "Poses":
        """The poses after the updates [w, dt] (radians, metres): R <- exp(w) R, t <- t + dt."""
        return Poses(
            rotations=Rotation.from_rotvec(steps[:, :3]).as_matrix() @ self.rotations,
            translations=self.translations + steps[:, 3:],
        )

    def updates_to(self, others: "Poses") -> Float[np.ndarray, "f 6"]:
        """The updates [w, dt] from these poses to others."""
        turns = Rotation.from_matrix(
            others.rotations @ self.rotations.transpose(0, 2, 1)
        ).as_rotvec()
        return np.concatenate([turns, others.translations - self.translations], -1)

    def select(self, index: np.ndarray) -> "Poses":
        """The poses of these frames."""
        return Poses(rotations=self.rotations[index], translations=self.translations[index])


def head_to_camera(track: Track) -> Poses:
    """The inverses of a track's poses, as projection needs them."""
    rotations = track.rotations.astype(np.float64).transpose(0, 2, 1)
    return Poses(
        rotations=rotations,
        translations=-np.einsum("fij,fj->fi", rotations, track.translations.astype(np.float64)),
    )


def camera_to_head(poses: Poses) -> tuple[Float[np.ndarray, "f 3 3"], Float[np.ndarray, "f 3"]]:
    """Rotations and translations as a Track keeps them, float32: `head_to_camera` inverted."""
    rotations = poses.rotations.transpose(0, 2, 1)
    translations = -np.einsum("fij,fj->fi", rotations, poses.translations)
    return rotations.astype(np.float32), translations.astype(np.float32)
