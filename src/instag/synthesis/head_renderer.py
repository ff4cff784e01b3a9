"""A head renderer: batches of frames of one avatar on one device."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.models.avatar import Avatar
from instag.models.baked_cache import baked_head_of
from instag.models.baked_head import BakedLayers
from instag.models.layer_source import ExactLayers, LayerSource
from instag.rendering.compositing import DILATION, composite_uint8
from instag.rendering.cpu.painter import CpuPainter
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
    computed once. On a CPU heads are baked (docs/method.md#baked-motion)."""

    def __init__(
        self, avatar: Avatar, device: torch.device, *, dilate: bool = False, exact: bool = False
    ) -> None:
        """dilate: widen the mouth's alpha (docs/method.md#a-frame). exact: do not use a baked
        head."""
        self._size, self._dilation = avatar.info.size, DILATION if dilate else 0
        self._source = layer_source(avatar, device, exact=exact)
        self._painter = None
        if isinstance(self._source, BakedLayers) and device.type == "cpu" and not dilate:
            self._painter = CpuPainter()
        self._intrinsics = avatar.intrinsics.to(device)
        self._posed: dict[int, Work] = {}
        self.renderer = renderer_for(device)

    def render_frames(
        self, inputs: FrameInputs, behind: UInt8[Tensor, "b h w 3"]
    ) -> UInt8[Tensor, "b h w 3"]:
        """Whole frames, on the device. Nothing waits for it."""
        if self._painter is not None:
            camera = self._camera(inputs.viewmats)
            both = self._source(inputs.condition, camera)
            return self._painter.paint(
                [(layer.splats, layer.colors) for layer in both], camera, behind
            )
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
        condition = Condition(speech=speech, expression=expression)
        found = self._source(condition, self._camera(viewmats))
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


def layer_source(avatar: Avatar, device: torch.device, *, exact: bool = False) -> LayerSource:
    """What gives the Gaussians of an avatar's head on a device: its baked head where it has one, on
    a CPU, unless `exact`."""
    head, degree = avatar.to(device).head, avatar.info.degree
    baked = None if exact or device.type != "cpu" else baked_head_of(avatar)
    if baked is None:
        return ExactLayers(head, degree=degree)
    return BakedLayers(head, baked, degree=degree)
