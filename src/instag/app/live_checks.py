"""Live checks of a picture before it is recorded: one face, near enough, lit, whole."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import UInt8

from instag.capture.quality.picture import judge_picture
from instag.perception.face_detector import FAR, FaceDetector
from instag.perception.face_mesh import points_of
from instag.perception.mesh_network import MeshNetwork

ALSO_FACES = 0.25
"""Faces lower than this share of the highest one are far behind, or no faces."""


@final
@dataclass(frozen=True, kw_only=True)
class Check:
    """aspect: "face", "face size", "light" or "framing". grade: good, fair or poor. message: what
    to do; empty where all is well."""

    aspect: str
    grade: str
    message: str = ""


@final
@dataclass(frozen=True, kw_only=True)
class Checks:
    """box: left, top, right and bottom of the face as shares of the picture; None without one."""

    checks: tuple[Check, ...]
    box: tuple[float, float, float, float] | None


@final
class LiveChecks:
    """Checks pictures one by one; in one thread."""

    def __init__(self) -> None:
        self._detector, self._mesh = FaceDetector(FAR), MeshNetwork()

    def __call__(self, image: UInt8[np.ndarray, "h w 3"], scale: float = 1.0) -> Checks:
        """scale: pixels of the camera's picture over those of this RGB picture."""
        faces = self._detector(image)
        if not faces:
            return _without_face("No face is seen. Look into the camera, with light on your face.")
        nearest = max(faces, key=lambda face: face.height)
        others = [face for face in faces if face.height > ALSO_FACES * nearest.height]
        points = points_of(self._mesh, image, nearest)
        if points is None:
            return _without_face("The face is hardly seen. Turn to the camera, with more light.")
        checks = [_alone(len(others))]
        found = judge_picture(image, points, scale)
        for aspect in ("face size", "light", "framing"):
            worst = next((each for each in found if each.aspect == aspect), None)
            checks.append(
                Check(aspect=aspect, grade="good")
                if worst is None
                else Check(aspect=aspect, grade=worst.grade.value, message=worst.message)
            )
        height, width = image.shape[:2]
        left, top, right, bottom = (nearest.box / (width, height, width, height)).tolist()
        return Checks(checks=tuple(checks), box=(left, top, right, bottom))


def _alone(faces: int) -> Check:
    if faces == 1:
        return Check(aspect="face", grade="good")
    return Check(
        aspect="face", grade="poor", message=f"{faces} faces are seen. Only one may be in view."
    )


def _without_face(message: str) -> Checks:
    return Checks(checks=(Check(aspect="face", grade="poor", message=message),), box=None)
