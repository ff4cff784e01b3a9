"""Expression flow: where any point of one person's head goes when an expression changes, and how
far skin stretches there.

Landmarks say it where they lie (`expression_motion`). Between them it is a mean weighted by
nearness; far from all of them nothing moves. What lies between the lids is folded away by a blink:
it sinks behind them and shrinks, as the lids stretch over it.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.motion.expression_basis import BLINK_ROW, ExpressionBasis, strengths

LIDS = tuple(
    zip(
        (246, 161, 160, 159, 158, 157, 173, 466, 388, 387, 386, 385, 384, 398),
        (7, 163, 144, 145, 153, 154, 155, 249, 390, 373, 374, 380, 381, 382),
        strict=True,
    )
)
"""The landmarks at the edges of upper and lower lids, one above the other."""
BETWEEN = (0.2, 0.4, 0.6, 0.8)
"""Points of an eye lie at these shares of the way from the upper to the lower lid."""
SUNK = 3e-3
"""Metres by which closed lids lie before what is between them."""
NEAR, FAR = 1e-3, 2e-2
"""Metres: nearer to a landmark all is its motion, farther from all it is less than half."""
STEP = 1.5e-3
"""Metres: the stretch is told from points that lie so far above each other."""
SMALLEST, LARGEST = 0.35, 3.0
"""Bounds of the stretch."""
ENOUGH = 0.8
"""Who shows so much of the strongest needs no lesson: pictures tell better than people's mean."""


@final
@dataclass(frozen=True, kw_only=True)
class ExpressionDisplacement:
    """places: landmarks and points between the lids of the head at rest, metres; the first `moving`
    move, those first that move most.

    basis: their shifts, metres, for a strength of 1. strongest: of each unit that the person is not
    seen to do as strongly, else 0.
    """

    places: Float[Tensor, "q 3"]
    moving: int
    basis: Float[Tensor, "6 q 3"]
    strongest: Float[Tensor, " 6"]

    def shift(
        self, points: Float[Tensor, "n 3"], seen: Float[Tensor, "b 6"], shown: Float[Tensor, "b 6"]
    ) -> Float[Tensor, "b n 3"]:
        """How far points of the head move, metres, when an expression that was seen becomes another
        one."""
        return torch.einsum(
            "bu,unc->bnc", strengths(shown) - strengths(seen), self._basis_at(points)
        )

    def stretch(
        self, points: Float[Tensor, "n 3"], seen: Float[Tensor, "b 6"], shown: Float[Tensor, "b 6"]
    ) -> Float[Tensor, "b n"]:
        """Natural logarithm of how much higher skin becomes there in the same change; the most
        within a step: a splat too large does less harm than a hole."""
        up = torch.zeros_like(points)
        up[:, 1] = STEP
        heights = [self._basis_at(points + up * steps)[..., 1] for steps in (1.5, 0.5, -0.5, -1.5)]
        slopes = torch.stack([(above - below) / STEP for above, below in pairwise(heights)])
        before, after = (
            (1 + strengths(expression) @ slopes).amax(0).clamp(SMALLEST, LARGEST)
            for expression in (seen, shown)
        )
        return (after / before).log()

    def _basis_at(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "6 n 3"]:
        nearness = lambda squared: 1 / (squared + NEAR**2) ** 2  # noqa: E731
        weights = nearness((points[:, None] - self.places).square().sum(-1))
        weights = weights / (weights.sum(1, keepdim=True) + nearness(FAR**2))
        return torch.einsum("nq,uqc->unc", weights, self.basis)


def expression_displacement(
    motion: ExpressionBasis, landmarks: Float[Tensor, "p 3"], seen: Float[Tensor, "f 6"]
) -> ExpressionDisplacement:
    """Of a person with these landmarks at rest, metres, who shows these expressions in the frames
    to learn from; on their device."""
    motion = motion.fitted(landmarks.cpu()).to(landmarks.device)
    basis = landmarks.new_zeros(len(motion.basis), len(landmarks), 3)
    basis[:, motion.points, :2] = motion.basis
    upper, lower = ([pair[side] for pair in LIDS] for side in (0, 1))
    # Trackers see a gap between closed lids; painted ones must meet.
    gap, closing = (
        (landmarks[upper, 1] - landmarks[lower, 1]).mean(),
        (basis[BLINK_ROW, lower, 1] - basis[BLINK_ROW, upper, 1]).mean(),
    )
    basis[BLINK_ROW] *= gap / closing
    between = lambda values: torch.cat(
        [values[..., upper, :] * (1 - share) + values[..., lower, :] * share for share in BETWEEN],
        dim=-2,
    )
    eyes = between(basis)
    eyes[BLINK_ROW, :, 2] = -SUNK
    still = torch.ones(len(landmarks), dtype=torch.bool, device=landmarks.device).index_fill(
        0, motion.points, False
    )
    seen_enough = seen.amax(0) >= ENOUGH * motion.strongest
    moving, shifts = (
        torch.cat([between(landmarks), landmarks[motion.points]]),
        torch.cat([eyes, basis[:, motion.points]], dim=1),
    )
    order = shifts.square().sum((0, 2)).argsort(descending=True)
    return ExpressionDisplacement(
        places=torch.cat([moving[order], landmarks[still]]),
        moving=len(moving),
        basis=torch.cat([shifts[:, order], basis[:, still]], dim=1),
        strongest=torch.where(seen_enough, 0.0, motion.strongest),
    )
