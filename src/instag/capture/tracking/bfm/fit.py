"""Fit of a face model to what a clip shows: its numbers, and one Gauss-Newton step for all of them.

Evidence is of one kind, whether landmarks or colours give it: for each point of each frame a force
in the picture (pixels times information) and an information matrix (1/px^2). Poses are updated by R
<- exp(w) R, t <- t + dt and stand as [w, dt]; a frame's own unknowns are [w, dt, expression], those
that all frames share are [identity, logarithm of the focal length] (eliminated frame by frame,
Schur complement).
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
LONGEST_TURN, LONGEST_SHIFT, LONGEST_CHANGE = 0.3, 0.15, 2.0
"""A step turns a head by no more radians, moves it by no more metres, and changes no coefficient by
more standard deviations."""
LONGEST_ZOOM = 0.15
"""Nor the focal length by more (natural logarithm)."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """identity, expressions: standard deviations. rotations, translations: model to camera (x
    right, y up, looking along -z), metres. focal: pixels."""

    identity: Float[Tensor, " i"]
    expressions: Float[Tensor, "f e"]
    rotations: Float[Tensor, "f 3 3"]
    translations: Float[Tensor, "f 3"]
    focal: float

    def taken(self, frames: Tensor | slice) -> "Fit":
        return replace(
            self,
            expressions=self.expressions[frames],
            rotations=self.rotations[frames],
            translations=self.translations[frames],
        )

    def put(self, frames: Tensor | slice, part: "Fit") -> "Fit":
        """These frames as `part` has them."""
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
class Seen:
    """Points of a fit before the camera (metres) and in the picture (pixels, centres at +0.5)."""

    turned: Float[Tensor, "f p 3"]
    placed: Float[Tensor, "f p 3"]
    pixels: Float[Tensor, "f p 2"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Points [p] or [f p] of the model, and for each where the picture draws it (pixels times
    information) and how surely (1/px^2)."""

    points: Bases
    force: Float[Tensor, "f p 2"]
    information: Float[Tensor, "f p 2 2"]


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Information on what is not seen: of the expressions (mean 0), the identity (mean 0) and the
    logarithm of the focal length (mean that of `focal`)."""

    expression: float
    identity: float
    focal: float
    zoom: float


@dataclass(frozen=True, kw_only=True)
class Known:
    """The normal equations of the frames' own unknowns alone."""

    own: Float[Tensor, "f o o"]
    force: Float[Tensor, "f o"]

    def pose(self) -> Float[Tensor, "f 6 6"]:
        """What is known of each pose when its expression is not."""
        across = self.own[:, :POSE, POSE:]
        return self.own[:, :POSE, :POSE] - across @ torch.linalg.solve(
            self.own[:, POSE:, POSE:], across.transpose(1, 2)
        )


def places(
    points: Bases, identity: Float[Tensor, " i"], expressions: Float[Tensor, "f e"]
) -> Float[Tensor, "f p 3"]:
    """Where points lie in the model's frame of reference."""
    kind = "pec,fe->fpc" if points.mean.ndim == 2 else "fpec,fe->fpc"
    return (
        points.mean
        + torch.einsum("...ic,i->...c", points.identity, identity)
        + torch.einsum(kind, points.expression, expressions)
    )


def look(points: Bases, fit: Fit, centre: Float[Tensor, "2"]) -> Seen:
    """Points of a fit as the camera sees them; `centre` is the principal point in pixels."""
    turned = places(points, fit.identity, fit.expressions) @ fit.rotations.transpose(1, 2)
    placed = turned + fit.translations[:, None]
    flat = fit.focal * placed[..., :2] / -placed[..., 2:]
    return Seen(turned=turned, placed=placed, pixels=centre + flat * flat.new_tensor([1.0, -1.0]))


def by_own_unknowns(points: Bases, fit: Fit, seen: Seen) -> Float[Tensor, "f p 2 o"]:
    """Derivatives of the pixels by the frames' own unknowns."""
    by_place = _by_place(fit, seen)
    return torch.cat(
        [
            by_place @ -cross_matrix(seen.turned),
            by_place,
            by_place @ fit.rotations[:, None] @ points.expression.transpose(-1, -2),
        ],
        -1,
    )


def by_shared_unknowns(points: Bases, fit: Fit, seen: Seen) -> Float[Tensor, "f p 2 s"]:
    """Derivatives of the pixels by the identity and the logarithm of the focal length."""
    identity = _by_place(fit, seen) @ fit.rotations[:, None] @ points.identity.transpose(-1, -2)
    ratio = fit.focal * seen.placed[..., :2] / -seen.placed[..., 2:]
    return torch.cat([identity, (ratio * ratio.new_tensor([1.0, -1.0]))[..., None]], -1)


def _by_place(fit: Fit, seen: Seen) -> Float[Tensor, "f p 2 3"]:
    """Derivatives of the pixels by the places before the camera."""
    scale = fit.focal / -seen.placed[..., 2]
    x, y = (scale * seen.placed[..., axis] / -seen.placed[..., 2] for axis in range(2))
    zero = torch.zeros_like(scale)
    return torch.stack([torch.stack([scale, zero, x], -1), torch.stack([zero, -scale, -y], -1)], -2)


