"""Expression displacement: how far any point of one person's head moves when an expression changes,
and how much skin stretches there.

The basis gives it at landmarks (`expression_basis`). Between them it is a mean weighted by
nearness; far from all of them nothing moves. A blink folds away what is between the lids: it sinks
behind them and shrinks, while the lids stretch over it.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.motion.expression_basis import BLINK_ROW, ExpressionBasis, strengths

UPPER = [246, 161, 160, 159, 158, 157, 173, 466, 388, 387, 386, 385, 384, 398]
LOWER = [7, 163, 144, 145, 153, 154, 155, 249, 390, 373, 374, 380, 381, 382]
"""The landmarks at the edges of upper and lower lids, one above the other."""
BETWEEN = (0.2, 0.4, 0.6, 0.8)
"""Points of an eye lie at these shares of the way from the upper to the lower lid."""
SUNK = 3e-3
"""Metres that points between the lids sink behind closed lids."""
NEAR, FAR = 1e-3, 2e-2
"""Metres: nearer than NEAR to a landmark its motion dominates; farther than FAR from all landmarks
less than half of the motion is left."""
STEP = 1.5e-3
"""Metres between the points, one above the other, from which the stretch is computed."""
STEPS_UP = (1.5, 0.5, -0.5, -1.5)
"""Where these lie above and below a point, in STEPs."""
SMALLEST, LARGEST = 0.35, 3.0
"""Bounds of the stretch."""
ENOUGH = 0.8
"""The share of the strongest intensity that a person must show in the clip to need no supervision
by people's mean: pictures are the better teacher."""


@final
@dataclass(frozen=True, kw_only=True)
class SkinChange:
    """shift: how far points of the head move, metres. stretch: natural logarithm of the factor by
    which skin there becomes higher; the largest within a STEP, as a splat too large does less harm
    than a hole."""

    shift: Float[Tensor, "b n 3"]
    stretch: Float[Tensor, "b n"]


@final
@dataclass(frozen=True, kw_only=True)
class ExpressionDisplacement:
    """places: landmarks and points between the lids of the head at rest, metres; the first `moving`
    ones move, in order of falling motion.

    basis: their shifts, metres, for a strength of 1. strongest: intensity of each unit that the
    person does not show as strongly, 0 for the others.
    """

    places: Float[Tensor, "q 3"]
    moving: int
    basis: Float[Tensor, "6 q 3"]
    strongest: Float[Tensor, " 6"]

    def change(
        self, points: Float[Tensor, "n 3"], seen: Float[Tensor, "b 6"], shown: Float[Tensor, "b 6"]
    ) -> SkinChange:
        """What points of the head do from the expression `seen` to `shown`, metres."""
        up = torch.zeros_like(points)
        up[:, 1] = STEP
        every = torch.stack([points, *(points + up * steps for steps in STEPS_UP)])
        at, *around = self._basis_at(every.flatten(0, 1)).unflatten(1, every.shape[:2]).unbind(1)
        heights = [basis[..., 1] for basis in around]
        slopes = torch.stack([(above - below) / STEP for above, below in pairwise(heights)])
        before, after = strengths(torch.cat([seen, shown])).split(len(seen))
        factors = (1 + torch.stack([before, after])[:, None] @ slopes).amax(1)
        lower, higher = factors.clamp(SMALLEST, LARGEST).log()
        return SkinChange(
            shift=torch.einsum("bu,unc->bnc", after - before, at), stretch=higher - lower
        )

    def _basis_at(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "6 n 3"]:
        axes = zip(points.unbind(1), self.places.unbind(1), strict=True)
        weights = _nearness(sum((here[:, None] - there).square() for here, there in axes))
        weights = weights / (weights.sum(1, keepdim=True) + _nearness(FAR**2))
        return torch.einsum("nq,uqc->unc", weights, self.basis)


def _nearness(squared: Any) -> Any:
    """The weight of a landmark at a squared distance, metres squared."""
    return 1 / (squared + NEAR**2) ** 2


def expression_displacement(
    motion: ExpressionBasis, landmarks: Float[Tensor, "p 3"], seen: Float[Tensor, "f 6"]
) -> ExpressionDisplacement:
    """The displacement of a person with these landmarks at rest, metres, who shows the expressions
    `seen` in the frames to learn from. motion: fitted to the landmarks; all on one device."""
    basis = _landmark_basis(motion, landmarks)
    moving = torch.cat([_between_lids(landmarks), landmarks[motion.points]])
    eyes = _between_lids(basis)
    eyes[BLINK_ROW, :, 2] = -SUNK
    shifts = torch.cat([eyes, basis[:, motion.points]], dim=1)
    order = shifts.square().sum((0, 2)).argsort(descending=True)
    still = torch.ones(len(landmarks), dtype=torch.bool, device=landmarks.device).index_fill(
        0, motion.points, False
    )
    seen_enough = seen.amax(0) >= ENOUGH * motion.strongest
    return ExpressionDisplacement(
        places=torch.cat([moving[order], landmarks[still]]),
        moving=len(moving),
        basis=torch.cat([shifts[:, order], basis[:, still]], dim=1),
        strongest=torch.where(seen_enough, 0.0, motion.strongest),
    )


def _landmark_basis(
    motion: ExpressionBasis, landmarks: Float[Tensor, "p 3"]
) -> Float[Tensor, "6 p 3"]:
    """Shifts of all landmarks for a strength of 1 of each unit, 0 where the basis has none."""
    basis = landmarks.new_zeros(len(motion.basis), len(landmarks), 3)
    basis[:, motion.points, :2] = motion.basis
    # Trackers see a gap between closed lids; rendered ones must meet.
    gap = (landmarks[UPPER, 1] - landmarks[LOWER, 1]).mean()
    closing = (basis[BLINK_ROW, LOWER, 1] - basis[BLINK_ROW, UPPER, 1]).mean()
    basis[BLINK_ROW] *= gap / closing
    return basis


def _between_lids(values: Float[Tensor, "*b p 3"]) -> Float[Tensor, "*b q 3"]:
    """Landmarks' values interpolated between the upper and the lower lid, at BETWEEN."""
    upper, lower = values[..., UPPER, :], values[..., LOWER, :]
    return torch.cat([upper * (1 - share) + lower * share for share in BETWEEN], dim=-2)
