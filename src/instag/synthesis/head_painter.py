"""A head painter: poses one avatar's head in a batch of frames, and paints it, the way that suits a
device."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import final

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from instag.models.avatar import Avatar
from instag.models.baked_cache import baked_head_of
from instag.models.baked_head import BakedHead, BakedLayers
from instag.models.joined_head import JoinedHead
from instag.models.layer_source import ExactLayers, LayerSource
from instag.models.seen_cache import seen_gaussians_of
from instag.rendering.compositing import LayerPicture, composite_uint8
from instag.rendering.cpu.painter import CpuPainter
from instag.rendering.footprints import FootprintRenderer, Footprints
from instag.rendering.registry import renderer_for
from instag.synthesis.posed_frames import (
    LAYERS,
    PosedFootprints,
    PosedFrames,
    PosedLayers,
    count_of,
    filled,
)
from instag.types import Camera, Condition

FILLED = 4096
"""Heads that are live on a GPU have a multiple of so many Gaussians, which are filled up where
nothing waits for it, so that few have to be where heads are joined."""


class HeadPainter(ABC):
    """dilation: pixels; see compositing.compose. way: what painters have in common whose frames are
    painted in one batch."""

    dilation: int
    way: Hashable

    @abstractmethod
    def pose(self, condition: Condition, camera: Camera) -> tuple[Tensor, ...]:
        """Where the Gaussians are, as plain tensors: a CUDA graph records nothing else. All shapes
        depend on the arguments' shapes alone."""

    @abstractmethod
    def posed(self, tables: Sequence[Tensor], camera: Camera) -> PosedFrames:
        """What `pose` returned."""

    @abstractmethod
    def layers(self, posed: PosedFrames) -> tuple[LayerPicture, LayerPicture]:
        """The face, and the inside of the mouth."""

    def paint(
        self, posed: PosedFrames, behind: UInt8[Tensor, "b h w 3"]
    ) -> UInt8[Tensor, "b h w 3"]:
        """Whole frames."""
        return self.composite(*self.layers(posed), behind)

    def composite(
        self, face: LayerPicture, mouth: LayerPicture, behind: UInt8[Tensor, "b h w 3"]
    ) -> UInt8[Tensor, "b h w 3"]:
        """The layers over what lies behind the head, as bytes."""
        return composite_uint8(face, mouth, behind, dilation=self.dilation)


@final
class LayerPainter(HeadPainter):
    """Layer by layer with the device's renderer; a baked head on a CPU in one compiled pass."""

    def __init__(
        self, avatar: Avatar, device: torch.device, *, dilation: int, exact: bool, live: bool
    ) -> None:
        """exact: do not use a baked head. live: on a CPU, only Gaussians that are seen
        (models/seen_gaussians.py)."""
        self.dilation, self._renderer = dilation, renderer_for(device)
        self._source = _layer_source(avatar, device, exact=exact, live=live)
        self._multiple = FILLED if device.type == "cuda" else 1
        fast = isinstance(self._source, BakedLayers) and not dilation and device.type == "cpu"
        self._whole = CpuPainter() if fast else None
        self.way = avatar.info.size, fast

    def pose(self, condition: Condition, camera: Camera) -> tuple[Tensor, ...]:
        found = [
            filled(layer, -(-count_of(layer) // self._multiple) * self._multiple)
            for layer in self._source(condition, camera)
        ]
        return PosedLayers.tables(found)

    def posed(self, tables: Sequence[Tensor], camera: Camera) -> PosedFrames:
        return PosedLayers.of_tables(tables, camera)

    def layers(self, posed: PosedFrames) -> tuple[LayerPicture, LayerPicture]:
        assert isinstance(posed, PosedLayers)
        face, mouth = (
            self._renderer.render(layer.splats, layer.colors, posed.camera)
            for layer in (posed.face, posed.mouth)
        )
        return (
            LayerPicture(colors=face.colors, alphas=face.alphas),
            LayerPicture(colors=mouth.colors, alphas=mouth.alphas),
        )

    def paint(
        self, posed: PosedFrames, behind: UInt8[Tensor, "b h w 3"]
    ) -> UInt8[Tensor, "b h w 3"]:
        if self._whole is None:
            return super().paint(posed, behind)
        assert isinstance(posed, PosedLayers)
        both = [(layer.splats, layer.colors) for layer in (posed.face, posed.mouth)]
        return self._whole.paint(both, posed.camera, behind)


@final
class FootprintPainter(HeadPainter):
    """Both layers in one pass on a GPU, of as few operations as there can be."""

    def __init__(self, avatar: Avatar, device: torch.device, *, dilation: int) -> None:
        self.dilation, self._size = dilation, avatar.info.size
        self.way = self._size
        self._head = JoinedHead(avatar.to(device).head, degree=avatar.info.degree)
        self._renderer = FootprintRenderer()
        self._layer = torch.tensor(
            [layer for layer, count in enumerate(self._head.counts) for _ in range(count)],
            device=device,
        )
        self._pictures: dict[int, Int[Tensor, "b n"]] = {}

    def pose(self, condition: Condition, camera: Camera) -> tuple[Tensor, ...]:
        layer, frames = self._head(condition, camera), len(camera.viewmats)
        if frames not in self._pictures:
            starts = LAYERS * torch.arange(frames, device=self._layer.device)
            self._pictures[frames] = starts[:, None] + self._layer
        pictures = self._pictures[frames]
        return self._renderer.project(layer.splats, layer.colors, camera, pictures).tables()

    def posed(self, tables: Sequence[Tensor], camera: Camera) -> PosedFrames:
        return PosedFootprints(
            footprints=Footprints.of_tables(tables),
            frames=len(camera.viewmats),
            splats=len(self._layer),
        )

    def layers(self, posed: PosedFrames) -> tuple[LayerPicture, LayerPicture]:
        assert isinstance(posed, PosedFootprints)
        colors, alphas = self._renderer.fill(
            posed.footprints, LAYERS * len(posed), self._size, self._size
        )
        face, mouth = (
            LayerPicture(colors=colors[layer::LAYERS], alphas=alphas[layer::LAYERS])
            for layer in range(LAYERS)
        )
        return face, mouth


def head_painter(
    avatar: Avatar, device: torch.device, *, dilation: int, exact: bool, live: bool
) -> HeadPainter:
    """What suits a device. exact: do not use a baked head. live: the head is painted beside
    others."""
    if device.type == "cuda" and not live:
        return FootprintPainter(avatar, device, dilation=dilation)
    return LayerPainter(avatar, device, dilation=dilation, exact=exact, live=live)


def _layer_source(avatar: Avatar, device: torch.device, *, exact: bool, live: bool) -> LayerSource:
    """A baked head where that is near enough, on a GPU that of the avatar; else its fields. live:
    on a CPU, only Gaussians that show in pictures of its size."""
    head, degree = avatar.to(device).head, avatar.info.degree
    baked = None if exact else _baked_for(avatar, device)
    if baked is None:
        return ExactLayers(head, degree=degree)
    seen = seen_gaussians_of(avatar, baked) if live and device.type == "cpu" else None
    shown = None if seen is None or seen.are_all else (seen.face, seen.mouth)
    return BakedLayers(head, baked, degree=degree, shown=shown)


def _baked_for(avatar: Avatar, device: torch.device) -> BakedHead | None:
    if device.type == "cpu" or (device.type == "cuda" and avatar.baked is not None):
        return baked_head_of(avatar)
    return None
