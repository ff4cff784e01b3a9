"""Gauss-Newton steps of a face model's coefficients, poses and focal length.

Landmarks and colours give measurements of one form: for each point of each frame a gradient in the
picture (information x residual) and an information matrix (1/px^2). Poses are updated by
R <- exp(w) R, t <- t + dt. The unknowns of a frame are [w, dt, expression]; those that all frames
share are [identity, logarithm of the focal length]. Frames are eliminated by the Schur complement.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from instag.capture.tracking.bfm.basel import Bases
from instag.ops.rotations import cross_matrix, rotation_vector_to_matrix

POSE = 6
POSE_DAMPING = 1e-6
MAX_ROTATION_STEP, MAX_TRANSLATION_STEP, MAX_COEFFICIENT_STEP = 0.3, 0.15, 2.0
"""Limits of one step: radians, metres, standard deviations of a coefficient."""
MAX_LOG_FOCAL_STEP = 0.15
"""Limit of one step of the focal length (natural logarithm)."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A face model fitted to frames. identity, expressions: coefficients in standard deviations.
    rotations, translations: model to camera (x right, y up, looking along -z), metres. focal:
    pixels."""

    identity: Float[Tensor, " i"]
    expressions: Float[Tensor, "f e"]
    rotations: Float[Tensor, "f 3 3"]
    translations: Float[Tensor, "f 3"]
    focal: float

    def select(self, frames: Tensor | slice) -> "Fit":
        """The fit of these frames."""
        return replace(
            self,
            expressions=self.expressions[frames],
            rotations=self.rotations[frames],
            translations=self.translations[frames],
        )

    def with_frames(self, frames: Tensor | slice, part: "Fit") -> "Fit":
        """The fit with these frames replaced by those of `part`."""
        expressions, rotations, translations = (
            self.expressions.clone(),
            self.rotations.clone(),
            self.translations.clone(),
        )
        expressions[frames], rotations[frames], translations[frames] = (
            part.expressions,
            part.rotations,
            part.translations,
        )
        return replace(
            self, expressions=expressions, rotations=rotations, translations=translations
        )


@dataclass(frozen=True, kw_only=True)
class Projection:
    """Points of a fit: rotated into the camera's axes, in the camera's frame (metres), and in the
    picture (pixels, centres at +0.5)."""

    rotated: Float[Tensor, "f p 3"]
    camera: Float[Tensor, "f p 3"]
    pixels: Float[Tensor, "f p 2"]


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Measurements of points [p] or [f p] of the model: gradient (information x residual, 1/px) and
    information (1/px^2) of each pixel position."""

    points: Bases
    gradient: Float[Tensor, "f p 2"]
    information: Float[Tensor, "f p 2 2"]


@dataclass(frozen=True, kw_only=True)
class CoefficientPrior:
    """Gaussian priors as information (inverse variance): of expressions and identity (mean 0), and
    of the logarithm of the focal length (mean at `focal`, pixels)."""

    expression: float
    identity: float
    focal: float
    log_focal: float


@dataclass(frozen=True, kw_only=True)
class FrameEquations:
    """The normal equations of each frame's unknowns [w, dt, expression]."""

    hessian: Float[Tensor, "f o o"]
    gradient: Float[Tensor, "f o"]

    def pose(self) -> Float[Tensor, "f 6 6"]:
        """Information of each pose with the expression marginalised."""
        across = self.hessian[:, :POSE, POSE:]
        return self.hessian[:, :POSE, :POSE] - across @ torch.linalg.solve(
            self.hessian[:, POSE:, POSE:], across.transpose(1, 2)
        )


def vertex_positions(
    points: Bases, identity: Float[Tensor, " i"], expressions: Float[Tensor, "f e"]
) -> Float[Tensor, "f p 3"]:
    """Positions of points in the model's frame of reference, metres."""
    kind = "pec,fe->fpc" if points.mean.ndim == 2 else "fpec,fe->fpc"
    return (
        points.mean
        + torch.einsum("...ic,i->...c", points.identity, identity)
        + torch.einsum(kind, points.expression, expressions)
    )


