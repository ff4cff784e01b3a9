"""A rendered sweep: the pictures of a head in each frame of a sweep, how opaque they are, and where
the splats of the face went."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.evaluation.sweeps.sweep import Rest, Sweep
from instag.models.avatar import Avatar
from instag.models.render_head import StaticFeatures, layers, static_features
from instag.rendering.compositing import compose
from instag.rendering.registry import renderer_for
from instag.types import WINDOWS, Condition

BATCH: Final = 4
BEHIND: Final = (0.0, 0.7, 0.35)
"""Green behind the head: it shows where the head is not opaque."""


@final
@dataclass(frozen=True, kw_only=True)
class FaceSplats:
    """Splats of the face in some frames, on the host. scales: the longest axis of each, metres."""

    means: Float[np.ndarray, "s n 3"]
    scales: Float[np.ndarray, "s n"]


@final
@dataclass(frozen=True, kw_only=True)
class RenderedSweep:
    """A row a frame. alphas: of face and mouth together."""

    sweep: Sweep
    pictures: UInt8[np.ndarray, "s h w 3"]
    alphas: Float[np.ndarray, "s h w"]
    splats: FaceSplats


@final
class SweepRenderer:
    """Renders sweeps of one avatar on one device, before green."""

    def __init__(self, avatar: Avatar, device: torch.device | str = "cpu") -> None:
        self._device = torch.device(device)
        self._head, self._info = avatar.to(self._device).head, avatar.info
        self._renderer, self._avatar = renderer_for(self._device), avatar
        with torch.no_grad():
            self._static: StaticFeatures = static_features(self._head)

    @property
    def opacities(self) -> Float[np.ndarray, " n"]:
        """Of the face's splats."""
        return torch.sigmoid(self._head.face.gaussians.opacity.detach()).cpu().numpy()

    def rest(self, rest: Rest) -> RenderedSweep:
        """One frame of the head at rest."""
        still = Condition(
            speech=rest.speech.expand(1, WINDOWS, -1, -1).contiguous(),
            expression=rest.expression[None],
        )
        return self.render(
            Sweep(name="rest", kind="turns", condition=still, viewmats=rest.viewmat[None])
        )

    @torch.no_grad()
    def render(self, sweep: Sweep) -> RenderedSweep:
        """All frames of a sweep."""
        parts = [
            self._batch(speech, expression, viewmats)
            for speech, expression, viewmats in zip(
                sweep.condition.speech.split(BATCH),
                sweep.condition.expression.split(BATCH),
                sweep.viewmats.split(BATCH),
                strict=True,
            )
        ]
        pictures, alphas, means, scales = (
            torch.cat(each).cpu().numpy() for each in zip(*parts, strict=True)
        )
        return RenderedSweep(
            sweep=sweep,
            pictures=pictures,
            alphas=alphas,
            splats=FaceSplats(means=means, scales=scales),
        )

    def _batch(
        self,
        speech: Float[Tensor, "b 8 channels steps"],
        expression: Float[Tensor, "b u"],
        viewmats: Float[Tensor, "b 4 4"],
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        speech, expression, viewmats = (
            each.to(self._device) for each in (speech, expression, viewmats)
        )
        camera = self._avatar.camera(viewmats)
        condition = Condition(speech=speech, expression=expression)
        posed = layers(self._head, self._static, condition, camera, degree=self._info.degree)
        face, mouth = (self._renderer.render(layer.splats, layer.colors, camera) for layer in posed)
        pictures = compose(face, mouth, face.colors.new_tensor(BEHIND).expand_as(face.colors))
        splats = posed[0].splats
        return (
            pictures.mul(255).round_().clamp_(0, 255).byte(),
            1 - (1 - face.alphas) * (1 - mouth.alphas),
            splats.means,
            splats.scales.amax(-1),
        )