def step_frames(
    fit: Fit,
    evidence: Sequence[Evidence],
    prior: Prior,
    centre: Float[Tensor, "2"],
    *,
    pose_only: bool = False,
) -> tuple[Fit, Known]:
    """One step of each frame for itself, identity and focal length as they are; with `pose_only`
    expressions stay too."""
    own, force, _, _, _ = _gather(fit, evidence, prior, centre, shared=False)
    known = Known(own=own, force=force)
    if pose_only:
        step = torch.linalg.solve(own[:, :POSE, :POSE], force[:, :POSE])
        step = torch.cat([step, torch.zeros_like(force[:, POSE:])], -1)
    else:
        step = torch.linalg.solve(own, force)
    return moved(fit, step), known


def step_all(
    fit: Fit, evidence: Sequence[Evidence], prior: Prior, centre: Float[Tensor, "2"], *, zooms: bool
) -> Fit:
    """One step of all frames together with identity, and with the focal length if it `zooms`."""
    own, force, mixed, shared, shared_force = _gather(fit, evidence, prior, centre, shared=True)
    if not zooms:
        mixed, shared, shared_force = mixed[..., :-1], shared[:-1, :-1], shared_force[:-1]
    solved = torch.linalg.solve(own, torch.cat([mixed, force[..., None]], -1))
    reduced = shared - torch.einsum("fos,fot->st", mixed, solved[..., :-1])
    step = torch.linalg.solve(
        reduced, shared_force - torch.einsum("fos,fo->s", mixed, solved[..., -1])
    )
    own_step = solved[..., -1] - solved[..., :-1] @ step
    if zooms:
        fit = replace(
            fit, focal=fit.focal * float(step[-1].clamp(-LONGEST_ZOOM, LONGEST_ZOOM).exp())
        )
        step = step[:-1]
    return replace(
        moved(fit, own_step), identity=fit.identity + step.clamp(-LONGEST_CHANGE, LONGEST_CHANGE)
    )


def moved(fit: Fit, step: Float[Tensor, "f o"]) -> Fit:
    """The fit after a step of the frames' own unknowns, none of it too long."""
    turn, shift, change = step[:, :3], step[:, 3:POSE], step[:, POSE:]
    turn = turn * (LONGEST_TURN / turn.norm(dim=-1, keepdim=True).clamp_min(LONGEST_TURN))
    shift = shift * (LONGEST_SHIFT / shift.norm(dim=-1, keepdim=True).clamp_min(LONGEST_SHIFT))
    return replace(
        fit,
        expressions=fit.expressions + change.clamp(-LONGEST_CHANGE, LONGEST_CHANGE),
        rotations=rotation_vector_to_matrix(turn) @ fit.rotations,
        translations=fit.translations + shift,
    )


def _gather(
    fit: Fit,
    evidence: Sequence[Evidence],
    prior: Prior,
    centre: Float[Tensor, "2"],
    *,
    shared: bool,
) -> tuple[Tensor, ...]:
    """Normal equations: own [f o o], its force [f o]; mixed [f o s], shared [s s] and its force
    [s], which are empty where not wanted."""
    frames, count = fit.expressions.shape
    diagonal = torch.full(
        (POSE + count,), prior.expression, dtype=torch.float64, device=fit.identity.device
    )
    diagonal[:POSE] = POSE_DAMPING
    own = torch.diag(diagonal).repeat(frames, 1, 1)
    force = torch.cat(
        [fit.expressions.new_zeros(frames, POSE), -prior.expression * fit.expressions], -1
    )
    zoom = fit.identity.new_tensor([prior.zoom])
    all_own, mixed = (
        torch.diag(torch.cat([torch.full_like(fit.identity, prior.identity), zoom])),
        own.new_zeros(frames, POSE + count, len(fit.identity) + 1),
    )
    all_force = torch.cat(
        [
            -prior.identity * fit.identity,
            zoom * torch.log(zoom.new_tensor([prior.focal / fit.focal])),
        ]
    )
    for each in evidence:
        seen = look(each.points, fit, centre)
        by_own = by_own_unknowns(each.points, fit, seen)
        rows = by_own.flatten(1, 2)
        known = (each.information @ by_own).flatten(1, 2).transpose(1, 2)
        own = own + known @ rows
        pull = each.force.flatten(1, 2)[..., None]
        force = force + (rows.transpose(1, 2) @ pull)[..., 0]
        if shared:
            by_all = by_shared_unknowns(each.points, fit, seen)
            columns = by_all.flatten(1, 2)
            mixed = mixed + known @ columns
            all_own = all_own + (
                (each.information @ by_all).flatten(1, 2).transpose(1, 2) @ columns
            ).sum(0)
            all_force = all_force + (columns.transpose(1, 2) @ pull).sum(0)[..., 0]
    return own, force, mixed, all_own, all_force
