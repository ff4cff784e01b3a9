"""A head renderer: batches of frames of one avatar on one device."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import pad

from instag.models.avatar import Avatar
from instag.models.baked_cache import baked_head_of
from instag.models.baked_head import BakedHead, BakedLayers
from instag.models.layer_source import ExactLayers, LayerSource
from instag.models.render_head import Layer
from instag.models.seen_gaussians import seen_gaussians
from instag.rendering.compositing import DILATION, composite_uint8
from instag.rendering.cpu.painter import CpuPainter
from instag.rendering.registry import renderer_for
from instag.runtime.cuda_graph import Work, cuda_graphed
from instag.types import Camera, Condition, Rendering, Splats

FILLED = 4096
"""Heads that are live on a GPU have a multiple of so many Gaussians, which are filled up where
nothing waits for it, so that few have to be where heads are joined."""
INVISIBLE = (1.0, 1.0, 1.0, 0.0, 0.0)
"""What fills the tables of Gaussians that are not there: no alpha."""


@final
@dataclass(frozen=True, kw_only=True)
class FrameInputs:
    """Inputs of a batch of frames. first: number of the first frame. condition, viewmats: on the
    device that renders; rows beyond the frames are computed and not shown. torso: numbers of the
    learned frames whose torso is shown, one for each frame."""

    first: int
    condition: Condition
    viewmats: Float[Tensor, "b 4 4"]
    torso: list[int]

    def __len__(self) -> int:
        """Frames."""
        return len(self.torso)


@final
@dataclass(frozen=True, kw_only=True)
class PosedFrames:
    """All that painting needs of the heads in some frames."""

    face: Layer
    mouth: Layer
    camera: Camera

    def __len__(self) -> int:
        """Frames."""
        return len(self.camera.viewmats)

    def first(self, count: int) -> "PosedFrames":
        """The first frames alone."""
        if count == len(self):
            return self
        camera = self.camera
        return PosedFrames(
            face=_first(self.face, count),
            mouth=_first(self.mouth, count),
            camera=replace(camera, viewmats=camera.viewmats[:count], Ks=camera.Ks[:count]),
        )


@final
class HeadRenderer:
    """Renders batches of frames of one avatar on one device. What is the same in every frame is
    computed once. On a CPU heads are baked (docs/method.md#baked-motion)."""

    def __init__(
        self,
        avatar: Avatar,
        device: torch.device,
        *,
        dilate: bool = False,
        exact: bool = False,
        live: bool = False,
    ) -> None:
        """dilate: widen the mouth's alpha (docs/method.md#a-frame). exact: do not use a baked
        head. live: use the avatar's baked head on a GPU too, and on a CPU only Gaussians that
        are seen (models/seen_gaussians.py)."""
        self._size, self._dilation = avatar.info.size, DILATION if dilate else 0
        self._source = layer_source(avatar, device, exact=exact, live=live)
        self._filled = live and device.type == "cuda"
        self._painter = None
        if isinstance(self._source, BakedLayers) and device.type == "cpu" and not dilate:
            self._painter = CpuPainter()
        self._intrinsics = avatar.intrinsics.to(device)
        self._posed: dict[int, Work] = {}
        self.renderer = renderer_for(device)

    @property
    def way(self) -> tuple[int, bool]:
        """What heads have in common whose frames are painted in one batch."""
        return self._size, self._painter is None

    def render_frames(
        self, inputs: FrameInputs, behind: UInt8[Tensor, "b h w 3"]
    ) -> UInt8[Tensor, "b h w 3"]:
        """Whole frames, on the device. Nothing waits for it."""
        return self.paint(self.pose(inputs), behind)

    def pose(self, inputs: FrameInputs) -> PosedFrames:
        """Where the Gaussians are. On a GPU the next call for as many rows overwrites it."""
        values = self.prepared(inputs)(*_driving(inputs))
        posed = PosedFrames(
            face=_layer(values[:5]), mouth=_layer(values[5:]), camera=self._camera(inputs.viewmats)
        )
        return posed.first(len(inputs))

    def prepared(self, inputs: FrameInputs) -> Work:
        """What computes the Gaussians of as many rows. A GPU records it the first time, which takes
        longer than a frame."""
        rows = len(inputs.viewmats)
        if rows not in self._posed:
            self._posed[rows] = cuda_graphed(self._pose, *_driving(inputs))
        return self._posed[rows]

    def paint(
        self, posed: PosedFrames, behind: UInt8[Tensor, "b h w 3"]
    ) -> UInt8[Tensor, "b h w 3"]:
        """Whole frames of heads that are painted this `way`."""
        if self._painter is None:
            return self.composite(*self._rasterized(posed), behind)
        both = [(layer.splats, layer.colors) for layer in (posed.face, posed.mouth)]
        return self._painter.paint(both, posed.camera, behind)

    def layers(self, inputs: FrameInputs) -> tuple[Rendering, Rendering]:
        """The face, and the inside of the mouth."""
        return self._rasterized(self.pose(inputs))

    def _rasterized(self, posed: PosedFrames) -> tuple[Rendering, Rendering]:
        face, mouth = (
            self.renderer.render(layer.splats, layer.colors, posed.camera)
            for layer in (posed.face, posed.mouth)
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
        if self._filled:
            found = [_filled(layer, -(-_count(layer) // FILLED) * FILLED) for layer in found]
        return tuple(table for layer in found for table in _tables(layer))

    def _camera(self, viewmats: Float[Tensor, "b 4 4"]) -> Camera:
        return Camera(
            viewmats=viewmats,
            Ks=self._intrinsics.expand(len(viewmats), 3, 3),
            width=self._size,
            height=self._size,
        )


def layer_source(
    avatar: Avatar, device: torch.device, *, exact: bool = False, live: bool = False
) -> LayerSource:
    """What gives the Gaussians of an avatar's head on a device: a baked head on a CPU, and that of
    the avatar on a GPU where it is `live`; else, or where `exact`, its fields. live: on a CPU, only
    Gaussians that show in pictures of its size."""
    head, degree = avatar.to(device).head, avatar.info.degree
    baked = None if exact else _baked_for(avatar, device, live=live)
    if baked is None:
        return ExactLayers(head, degree=degree)
    seen = seen_gaussians(avatar, baked) if live and device.type == "cpu" else None
    shown = None if seen is None else (seen.face, seen.mouth)
    return BakedLayers(head, baked, degree=degree, shown=shown)


def _baked_for(avatar: Avatar, device: torch.device, *, live: bool) -> BakedHead | None:
    if device.type == "cpu" or (live and avatar.baked is not None):
        return baked_head_of(avatar)
    return None


def _driving(inputs: FrameInputs) -> tuple[Tensor, Tensor, Tensor]:
    return inputs.condition.speech, inputs.condition.expression, inputs.viewmats


def side_by_side(parts: Sequence[PosedFrames]) -> PosedFrames:
    """Frames of several heads, painted the same way, as one batch. Heads of fewer Gaussians get
    invisible ones."""
    if len(parts) == 1:
        return parts[0]
    camera = parts[0].camera
    return PosedFrames(
        face=_joined([part.face for part in parts]),
        mouth=_joined([part.mouth for part in parts]),
        camera=replace(
            camera,
            viewmats=torch.cat([part.camera.viewmats for part in parts]),
            Ks=torch.cat([part.camera.Ks for part in parts]),
        ),
    )


def _joined(layers: Sequence[Layer]) -> Layer:
    count = max(map(_count, layers))
    tables = zip(*(_tables(_filled(layer, count)) for layer in layers), strict=True)
    return _layer([torch.cat(same) for same in tables])


def _count(layer: Layer) -> int:
    return layer.colors.shape[1]


def _filled(layer: Layer, count: int) -> Layer:
    """With so many Gaussians."""
    missing = count - _count(layer)
    if not missing:
        return layer
    filled = zip(_tables(layer), INVISIBLE, strict=True)
    return _layer(
        [
            pad(table, (0, 0) * (table.dim() - 2) + (0, missing), value=value)
            for table, value in filled
        ]
    )


def _tables(layer: Layer) -> tuple[Tensor, ...]:
    splats = layer.splats
    return splats.means, splats.quats, splats.scales, splats.opacities, layer.colors


def _layer(tables: Sequence[Tensor]) -> Layer:
    """The inverse of `_tables`."""
    means, quats, scales, opacities, colors = tables
    splats = Splats(means=means, quats=quats, scales=scales, opacities=opacities)
    return Layer(splats=splats, colors=colors)


def _first(layer: Layer, count: int) -> Layer:
    return _layer([table[:count] for table in _tables(layer)])
