"""The 68 landmarks on a face model: fixed vertices, and along the jaw the outermost vertices in the
picture.

The iBUG scheme's jaw points lie on the visible outline, which runs over other vertices as the head
turns. As in AD-NeRF, each of the eight points of a side has candidates; the one farthest to that
side is used.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.capture.tracking.bfm.basel import JAW, LANDMARKS, BaselModel, Bases
from instag.capture.tracking.bfm.fit import CoefficientPrior, Fit, Measurements, Projection, project

LANDMARK_SIGMA = 0.83
"""Standard deviation of a landmark in pixels of a 512 x 512 picture: AD-NeRF's weight of the
expressions against its mean squared error."""
OUTLIER_SCALE = 3.0
"""Scale of the Cauchy weights, in standard deviations of a landmark."""


@final
@dataclass(frozen=True, kw_only=True)
class Outline:
    """The model's points that can be landmarks: the fixed ones, then the candidates of the left and
    of the right, `left` and `right` a jaw point. deviation: pixels."""

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
            deviation=LANDMARK_SIGMA * size / 512,
        )

    def landmarks(self, fit: Fit, center: Float[Tensor, "2"]) -> tuple[Bases, Projection]:
        """The points that are landmarks in each frame, [f 68], and their projection. `center` is
        the principal point in pixels."""
        frames, first = len(fit.expressions), LANDMARKS + JAW * self.left
        across = project(self.points, fit, center).pixels[..., 0].detach()
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
        return points, project(points, fit, center)

    def measurements(
        self,
        fit: Fit,
        seen68: Float[Tensor, "f 68 2"],
        found: Float[Tensor, " f"],
        center: Float[Tensor, "2"],
        share: float = 1.0,
    ) -> Measurements:
        """Measurements from landmarks in pixels. `found` is 0 in frames whose landmarks are not
        used; `share` scales all weights."""
        points, seen = self.landmarks(fit, center)
        residuals = seen68 - seen.pixels
        weights = (
            share
            * found[:, None]
            / (
                self.deviation**2
                * (1 + (residuals**2).sum(-1) / (2 * (OUTLIER_SCALE * self.deviation) ** 2))
            )
        )
        eye = torch.eye(2, dtype=residuals.dtype, device=residuals.device)
        return Measurements(
            points=points,
            gradient=weights[..., None] * residuals,
            information=weights[..., None, None] * eye,
        )

    def energy(
        self,
        fit: Fit,
        seen68: Float[Tensor, "f 68 2"],
        found: Float[Tensor, " f"],
        prior: CoefficientPrior,
        center: Float[Tensor, "2"],
    ) -> float:
        """The negative log posterior of a fit, up to a constant."""
        residuals = ((seen68 - self.landmarks(fit, center)[1].pixels) ** 2).sum(
            -1
        ) / self.deviation**2
        robust = (
            2 * OUTLIER_SCALE**2 * torch.log1p(residuals / (2 * OUTLIER_SCALE**2)) * found[:, None]
        ).sum()
        coefficients = (
            prior.expression * (fit.expressions**2).sum() + prior.identity * (fit.identity**2).sum()
        )
        log_focal = torch.log(residuals.new_tensor(prior.focal / fit.focal)) ** 2 * prior.log_focal
        return 0.5 * float(robust + coefficients + log_focal)
