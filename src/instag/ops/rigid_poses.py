"""Rigid head poses: rotation vectors and translations, and the cameras that they stand for."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from instag.types import Track


@dataclass(frozen=True, kw_only=True)
class Poses:
    """Head to camera: rotations and translations in metres."""

    rotations: Float[np.ndarray, "f 3 3"]
    translations: Float[np.ndarray, "f 3"]

    def moved(self, steps: Float[np.ndarray, "f 6"]) -> "Poses":
        """The poses after the updates [w, dt]."""
        return Poses(
            rotations=Rotation.from_rotvec(steps[:, :3]).as_matrix() @ self.rotations,
            translations=self.translations + steps[:, 3:],
        )

    def steps_to(self, others: "Poses") -> Float[np.ndarray, "f 6"]:
        """The updates [w, dt] that lead to other poses."""
        turns = Rotation.from_matrix(
            others.rotations @ self.rotations.transpose(0, 2, 1)
        ).as_rotvec()
        return np.concatenate([turns, others.translations - self.translations], -1)

    def taken(self, index: np.ndarray) -> "Poses":
        return Poses(rotations=self.rotations[index], translations=self.translations[index])


def head_to_camera(track: Track) -> Poses:
    """A track's poses the other way round, as projection needs them."""
    rotations = track.rotations.astype(np.float64).transpose(0, 2, 1)
    return Poses(
        rotations=rotations,
        translations=-np.einsum("fij,fj->fi", rotations, track.translations.astype(np.float64)),
    )
