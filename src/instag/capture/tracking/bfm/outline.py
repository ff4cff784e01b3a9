"""The 68 landmarks on a face model: fixed vertices, and along the jaw those that are outermost in
the picture.

The iBUG scheme's points of the jaw lie on the outline that is seen, which runs over other vertices
as the head turns. As in AD-NeRF, each of the eight points of a side has some candidates, of which
the one farthest to that side is it.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.capture.tracking.bfm.basel import JAW, LANDMARKS, BaselModel, Bases
from instag.capture.tracking.bfm.fit import Evidence, Fit, Prior, Seen, look

DEVIATION = 0.83
"""Pixels of a 512 x 512 picture that a landmark errs by: AD-NeRF's weight of the expressions
against its mean squared error, as a standard deviation."""
OUTLIER = 3.0
"""Landmarks that miss by so many deviations get half the weight (Cauchy)."""


@final
@dataclass(frozen=True, kw_only=True)
class Outline:
    """The model's points that can be landmarks: the fixed ones, then the candidates of the left and
    of the right. deviation: pixels."""

    points: Bases
    left: int
    right: int
    deviation: float

    @classmethod
    def of(cls, model: BaselModel, size: int) -> "Outline":
        """`size` is the picture's side in pixels."""
        rows = torch.cat([model.keys, model.left.flatten(), model.right.flatten()])
        return cls(
            points=model.shape.at(rows),
            left=model.left.shape[1],
            right=model.right.shape[1],
            deviation=DEVIATION * size / 512,
        )

    def landmarks(self, fit: Fit, centre: Float[Tensor, "2"]) -> tuple[Bases, Seen]:
        """The points that are landmarks in each frame, [f 68], and where they are seen."""
        frames, first = len(fit.expressions), LANDMARKS + JAW * self.left
        across = look(self.points, fit, centre).pixels[..., 0].detach()
        fixed = torch.arange(LANDMARKS, device=across.device)
        sides = torch.arange(JAW, device=across.device)
        leftmost = (
            LANDMARKS
            + sides * self.left
            + across[:, LANDMARKS:first].reshape(frames, JAW, self.left).argmin(-1)
        )
        rightmost = (
            first
            + sides * self.right
            + across[:, first:].reshape(frames, JAW, self.right).argmax(-1)
        )
        middle, rest = (
            fixed[JAW : JAW + 1].expand(frames, -1),
            fixed[2 * JAW + 1 :].expand(frames, -1),
        )
        points = self.points.at(torch.cat([leftmost, middle, rightmost, rest], 1))
        return points, look(points, fit, centre)

    def evidence(
        self,
        fit: Fit,
        seen68: Float[Tensor, "f 68 2"],
        found: Float[Tensor, " f"],
        centre: Float[Tensor, "2"],
        share: float = 1.0,
    ) -> Evidence:
        """What landmarks in pixels say; `found` is 0 in frames whose landmarks are not to be
        believed. `share`: how much of it counts."""
        points, seen = self.landmarks(fit, centre)
        misses = seen68 - seen.pixels
        weights = (
            share
            * found[:, None]
            / (
                self.deviation**2
                * (1 + (misses**2).sum(-1) / (2 * (OUTLIER * self.deviation) ** 2))
            )
        )
        eye = torch.eye(2, dtype=misses.dtype, device=misses.device)
        return Evidence(
            points=points,
            force=weights[..., None] * misses,
            information=weights[..., None, None] * eye,
        )

    def energy(
        self,
        fit: Fit,
        seen68: Float[Tensor, "f 68 2"],
        found: Float[Tensor, " f"],
        prior: Prior,
        centre: Float[Tensor, "2"],
    ) -> float:
        """Minus the logarithm of the probability of fit and landmarks, but for a constant."""
        misses = ((seen68 - self.landmarks(fit, centre)[1].pixels) ** 2).sum(-1) / self.deviation**2
        robust = (2 * OUTLIER**2 * torch.log1p(misses / (2 * OUTLIER**2)) * found[:, None]).sum()
        believed = (
            prior.expression * (fit.expressions**2).sum() + prior.identity * (fit.identity**2).sum()
        )
        zoom = torch.log(misses.new_tensor(prior.focal / fit.focal)) ** 2 * prior.zoom
        return 0.5 * float(robust + believed + zoom)
