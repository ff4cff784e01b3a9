"""A head renderer: batches of frames of one avatar on one device."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.models.avatar import Avatar
from instag.models.render_head import layers, static_features
from instag.rendering.compositing import DILATION, composite_uint8
from instag.rendering.registry import renderer_for
from instag.runtime.cuda_graph import Work, cuda_graphed
from instag.types import Camera, Condition, Rendering, Splats


@final
@dataclass(frozen=True, kw_only=True)
class FrameInputs:
    """Inputs of a batch of frames. first: number of the first frame. condition, viewmats: on the
    device that renders. torso: numbers of the learned frames whose torso is shown."""

    first: int
    condition: Condition
    viewmats: Float[Tensor, "b 4 4"]
    torso: list[int]

    def __len__(self) -> int:
        """Frames."""
        return len(self.torso)


@final
class HeadRenderer:
    """Renders batches of frames of one avatar on one device. What is the same in every frame is
    computed once."""

    def __init__(self, avatar: Avatar, device: torch.device, *, dilate: bool = False) -> None:
        """dilate: widen the mouth's alpha (docs/method.md#a-frame)."""
        self._head = avatar.to(device).head
        self._degree, self._size = avatar.info.degree, avatar.info.size
        self._dilation = DILATION if dilate else 0
        self._static = static_features(self._head)
        self._intrinsics = intrinsics(avatar).to(device)
        self._posed: dict[int, Work] = {}
        self.renderer = renderer_for(device)

    def render_frames(
        self, inputs: FrameInputs, behind: UInt8[Tensor, "b h w 3"]
    ) -> UInt8[Tensor, "b h w 3"]:
        """Whole frames, on the device. Nothing waits for it."""
        face, mouth = self.layers(inputs)
        return self.composite(face, mouth, behind)

    def layers(self, inputs: FrameInputs) -> tuple[Rendering, Rendering]:
        """The face, and the inside of the mouth."""
        given = inputs.condition.speech, inputs.condition.expression, inputs.viewmats
        frames = len(inputs)
        if frames not in self._posed:
            self._posed[frames] = cuda_graphed(self._pose, *given)
        values = self._posed[frames](*given)
        camera = self._camera(inputs.viewmats)
        face, mouth = (
            self.renderer.render(
                Splats(means=means, quats=quats, scales=scales, opacities=opacities), colors, camera
            )
            for means, quats, scales, opacities, colors in (values[:5], values[5:])
        )
        return face, mouth

    def composite(
        self, face: Rendering, mouth: Rendering, behind: UInt8[Tensor, "b h w 3"]
    ) -> UInt8[Tensor, "b h w 3"]:
        """The layers over what lies behind the head, as bytes."""
        return composite_uint8(
            face=face.colors[..., :3],
            face_alphas=face.alphas,
            mouth=mouth.colors,
            mouth_alphas=mouth.alphas,
            background=behind,
            dilation=self._dilation,
        )

    def _pose(self, speech: Tensor, expression: Tensor, viewmats: Tensor) -> tuple[Tensor, ...]:
        """Splats and colours of both layers as plain tensors: a CUDA graph records nothing else."""
        found = layers(
            self._head,
            self._static,
            Condition(speech=speech, expression=expression),
            self._camera(viewmats),
            degree=self._degree,
        )
        return tuple(
            value
            for layer in found
            for value in (
                layer.splats.means,
                layer.splats.quats,
                layer.splats.scales,
                layer.splats.opacities,
                layer.colors,
            )
        )

    def _camera(self, viewmats: Float[Tensor, "b 4 4"]) -> Camera:
        return Camera(
            viewmats=viewmats,
            Ks=self._intrinsics.expand(len(viewmats), 3, 3),
            width=self._size,
            height=self._size,
        )


def intrinsics(avatar: Avatar) -> Float[Tensor, "3 3"]:
    """Those of whole pictures, pixels."""
    size, focal = avatar.info.size, avatar.info.focal
    return torch.tensor([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]])
