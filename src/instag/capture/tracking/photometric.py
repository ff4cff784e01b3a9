"""Photometric alignment: the pose of one picture from a known texture, by Gauss-Newton.

The conventions are those of `bundle_adjustment`: X = R s + t, OpenGL axes, poses updated by R <-
exp(w) R, t <- t + dt, 6-vectors [w, dt]. The picture's contrast against the texture is estimated in
each iteration; residuals have Cauchy weights (Lucas and Kanade 1981; Baker and Matthews 2004,
forwards compositional).
"""

from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
from jaxtyping import Float

from instag.capture.tracking import photometric_kernels as kernels
from instag.capture.tracking.skin_features import Detail, SkinPoints, Texture


@dataclass(frozen=True, kw_only=True)
class Intrinsics:
    """Focal length and principal point in pixels."""

    focal: float
    center: Float[np.ndarray, "2"]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """One pose, head to camera: rotation matrix, translation in metres."""

    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """What a picture shows in one pose: each point's band-passed brightness over the picture's
    contrast (undefined where it is not visible), and its visibility in [0, 1]."""

    values: Float[np.ndarray, " s"]
    weights: Float[np.ndarray, " s"]


@dataclass(frozen=True, kw_only=True)
class Linearization:
    """Residuals of a picture against a texture in one pose, linearized in the pose.

    hessian, gradient: the normal equations of [w, dt]. cost: mean robust residual, 0 where picture
    and texture agree.
    """

    hessian: Float[np.ndarray, "6 6"]
    gradient: Float[np.ndarray, "6"]
    cost: float


@dataclass(frozen=True, kw_only=True)
class ImageGradients:
    """A picture's band-passed brightness with its derivatives by x and y (Scharr), pixel by
    pixel."""

    detail: Detail
    table: Float[np.ndarray, "h w 3"]

    @classmethod
    def of(cls, detail: Detail) -> "ImageGradients":
        across, down = (
            cv2.Scharr(detail.image, cv2.CV_32F, *order, scale=1 / 32) for order in ((1, 0), (0, 1))
        )
        return cls(detail=detail, table=cv2.merge([detail.image, across, down]))

    def intrinsics(self, whole: Intrinsics) -> Float[np.ndarray, "3"]:
        """Focal length and principal point, x and y, of this part of the whole picture."""
        left, top = whole.center[0] - self.detail.left, whole.center[1] - self.detail.top
        return np.array([whole.focal, left, top])


def look(
    gradients: ImageGradients,
    points: SkinPoints,
    texture: Texture | None,
    pose: Pose,
    intrinsics: Intrinsics,
) -> Appearance:
    """What a picture shows in a pose; its contrast is 1 where no texture is known."""
    samples, contrast = _Samples.of(points), 1.0
    samples.see(gradients, pose.rotation, pose.translation, intrinsics)
    if texture is not None:
        contrast = kernels.contrast_of(
            samples.values, samples.weights, texture.values, texture.variances
        )
    return Appearance(values=samples.values / contrast, weights=samples.weights)


def linearize(
    gradients: ImageGradients,
    points: SkinPoints,
    texture: Texture,
    pose: Pose,
    intrinsics: Intrinsics,
) -> Linearization:
    """Compare a picture with a texture in a pose, and differentiate by the pose."""
    samples = _Samples.of(points)
    samples.take(gradients, pose.rotation, pose.translation, intrinsics)
    equations = samples.compare(texture)
    return Linearization(
        hessian=equations.hessian,
        gradient=equations.gradient,
        cost=kernels.mean_cost(
            samples.values, samples.weights, texture.values, texture.variances, equations.contrast
        ),
    )


def align_image(
    gradients: ImageGradients,
    points: SkinPoints,
    texture: Texture,
    pose: Pose,
    intrinsics: Intrinsics,
    *,
    iterations: int,
    first: Linearization | None = None,
) -> Pose:
    """The pose after `iterations` steps of Gauss-Newton; it converges from within about two pixels.
    first: the linearization in `pose`, where it is known."""
    rotation, translation = pose.rotation.copy(), pose.translation.copy()
    samples = _Samples.of(points)
    for number in range(iterations):
        found = first if number == 0 else None
        if found is None:
            samples.take(gradients, rotation, translation, intrinsics)
            found = samples.compare(texture)
        kernels.step(found.hessian, found.gradient, rotation, translation)
    return Pose(rotation=rotation, translation=translation)


@final
@dataclass(frozen=True, kw_only=True)
class _Equations:
    """The normal equations of a pose, and the picture's contrast against the texture."""

    hessian: Float[np.ndarray, "6 6"]
    gradient: Float[np.ndarray, "6"]
    contrast: float


@final
@dataclass(frozen=True, kw_only=True)
class _Samples:
    """What a picture shows at points, overwritten for each pose. places: columns, rows, and pixels
    of a metre. shown: brightness, and its derivatives by x and y. weights: visibility. jacobian:
    derivatives by the pose."""

    points: SkinPoints
    places: Float[np.ndarray, "3 s"]
    shown: Float[np.ndarray, "3 s"]
    weights: Float[np.ndarray, " s"]
    jacobian: Float[np.ndarray, "6 s"]

    @classmethod
    def of(cls, points: SkinPoints) -> "_Samples":
        count = len(points.positions)
        return cls(
            points=points,
            places=np.empty((3, count)),
            shown=np.empty((3, count)),
            weights=np.empty(count),
            jacobian=np.empty((6, count)),
        )

    @property
    def values(self) -> Float[np.ndarray, " s"]:
        return self.shown[0]

    def see(
        self,
        gradients: ImageGradients,
        rotation: Float[np.ndarray, "3 3"],
        translation: Float[np.ndarray, "3"],
        intrinsics: Intrinsics,
    ) -> None:
        """All but the derivatives by the pose."""
        columns, rows, scales = self.places
        values, across, down = self.shown
        height, width = gradients.table.shape[:2]
        kernels.project(
            self.points.positions,
            self.points.normals,
            rotation,
            translation,
            gradients.intrinsics(intrinsics),
            (width, height),
            columns,
            rows,
            scales,
            self.weights,
        )
        kernels.interpolate(gradients.table, columns, rows, values, across, down)

    def take(
        self,
        gradients: ImageGradients,
        rotation: Float[np.ndarray, "3 3"],
        translation: Float[np.ndarray, "3"],
        intrinsics: Intrinsics,
    ) -> None:
        """All of it."""
        self.see(gradients, rotation, translation, intrinsics)
        scales, (_, across, down) = self.places[2], self.shown
        kernels.differentiate(
            self.points.positions, rotation, translation, scales, across, down, self.jacobian
        )

    def compare(self, texture: Texture) -> _Equations:
        hessian, gradient = np.empty((6, 6)), np.empty(6)
        contrast = kernels.compare(
            self.values,
            self.weights,
            self.jacobian,
            texture.values,
            texture.variances,
            hessian,
            gradient,
        )
        return _Equations(hessian=hessian, gradient=gradient, contrast=contrast)