def project(points: Bases, fit: Fit, center: Float[Tensor, "2"]) -> Projection:
    """Project points of a fit; `center` is the principal point in pixels."""
    rotated = vertex_positions(points, fit.identity, fit.expressions) @ fit.rotations.transpose(
        1, 2
    )
    camera = rotated + fit.translations[:, None]
    flat = fit.focal * camera[..., :2] / -camera[..., 2:]
    return Projection(
        rotated=rotated, camera=camera, pixels=center + flat * flat.new_tensor([1.0, -1.0])
    )


def jacobian_of_frames(points: Bases, fit: Fit, seen: Projection) -> Float[Tensor, "f p 2 o"]:
    """Derivatives of the pixels by the unknowns of the frames."""
    by_position = _jacobian_of_positions(fit, seen)
    return torch.cat(
        [
            by_position @ -cross_matrix(seen.rotated),
            by_position,
            by_position @ fit.rotations[:, None] @ points.expression.transpose(-1, -2),
        ],
        -1,
    )


def jacobian_of_shared(points: Bases, fit: Fit, seen: Projection) -> Float[Tensor, "f p 2 s"]:
    """Derivatives of the pixels by the identity and the logarithm of the focal length."""
    identity = (
        _jacobian_of_positions(fit, seen)
        @ fit.rotations[:, None]
        @ points.identity.transpose(-1, -2)
    )
    ratio = fit.focal * seen.camera[..., :2] / -seen.camera[..., 2:]
    return torch.cat([identity, (ratio * ratio.new_tensor([1.0, -1.0]))[..., None]], -1)


def _jacobian_of_positions(fit: Fit, seen: Projection) -> Float[Tensor, "f p 2 3"]:
    """Derivatives of the pixels by positions in the camera's frame."""
    scale = fit.focal / -seen.camera[..., 2]
    x, y = (scale * seen.camera[..., axis] / -seen.camera[..., 2] for axis in range(2))
    zero = torch.zeros_like(scale)
    return torch.stack([torch.stack([scale, zero, x], -1), torch.stack([zero, -scale, -y], -1)], -2)


def step_frames(
    fit: Fit,
    measurements: Sequence[Measurements],
    prior: CoefficientPrior,
    center: Float[Tensor, "2"],
    *,
    pose_only: bool = False,
) -> tuple[Fit, FrameEquations]:
    """One step of each frame, with identity and focal length fixed; with `pose_only` the
    expressions are fixed too."""
    hessian, gradient, _, _, _ = _normal_equations(fit, measurements, prior, center, shared=False)
    equations = FrameEquations(hessian=hessian, gradient=gradient)
    if pose_only:
        step = torch.linalg.solve(hessian[:, :POSE, :POSE], gradient[:, :POSE])
        step = torch.cat([step, torch.zeros_like(gradient[:, POSE:])], -1)
    else:
        step = torch.linalg.solve(hessian, gradient)
    return apply_step(fit, step), equations


def step_all(
    fit: Fit,
    measurements: Sequence[Measurements],
    prior: CoefficientPrior,
    center: Float[Tensor, "2"],
    *,
    fit_focal: bool,
) -> Fit:
    """One step of all frames together with the identity, and with the focal length if
    `fit_focal`."""
    hessian, gradient, mixed, shared, shared_gradient = _normal_equations(
        fit, measurements, prior, center, shared=True
    )
    if not fit_focal:
        mixed, shared, shared_gradient = mixed[..., :-1], shared[:-1, :-1], shared_gradient[:-1]
    solved = torch.linalg.solve(hessian, torch.cat([mixed, gradient[..., None]], -1))
    reduced = shared - torch.einsum("fos,fot->st", mixed, solved[..., :-1])
    step = torch.linalg.solve(
        reduced, shared_gradient - torch.einsum("fos,fo->s", mixed, solved[..., -1])
    )
    frame_step = solved[..., -1] - solved[..., :-1] @ step
    if fit_focal:
        fit = replace(
            fit,
            focal=fit.focal * float(step[-1].clamp(-MAX_LOG_FOCAL_STEP, MAX_LOG_FOCAL_STEP).exp()),
        )
        step = step[:-1]
    return replace(
        apply_step(fit, frame_step),
        identity=fit.identity + step.clamp(-MAX_COEFFICIENT_STEP, MAX_COEFFICIENT_STEP),
    )


