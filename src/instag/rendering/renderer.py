"""A renderer: splats and cameras in, pictures out.

Networks emit splats and renderers see only splats, so the reference in plain torch, the CPU and the
GPU renderer are interchangeable and are tested against each other.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from instag.types import Camera, Rendering, Splats


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What `Renderer.render` takes."""

    splats: Splats
    colors: Float[Tensor, "b n c"]
    camera: Camera
    detached: Float[Tensor, "b n k"] | None = None


class Renderer(ABC):
    """Renders any number of channels of a batch of frames, each with its own Gaussians (3DGS; EWA
    splatting)."""

    @abstractmethod
    def render(
        self,
        splats: Splats,
        colors: Float[Tensor, "b n c"],
        camera: Camera,
        detached: Float[Tensor, "b n k"] | None = None,
    ) -> Rendering:
        """Render `colors`, and `detached` channels whose gradient reaches their own values but no
        geometry.

        The picture follows 3DGS: covariances are dilated by 0.3 px^2, a splat's alpha is at most
        0.999 and skipped under 1/255, a pixel is finished once its transmittance is under 1e-4, and
        splats nearer than 0.01 m or behind the camera are culled. Differentiable in all of
        splats, colors, detached and the camera's viewmats.
        """

    def draw(self, drawing: Drawing) -> Rendering:
        """Render what a drawing holds."""
        return self.render(drawing.splats, drawing.colors, drawing.camera, drawing.detached)
