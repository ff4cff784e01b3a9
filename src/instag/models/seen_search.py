"""The search for seen Gaussians: with how few of its Gaussians pictures of a head are near enough
(docs/method.md#seen-gaussians)."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor
from torch.nn.functional import avg_pool2d

from instag.models.avatar import Avatar
from instag.models.bake import DrivingInputs, driving_inputs
from instag.models.baked_head import MOST_DECIBEL, BakedHead, BakedLayers, tensors_id
from instag.models.render_head import Layer
from instag.models.seen_gaussians import SeenGaussians
from instag.rendering.compositing import compose
from instag.rendering.cpu.painter import CpuPainter
from instag.rendering.registry import renderer_for
from instag.types import Camera

VERSION = 2
"""Of how they are chosen: those of another one are not used."""
WANTED_PSNR, WANTED_BLOCK_PSNR = 48.0, 38.0
"""Every tested picture is at least so near to that of all Gaussians, dB, and every block of it."""
BLOCKS = 8
"""Of a side of a picture; others lie between them."""
SHARES, TRIALS = (0.35, 0.95), 5
"""Shares of Gaussians between which the least that is near enough is searched, and the number of
halvings."""
IN_MOUTH = 4.0
"""A change where the mouth is counts so much more: many small Gaussians, each of which changes
little, are all that lips and teeth consist of."""
SELDOM = 32.0
"""The same for squares of changes by the inside of the mouth, which is seen in few frames."""
WEIGHED, TESTED = 16, 8
"""Frames in which Gaussians are weighed, and others that tell how near pictures are."""
AT_ONCE = 4
GREY = 128
"""Of what lies behind the head in the pictures that are compared."""

Posed = tuple[Layer, Layer, Camera]


def search_seen_gaussians(avatar: Avatar, baked: BakedHead) -> SeenGaussians:
    """Of an avatar on the CPU in pictures of its size; all where fewer are not near enough."""
    source = BakedLayers(avatar.head, baked, degree=avatar.info.degree)
    generator = torch.Generator().manual_seed(0)
    weighed, tested = (
        _posed(avatar, source, inputs)
        for inputs in driving_inputs(avatar, generator, (WEIGHED, TESTED))
    )
    face, mouth = _changes(weighed)
    ranked, whole = torch.cat([face, mouth]).sort(descending=True).values, _pictures(tested)
    seen, (few, many) = _all_gaussians(avatar, baked), SHARES
    for _ in range(TRIALS):
        share = (few + many) / 2
        least = float(ranked[round(share * (len(ranked) - 1))])
        parts = _worth(face, least), _worth(mouth, least)
        psnr, of_block = _worst_psnr(whole, _pictures([_thinned(each, *parts) for each in tested]))
        if psnr >= WANTED_PSNR and of_block >= WANTED_BLOCK_PSNR:
            in_place = torch.empty_like(parts[0])
            in_place[source.face_order] = parts[0]
            many, seen = share, replace(seen, face=in_place, mouth=parts[1], psnr=psnr)
        else:
            few = share
    return seen


def basis_of(avatar: Avatar, baked: BakedHead) -> int:
    """The identity of all that the seen Gaussians are chosen from, the baked motion among it: heads
    that another version baked move otherwise."""
    info, adapter = avatar.info, avatar.speaker_adapter or {}
    words = f"{VERSION} {baked.head_id} {info.size} {info.focal!r} {info.degree}"
    drive = {"viewmats": avatar.viewmats, "expression": avatar.expression}
    tables = drive | baked.face.tensors()
    if "seen" in adapter:
        tables["codes"] = adapter["seen"]
    return tensors_id(tables, f"{words} {info.expression_units} ")


def _all_gaussians(avatar: Avatar, baked: BakedHead) -> SeenGaussians:
    face, mouth = (
        torch.ones(len(part.gaussians), dtype=torch.bool)
        for part in (avatar.head.face, avatar.head.mouth)
    )
    basis = basis_of(avatar, baked)
    return SeenGaussians(face=face, mouth=mouth, psnr=MOST_DECIBEL, basis=basis)


def _worth(changes: Float[Tensor, " n"], least: float) -> Bool[Tensor, " n"]:
    """Those that change pictures so much, and one at least."""
    return changes >= changes.max().clamp(max=least)


@torch.no_grad()
def _posed(avatar: Avatar, source: BakedLayers, inputs: DrivingInputs) -> list[Posed]:
    """The head in these frames, some at once."""
    found = []
    for start in range(0, len(inputs.viewmats), AT_ONCE):
        frames = slice(start, start + AT_ONCE)
        camera = avatar.camera(inputs.viewmats[frames])
        found.append((*source(inputs.condition(frames), camera), camera))
    return found


def _changes(weighed: list[Posed]) -> tuple[Float[Tensor, " n"], Float[Tensor, " m"]]:
    """By how much each Gaussian's absence, alone, changes pictures: the sum of squares over pixels,
    on the average of frames."""
    generator = torch.Generator().manual_seed(0)
    found = [_change(*posed, generator) for posed in weighed]
    face, mouth = (torch.cat(part).square().mean(0) for part in zip(*found, strict=True))
    return face, SELDOM * mouth


def _change(
    face: Layer, mouth: Layer, camera: Camera, generator: torch.Generator
) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b m"]]:
    """A picture is linear in the opacity of each Gaussian. The derivative of its pixels' sum with
    random signs has the sum of their squares for its expected square."""
    both = [layer.splats.opacities.detach().clone().requires_grad_() for layer in (face, mouth)]
    with torch.enable_grad():
        front, back = (
            renderer_for(camera.viewmats.device).render(
                replace(layer.splats, opacities=opacities), layer.colors, camera
            )
            for layer, opacities in zip((face, mouth), both, strict=True)
        )
        picture = compose(front, back, torch.full_like(front.colors, GREY / 255))
        signs = torch.randint(0, 2, picture.shape, generator=generator) * 2.0 - 1
        weights = signs * (1 + IN_MOUTH * back.alphas.detach()[..., None])
        slopes = torch.autograd.grad((picture * weights).sum(), both)
    of_face, of_mouth = (
        slope * opacities.detach() for slope, opacities in zip(slopes, both, strict=True)
    )
    return of_face, of_mouth


def _thinned(posed: Posed, of_face: Bool[Tensor, " n"], of_mouth: Bool[Tensor, " m"]) -> Posed:
    face, mouth, camera = posed
    return _part(face, of_face), _part(mouth, of_mouth), camera


def _part(layer: Layer, kept: Bool[Tensor, " n"]) -> Layer:
    splats = layer.splats
    tables = {name: table[:, kept] for name, table in vars(splats).items()}
    return Layer(splats=replace(splats, **tables), colors=layer.colors[:, kept])


def _pictures(tested: list[Posed]) -> UInt8[Tensor, "f h w 3"]:
    painter = CpuPainter()
    return torch.cat(
        [
            painter.paint(
                [(layer.splats, layer.colors) for layer in (face, mouth)],
                camera,
                torch.full(
                    (len(face.colors), camera.height, camera.width, 3), GREY, dtype=torch.uint8
                ),
            )
            for face, mouth, camera in tested
        ]
    )


def _worst_psnr(
    whole: UInt8[Tensor, "f h w 3"], other: UInt8[Tensor, "f h w 3"]
) -> tuple[float, float]:
    """Decibels of the worst picture, and of the worst block."""
    errors = (whole.float() - other.float()).square().mean(-1)
    side = max(1, errors.shape[1] // BLOCKS)
    blocks = avg_pool2d(errors[:, None], side, max(1, side // 2))
    return _decibel(errors.mean((1, 2)).max()), _decibel(blocks.max())


def _decibel(error: Float[Tensor, ""]) -> float:
    """Of a mean square of bytes."""
    return float(10 * torch.log10(255**2 / error.clamp_min(1e-6)))