def apply_step(fit: Fit, step: Float[Tensor, "f o"]) -> Fit:
    """The fit after a step of the frames' unknowns, clipped to the limits of a step."""
    rotation, shift, change = step[:, :3], step[:, 3:POSE], step[:, POSE:]
    rotation = rotation * (
        MAX_ROTATION_STEP / rotation.norm(dim=-1, keepdim=True).clamp_min(MAX_ROTATION_STEP)
    )
    shift = shift * (
        MAX_TRANSLATION_STEP / shift.norm(dim=-1, keepdim=True).clamp_min(MAX_TRANSLATION_STEP)
    )
    return replace(
        fit,
        expressions=fit.expressions + change.clamp(-MAX_COEFFICIENT_STEP, MAX_COEFFICIENT_STEP),
        rotations=rotation_vector_to_matrix(rotation) @ fit.rotations,
        translations=fit.translations + shift,
    )


def _normal_equations(
    fit: Fit,
    measurements: Sequence[Measurements],
    prior: CoefficientPrior,
    center: Float[Tensor, "2"],
    *,
    shared: bool,
) -> tuple[Tensor, ...]:
    """Normal equations: hessian [f o o] and gradient [f o] of the frames; mixed blocks [f o s];
    hessian [s s] and gradient [s] of the shared unknowns, without measurements unless `shared`."""
    hessian, gradient, mixed, shared_hessian, shared_gradient = _prior_equations(fit, prior)
    for each in measurements:
        projected = project(each.points, fit, center)
        by_frame = jacobian_of_frames(each.points, fit, projected)
        rows = by_frame.flatten(1, 2)
        weighted = (each.information @ by_frame).flatten(1, 2).transpose(1, 2)
        hessian = hessian + weighted @ rows
        right = each.gradient.flatten(1, 2)[..., None]
        gradient = gradient + (rows.transpose(1, 2) @ right)[..., 0]
        if shared:
            by_shared = jacobian_of_shared(each.points, fit, projected)
            columns = by_shared.flatten(1, 2)
            mixed = mixed + weighted @ columns
            shared_hessian = shared_hessian + (
                (each.information @ by_shared).flatten(1, 2).transpose(1, 2) @ columns
            ).sum(0)
            shared_gradient = shared_gradient + (columns.transpose(1, 2) @ right).sum(0)[..., 0]
    return hessian, gradient, mixed, shared_hessian, shared_gradient


def _prior_equations(fit: Fit, prior: CoefficientPrior) -> tuple[Tensor, ...]:
    """The normal equations of the priors alone, in the same order."""
    frames, count = fit.expressions.shape
    diagonal = torch.full(
        (POSE + count,), prior.expression, dtype=torch.float64, device=fit.identity.device
    )
    diagonal[:POSE] = POSE_DAMPING
    hessian = torch.diag(diagonal).repeat(frames, 1, 1)
    gradient = torch.cat(
        [fit.expressions.new_zeros(frames, POSE), -prior.expression * fit.expressions], -1
    )
    log_focal = fit.identity.new_tensor([prior.log_focal])
    shared_hessian = torch.diag(
        torch.cat([torch.full_like(fit.identity, prior.identity), log_focal])
    )
    mixed = hessian.new_zeros(frames, POSE + count, len(fit.identity) + 1)
    shared_gradient = torch.cat(
        [
            -prior.identity * fit.identity,
            log_focal * torch.log(log_focal.new_tensor([prior.focal / fit.focal])),
        ]
    )
    return hessian, gradient, mixed, shared_hessian, shared_gradient
