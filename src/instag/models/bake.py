"""Baking: a head of fields becomes a BakedHead (docs/method.md#baked-motion)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.models.avatar import Avatar
from instag.models.baked_head import MOST_DECIBEL, BakedHead, BakedLayers, head_id
from instag.models.blending import channels_of
from instag.models.head import Face
from instag.models.layer_source import ExactLayers, LayerSource
from instag.models.motion_shapes import MOST_SHAPES, fit_motion_shapes
from instag.models.mouth_field import HOOK_RANK
from instag.rendering.compositing import compose
from instag.rendering.registry import renderer_for
from instag.types import BLINK_LIMIT, WINDOWS, Condition, blinked

FITTED, TESTED = 128, 16
"""Frames that shapes are fitted to, and others that tell how well they do."""
SHAPES = (32, 48, MOST_SHAPES)
"""Numbers of shapes of the face that are tried, the fewest first."""
WANTED_PSNR, WANTED_MOUTH_PSNR = 46.0, 44.0
"""dB at which no more shapes are tried."""
HOOK_MARGIN = 3
"""Multiple of the hook's rank: the hook is read from points of the face that have a rank up to this
in some frame."""
BLINK_EVERY = 4
"""One of this many fitted frames has a blink of some strength, where the head can blink."""
GREY = 0.5
"""Of what lies behind the head in the pictures that are compared."""
TESTED_AT_ONCE = 4
HOOK_EVERY = 4
"""One of this many fitted frames is searched for the points of the hook."""
EDGE = 0.02
"""Share of the mouth's Gaussians that may lie outside of its box, on each side."""

Box = tuple[slice, slice]


@torch.no_grad()
def bake(avatar: Avatar) -> BakedHead:
    """The baked head of an avatar that lip codes drive, both on the CPU. It has a single shape
    where no number of them is near enough."""
    generator = torch.Generator().manual_seed(0)
    fitted, tested = driving_inputs(avatar, generator, (FITTED, TESTED))
    motions = _Motions(avatar.head.face, fitted)
    baked = BakedHead(
        face=fit_motion_shapes(
            motions,
            len(avatar.head.face.gaussians),
            FITTED,
            shapes=MOST_SHAPES,
            generator=generator,
        ),
        hook_points=motions.hook_points(),
        psnr=0.0,
        mouth_psnr=0.0,
        head_id=head_id(avatar.head),
    )
    # As it will be read: half the bits of some tables are not stored.
    return BakedHead.of_tensors(_near_enough(avatar, baked, tested).tensors())


@final
@dataclass(frozen=True, kw_only=True)
class DrivingInputs:
    """What drives some frames, and their cameras."""

    codes: Float[Tensor, "f k"]
    expression: Float[Tensor, "f u"]
    viewmats: Float[Tensor, "f 4 4"]

    def condition(self, frames: slice) -> Condition:
        windows = self.codes[frames, None, :, None].expand(-1, WINDOWS, -1, -1)
        return Condition(speech=windows.contiguous(), expression=self.expression[frames])


def driving_inputs(
    avatar: Avatar, generator: torch.Generator, counts: tuple[int, int]
) -> tuple[DrivingInputs, DrivingInputs]:
    """So many to fit and to test: lip codes of the one half of those that the person was seen with,
    expressions of the one half of the frames, and of the other. Any code goes with any
    expression."""
    halves = []
    for half, count in enumerate(counts):
        codes, expressions, viewmats = (
            _some(table[half::2] if len(table) > 1 else table, count, generator)
            for table in (_seen_codes(avatar, generator), avatar.expression, avatar.viewmats)
        )
        if avatar.head.can_blink():
            units, strengths = avatar.info.expression_units, torch.rand(count, generator=generator)
            expressions[::BLINK_EVERY] = blinked(
                expressions[::BLINK_EVERY], BLINK_LIMIT * strengths[::BLINK_EVERY], units
            )
        halves.append(DrivingInputs(codes=codes, expression=expressions, viewmats=viewmats))
    return halves[0], halves[1]


def _some(
    table: Float[Tensor, "n *rest"], count: int, generator: torch.Generator
) -> Float[Tensor, "count *rest"]:
    return table[torch.randint(len(table), (count,), generator=generator)]


