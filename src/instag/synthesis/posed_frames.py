"""Posed frames: all that painting needs of the heads in some frames."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor
from torch.nn.functional import pad

from instag.models.render_head import Layer
from instag.rendering.footprints import Footprints
from instag.types import Camera, Splats

LAYERS = 2
"""Of a frame: the face, and the inside of the mouth."""
INVISIBLE = (1.0, 1.0, 1.0, 0.0, 0.0)
"""What fills the tables of Gaussians that are not there: no alpha."""


class PosedFrames(ABC):
    """Some frames, one after another."""

    @abstractmethod
    def __len__(self) -> int:
        """Frames."""

    @abstractmethod
    def first(self, count: int) -> "PosedFrames":
        """The first frames alone, of one head."""


@final
@dataclass(frozen=True, kw_only=True)
class PosedLayers(PosedFrames):
    """Splats and colours of both layers."""

    face: Layer
    mouth: Layer
    camera: Camera

    @classmethod
    def of_tables(cls, tables: Sequence[Tensor], camera: Camera) -> "PosedLayers":
        """The inverse of `tables`."""
        return cls(face=_layer(tables[:5]), mouth=_layer(tables[5:]), camera=camera)

    @staticmethod
    def tables(layers: Sequence[Layer]) -> tuple[Tensor, ...]:
        """The layers as plain tensors."""
        return tuple(table for layer in layers for table in _tables(layer))

    def __len__(self) -> int:
        return len(self.camera.viewmats)

    def first(self, count: int) -> "PosedLayers":
        camera = self.camera
        return PosedLayers(
            face=_first(self.face, count),
            mouth=_first(self.mouth, count),
            camera=replace(camera, viewmats=camera.viewmats[:count], Ks=camera.Ks[:count]),
        )


@final
@dataclass(frozen=True, kw_only=True)
class PosedFootprints(PosedFrames):
    """Footprints of both layers: of the face of the first frame, then of its mouth, and so on; each
    is a picture. splats: of each frame of one head."""

    footprints: Footprints
    frames: int
    splats: int

    def __len__(self) -> int:
        return self.frames

    def first(self, count: int) -> "PosedFootprints":
        """Of one head."""
        kept = self.footprints.first(count * self.splats)
        return replace(self, footprints=kept, frames=count)


def side_by_side(parts: Sequence[PosedFrames]) -> PosedFrames:
    """Frames of several heads, painted the same way, as one batch. Those of footprints are painted
    one head at a time."""
    if len(parts) == 1:
        return parts[0]
    layers = [part for part in parts if isinstance(part, PosedLayers)]
    assert len(layers) == len(parts), "footprints are of one head"
    return _layers_side_by_side(layers)


def _layers_side_by_side(parts: Sequence[PosedLayers]) -> PosedLayers:
    """Heads of fewer Gaussians get invisible ones."""
    camera = parts[0].camera
    return PosedLayers(
        face=_joined([part.face for part in parts]),
        mouth=_joined([part.mouth for part in parts]),
        camera=replace(
            camera,
            viewmats=torch.cat([part.camera.viewmats for part in parts]),
            Ks=torch.cat([part.camera.Ks for part in parts]),
        ),
    )


def _joined(layers: Sequence[Layer]) -> Layer:
    count = max(map(count_of, layers))
    tables = zip(*(_tables(filled(layer, count)) for layer in layers), strict=True)
    return _layer([torch.cat(same) for same in tables])


def count_of(layer: Layer) -> int:
    """Gaussians."""
    return layer.colors.shape[1]


def filled(layer: Layer, count: int) -> Layer:
    """With so many Gaussians."""
    missing = count - count_of(layer)
    if not missing:
        return layer
    tables = zip(_tables(layer), INVISIBLE, strict=True)
    return _layer(
        [
            pad(table, (0, 0) * (table.dim() - 2) + (0, missing), value=value)
            for table, value in tables
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
