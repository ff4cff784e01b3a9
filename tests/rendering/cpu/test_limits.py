"""Kernels are safe whatever they get: numbers that are not finite, splats as large as the world,
shapes that contradict each other."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from instag.errors import RenderingFailed
from instag.models.triplane import TriPlane
from instag.models.triplane_numba import read_planes_fast
from instag.rendering.compositing import LayerPicture, composite_uint8
from instag.rendering.cpu import tiles
from instag.rendering.cpu.painter import CpuPainter
from instag.rendering.cpu.renderer import CpuRenderer
from instag.synthesis.background import over_backdrop
from instag.types import Camera, Splats

SIDE = 64


def splats(count: int = 9) -> Splats:
    generator = torch.Generator().manual_seed(0)
    return Splats(
        means=torch.rand(1, count, 3, generator=generator) * 0.1,
        quats=torch.tensor([1.0, 0, 0, 0]).expand(1, count, 4).clone(),
        scales=torch.full((1, count, 3), 0.01),
        opacities=torch.full((1, count), 0.5),
    )


def camera(side: int = SIDE) -> Camera:
    pose = torch.eye(4)[None].clone()
    pose[:, 2, 3] = 1
    return Camera(
        viewmats=pose,
        Ks=torch.tensor([[[100.0, 0, side / 2], [0, 100.0, side / 2], [0, 0, 1]]]),
        width=side,
        height=side,
    )


@pytest.mark.parametrize("part", ["means", "quats", "scales", "opacities"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30, -1e30, 1e18])
def test_splats_of_any_numbers_are_rendered(part: str, value: float) -> None:
    given = splats()
    getattr(given, part).view(-1)[:5] = value
    rendering = CpuRenderer().render(given, torch.ones(1, 9, 3), camera())
    assert rendering.colors.shape == (1, SIDE, SIDE, 3)
    assert bool((rendering.alphas[torch.isfinite(rendering.alphas)] <= 1).all())


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_cameras_of_any_numbers_render(value: float) -> None:
    given = camera()
    for spoiled in (
        replace(given, Ks=given.Ks * value),
        replace(given, viewmats=given.viewmats * value),
    ):
        CpuRenderer().render(splats(), torch.ones(1, 9, 3), spoiled)


def test_too_many_pairs_are_counted_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "MOST_PAIRS", 20)
    given = replace(splats(), scales=torch.full((1, 9, 3), 50.0))
    with pytest.raises(RenderingFailed, match="9 Gaussians"):
        CpuRenderer().render(given, torch.ones(1, 9, 3), camera())


def test_counts_beyond_32_bits_do_not_overflow() -> None:
    """70,000 splats over all 65,536 tiles of a picture: more pairs than an int32 counts."""
    count, side = 70_000, 8192
    centers, extents = np.full((1, count, 2), side / 2), np.full((1, count, 2), 2.0 * side)
    depths = np.ones((1, count), np.float32)
    with pytest.raises(RenderingFailed, match="4,587,520,000"):
        tiles.cover(centers.astype(np.float32), extents.astype(np.float32), depths, side, side, 1)


@pytest.mark.parametrize("side", [0, -64, 2**15])
def test_sizes_without_sense_are_refused(side: int) -> None:
    with pytest.raises((RenderingFailed, RuntimeError)):
        CpuRenderer().render(splats(), torch.ones(1, 9, 3), camera(side))


def test_a_torso_of_another_size_is_not_read_beyond_its_end() -> None:
    unchecked = inspect.unwrap(over_backdrop)  # tests check shapes by themselves
    with pytest.raises(ValueError, match="does not fit"):
        unchecked(np.zeros((2, 2, 4), np.uint8), np.zeros((64, 64, 3), np.uint8))


def test_layers_of_another_size_are_not_read_beyond_their_end() -> None:
    small = LayerPicture(colors=torch.zeros(1, 8, 8, 3), alphas=torch.zeros(1, 8, 8))
    unchecked = inspect.unwrap(composite_uint8)
    with pytest.raises(ValueError, match="does not fit"):
        unchecked(small, small, torch.zeros(1, 64, 64, 3, dtype=torch.uint8))


def test_points_outside_of_the_grids_are_read_at_their_edge() -> None:
    grids = TriPlane(16, 38.4)
    units = torch.tensor([[np.nan, np.inf, -np.inf], [2.0, -3.0, 1e30], [1.0, 0.0, 1.0]])
    inside = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 0.0, 1.0]])
    found, wanted = (
        read_planes_fast(grids.entries, points, grids.scales, grids.sizes)
        for points in (units, inside)
    )
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    with pytest.raises(ValueError, match="entries"):
        read_planes_fast(grids.entries[:-1], inside, grids.scales, grids.sizes)


@pytest.mark.parametrize("level", [0, 5, 11])
@pytest.mark.parametrize("beyond", ["size - 1.5", "1e9", "inf", "nan", "-1"])
def test_scales_that_reach_beyond_their_grid_are_refused(level: int, beyond: str) -> None:
    grids = TriPlane(16, 38.4)
    scales = list(grids.scales)
    size = grids.sizes[level]
    scales[level] = size - 1.5 if beyond == "size - 1.5" else float(beyond)
    with pytest.raises(ValueError, match="beyond a grid"):
        read_planes_fast(grids.entries, torch.ones(3, 3), scales, grids.sizes)
    scales[level] = float(np.nextafter(np.float32(size - 1.5), np.float32(0)))
    read_planes_fast(grids.entries, torch.ones(3, 3), scales, grids.sizes)


def test_points_of_the_plane_are_refused() -> None:
    grids, unchecked = TriPlane(16, 38.4), inspect.unwrap(read_planes_fast)
    with pytest.raises(ValueError, match="not in space"):
        unchecked(grids.entries, torch.ones(5, 2), grids.scales, grids.sizes)


@pytest.mark.parametrize("part", ["means", "quats", "scales", "opacities", "colors", "viewmats"])
def test_splats_that_contradict_are_not_read_beyond_their_end(part: str) -> None:
    """By the renderer, and by the painter, which baked heads are painted with."""
    given, colors, seen = splats(), torch.ones(1, 9, 3), camera()
    if part == "colors":
        colors = colors[:, :4]
    elif part == "viewmats":
        object.__setattr__(seen, part, seen.viewmats[:, :2])
    else:  # past the check of shapes that tests make
        object.__setattr__(given, part, getattr(given, part)[:, :4])
    behind = torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8)
    for render in (
        lambda: inspect.unwrap(CpuRenderer.render)(CpuRenderer(), given, colors, seen),
        lambda: inspect.unwrap(CpuPainter.paint)(CpuPainter(), [(given, colors)], seen, behind),
    ):
        with pytest.raises(ValueError, match="contradict"):
            render()