def _seen_codes(avatar: Avatar, generator: torch.Generator) -> Float[Tensor, "s k"]:
    """Codes that the person was seen with; where the avatar does not keep them, any around the
    level that the field learned from."""
    adapter = avatar.speaker_adapter
    seen = None if adapter is None else adapter.get("seen")
    if seen is not None and len(seen):
        return seen.float()
    mean, deviation = avatar.head.face.field.speech.level.detach().cpu()
    return mean + deviation * torch.randn(2 * FITTED, len(mean), generator=generator)


@final
class _Motions:
    """The exact motion of some of a face's Gaussians in frames to fit (motion_shapes.Motion)."""

    def __init__(self, face: Face, inputs: DrivingInputs) -> None:
        self._face, self._features = face, face.point_features()
        self._codes = face.encode_conditioning(inputs.condition(slice(None)))

    def __call__(self, points: Int[Tensor, " p"], frames: slice) -> Float[Tensor, "b p 10"]:
        features = self._features.at(points.to(self._codes.device))
        return channels_of(self._face.deform(features, self._codes[frames]))

    def hook_points(self) -> Int[Tensor, " h"]:
        """Gaussians that are among the highest or lowest in some of the frames."""
        count = min(HOOK_MARGIN * HOOK_RANK, len(self._face.gaussians))
        ranked = []
        for codes in self._codes[::HOOK_EVERY].split(TESTED_AT_ONCE):
            vertical = self._face.speech_shift(self._features, codes)[..., 1]
            ranked += [vertical.topk(count, largest=largest).indices for largest in (True, False)]
        return torch.cat(ranked).unique()


def _near_enough(avatar: Avatar, baked: BakedHead, inputs: DrivingInputs) -> BakedHead:
    """With the fewest shapes of the face that are as near as is wanted, or all of them; with one
    where those are not near enough."""
    exact = _Painted(avatar, ExactLayers(avatar.head, degree=avatar.info.degree), inputs)
    tried = baked
    for count in SHAPES:
        tried = replace(baked, face=baked.face.first(count))
        source = BakedLayers(avatar.head, tried, degree=avatar.info.degree)
        whole, mouth = exact.psnr(source)
        tried = replace(tried, psnr=whole, mouth_psnr=mouth)
        if whole >= WANTED_PSNR and mouth >= WANTED_MOUTH_PSNR:
            break
    kept = tried if tried.near_enough else replace(tried, face=tried.face.first(1))
    return kept.to("cpu")


@final
class _Painted:
    """The exact pictures of some frames, and where the mouth is in them."""

    def __init__(self, avatar: Avatar, exact: LayerSource, inputs: DrivingInputs) -> None:
        self._camera = avatar.camera(inputs.viewmats)
        self._inputs, self._renderer = inputs, renderer_for(inputs.viewmats.device)
        self._pictures = list(self._paint(exact))

    def psnr(self, source: LayerSource) -> tuple[float, float]:
        """Decibels of another source's pictures, whole and in the box around the mouth."""
        whole, mouth = [], []
        for (picture, box), (other, _) in zip(self._pictures, self._paint(source), strict=True):
            errors = (picture - other).square()
            whole.append(errors.mean())
            mouth.append(errors[box].mean())
        return _decibel(whole), _decibel(mouth)

    def _paint(self, source: LayerSource) -> Iterator[tuple[Float[Tensor, "h w 3"], Box]]:
        for start in range(0, TESTED, TESTED_AT_ONCE):
            frames = slice(start, start + TESTED_AT_ONCE)
            camera = replace(
                self._camera, viewmats=self._camera.viewmats[frames], Ks=self._camera.Ks[frames]
            )
            face, mouth = (
                self._renderer.render(layer.splats, layer.colors, camera)
                for layer in source(self._inputs.condition(frames), camera)
            )
            pictures = compose(face, mouth, torch.full_like(face.colors, GREY)).clamp(0, 1)
            for picture, centers in zip(pictures, mouth.means2d, strict=True):
                yield picture, _box(centers, len(picture))


def _box(centers: Float[Tensor, "n 2"], size: int) -> Box:
    """Rows and columns of a picture around nearly all of some points, one pixel at least."""
    low, high = (centers.quantile(share, dim=0).clamp(0, size - 1) for share in (EDGE, 1 - EDGE))
    (left, top), (right, bottom) = low.int().tolist(), high.int().tolist()
    return slice(top, bottom + 1), slice(left, right + 1)


def _decibel(errors: list[Float[Tensor, ""]]) -> float:
    """Of mean squares of several pictures in [0, 1]."""
    mean = float(torch.stack(errors).mean())
    return min(MOST_DECIBEL, -10 * math.log10(max(mean, 1e-30)))
