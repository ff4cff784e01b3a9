"""Expression labels: a field gets the same features with the expression that was seen and with an
augmented one; skin should move between the two as on anybody.

A few seconds hold few expressions, often not one blink. Where brows and lids go in the others is
known from people (`motion.expression_displacement`).
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.models.face_field import SHIFT_UNIT, Deformation
from instag.motion.expression_displacement import ExpressionDisplacement
from instag.types import BLINK, EXPRESSION_UNITS, blinked

CHANGED = 0.3
"""The share of augmented expressions that change a unit; each unit by itself, so that one or two
change as a rule and the others are as seen."""
BLINKS = 0.5
"""The share that changes the blink."""
ENDS = 0.5
"""An augmented strength is drawn from so much below none to so much above the strongest, then
clipped: ends matter most, closed lids and open ones."""
MOVING_POINTS, HEAD_POINTS = 64, 16
"""Points that are asked about: near places that move, and at the head's Gaussians."""
ASIDE = 2e-3
"""Metres: deviation of the former from those places."""


@final
@dataclass(frozen=True, kw_only=True)
class ExpressionLabels:
    """expression: augmented. shift, metres, and stretch, a logarithm: what some points should do
    besides what they do in the expression that was seen."""

    expression: Float[Tensor, "b 6"]
    shift: Float[Tensor, "b n 3"]
    stretch: Float[Tensor, "b n"]

    def error(self, answer: Deformation) -> Float[Tensor, ""]:
        """How far the field's answer is from that, in its own units. answer: of more frames, the
        last of which act what as many before them do not."""
        count = len(self.expression)

        # Both ends learn: held to one end that follows it, a field runs away.
        def change(values: Tensor) -> Tensor:
            return values[-count:] - values[-2 * count : -count]

        shift, scale = (
            change(answer.shift) - self.shift,
            change(answer.scale) - self.stretch[..., None],
        )
        return (
            shift.abs().mean() / SHIFT_UNIT
            + scale.abs().mean()
            + change(answer.rotation).abs().mean()
        )


@final
@dataclass(frozen=True, kw_only=True)
class ExpressionLabeler:
    """Augments expressions. flow: of the person, on the device."""

    flow: ExpressionDisplacement

    def query_points(
        self, centers: Float[Tensor, "g 3"], noise: torch.Generator
    ) -> Float[Tensor, "n 3"]:
        """Points to ask about, metres. centers: of the head's Gaussians."""
        device = centers.device
        # Those that move most are asked about most.
        drawn = torch.rand(MOVING_POINTS, generator=noise, device=device)
        order = drawn.square() * self.flow.moving
        near = self.flow.places[order.long().clamp(max=self.flow.moving - 1)]
        aside = torch.randn(near.shape, generator=noise, device=device) * ASIDE
        some = torch.randint(len(centers), (HEAD_POINTS,), generator=noise, device=device)
        return torch.cat([near + aside, centers[some]])

    def augment(
        self, points: Float[Tensor, "n 3"], seen: Float[Tensor, "b 6"], noise: torch.Generator
    ) -> ExpressionLabels:
        """Change the expressions of some frames, and say what points do then."""
        expression = augmented(seen, self.flow.strongest, noise)
        change = self.flow.change(points, seen, expression)
        return ExpressionLabels(expression=expression, shift=change.shift, stretch=change.stretch)


def augmented(
    seen: Float[Tensor, "b 6"], strongest: Float[Tensor, " 6"], noise: torch.Generator
) -> Float[Tensor, "b 6"]:
    """Some units of each expression anew, from none to the strongest; those whose strongest is 0
    stay."""

    def draw(units: int) -> Tensor:
        return torch.rand(len(seen), units, generator=noise, device=seen.device)

    blink = EXPRESSION_UNITS.index(BLINK)
    changes = torch.cat([draw(blink) < CHANGED, draw(1) < BLINKS], dim=1) & (strongest > 0)
    other = (draw(blink + 1) * (1 + 2 * ENDS) - ENDS).clamp(0, 1) * strongest
    mixed = torch.where(changes, other, seen)
    closing = blinked(mixed, mixed[:, blink])
    # What was measured beside the blink that was seen has made room for it already.
    touched = changes | changes[:, blink:]
    return torch.where(touched, closing, mixed)
