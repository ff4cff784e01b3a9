"""Density control: where the screen gradient of a Gaussian is large, it is cloned or split; what is
faint, huge or green goes (3DGS; docs/method.md#adaptation)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from instag.errors import TrainingFailed
from instag.models.gaussians import Gaussians, Selection
from instag.ops.rotations import quaternion_to_matrix
from instag.rendering.spherical_harmonics import SH_C0
from instag.training.optimizer import Optimizer
from instag.training.schedules import Scaled, Steps
from instag.types import Camera, Rendering

LARGEST_SPLAT = 0.08
"""Radius of what is dropped as too large, in the picture's side. Half of it, as in the paper, takes
cheeks and forehead from heads that begin with what frames show: half of all splats go at once, and
the others do not fill the gap before a short schedule ends."""


FILLER = -30.0
"""The opacity, a logit, of rows that fill up a number of Gaussians: no renderer shows them, and the
next change drops them."""


@dataclass(frozen=True, kw_only=True)
class DensityConfig:
    """Numbers of docs/method.md#adaptation. Gradients in normalised device coordinates, sizes in
    multiples of the scene's extent, the radius in the picture's side."""

    every: Annotated[int, Scaled(at_least=40)] = 100
    start: Steps = 500
    end: Steps = 9_000
    gradient: float = 5e-4
    split_size: float = 0.005
    prune_opacity: float = 0.05
    prune_opacity_growth: float = 0.25
    prune_big_after: Steps = 3_000
    prune_radius: float = 20 / 512
    prune_size: float = 0.1
    reset_every: Annotated[int | None, Scaled(at_least=400)] = 3_000
    reset_opacity: float = 0.01
    behind: float | None = -0.07
    green: Literal["prune", "weaken", "keep"] = "prune"
    green_after: Steps = 500
    limit: int = 40_000
    """Of Gaussians. Where more would come, those with the largest gradients do."""


@dataclass(frozen=True, kw_only=True)
class DensityStats:
    """Statistics since the last change: sum of the screen gradient's length, in how many frames
    seen, largest radius in the picture's side."""

    gradient: Float[Tensor, " n"]
    seen: Float[Tensor, " n"]
    radius: Float[Tensor, " n"]


def no_stats(gaussians: Gaussians) -> DensityStats:
    """Before the first step."""
    gradient, seen, radius = torch.zeros_like(gaussians.opacity.detach()).repeat(3, 1)
    return DensityStats(gradient=gradient, seen=seen, radius=radius)


@torch.no_grad()
def accumulate(
    stats: DensityStats, rendering: Rendering, camera: Camera, picture: int
) -> DensityStats:
    """Add a batch: `rendering.means2d.grad` must be there. `picture`: side of the whole picture in
    pixels, of which the camera may be a window.

    The loss is a mean over the window; its gradient is brought to that of a mean over the whole
    picture, which the thresholds are made for.
    """
    gradient = rendering.means2d.grad
    assert gradient is not None, "density control needs the gradient of means2d"
    seen = rendering.radii > 0
    frames = len(gradient)
    share = camera.width * camera.height / picture**2
    length = gradient.norm(dim=-1) * (picture / 2) * frames * share
    return DensityStats(
        gradient=stats.gradient + (length * seen).sum(0),
        seen=stats.seen + seen.sum(0),
        radius=torch.maximum(stats.radius, rendering.radii.max(0).values / picture),
    )


def apply_density_control(
    gaussians: Gaussians,
    stats: DensityStats,
    config: DensityConfig,
    optimizer: Optimizer,
    *,
    done: int,
    steps: int,
    extent: float,
    draw: Callable[[], torch.Generator],
    whose: str,
    multiple: int = 1,
) -> DensityStats:
    """Change the Gaussians as is due after `done` of `steps` steps, and their moments in the
    optimizer; returns the statistics to go on with.

    extent: of the scene, metres. draw: gives the random numbers, and is called only where some are
    needed. multiple: to one of it the Gaussians are filled up between changes. Raises
    TrainingFailed where none is left; `whose` says of what.
    """
    if done % config.every == 0 and config.start <= done < config.end:
        selection = densify(
            gaussians, stats, config, step=done, steps=steps, extent=extent, generator=draw()
        )
        optimizer.select(gaussians, filled_up(selection, gaussians, multiple))
        stats = no_stats(gaussians)
        if len(gaussians) == 0:
            raise TrainingFailed(
                f"No splats were left in {whose} at step {done}. The head's regions may be wrong: "
                "look at instag prepare --preview."
            )
    if config.green == "weaken" and done >= config.green_after and done % config.every == 0:
        weaken_green(gaussians)
    if config.reset_every and done % config.reset_every == 0 and done < config.end:
        reset_opacity(gaussians, config.reset_opacity)
        optimizer.forget(gaussians.opacity)
    if done == steps and multiple > 1:
        optimizer.select(gaussians, without_fillers(gaussians))
        stats = no_stats(gaussians)
    return stats


@torch.no_grad()
def densify(
    gaussians: Gaussians,
    stats: DensityStats,
    config: DensityConfig,
    *,
    step: int,
    steps: int,
    extent: float,
    generator: torch.Generator,
) -> Selection:
    """Clone small Gaussians with a large gradient, split large ones in two, drop the faint, the
    huge, the hind and the green."""
    splats = gaussians.splats(None, 1)
    scales, opacity = splats.scales[0], splats.opacities[0]
    largest = scales.max(dim=1).values
    drop = opacity < config.prune_opacity + config.prune_opacity_growth * step / steps
    if step > config.prune_big_after:
        drop |= (stats.radius > config.prune_radius) | (largest > config.prune_size * extent)
    if config.behind is not None:
        drop |= gaussians.means[:, 2] < config.behind
    if config.green == "prune" and step >= config.green_after:
        drop |= is_green(gaussians)

    room = config.limit - len(gaussians) + int(drop.sum())
    gradient = stats.gradient / stats.seen.clamp_min(1)
    wanted = strongest(gradient, least=config.gradient, most=room)
    small = largest <= config.split_size * extent
    cloned, split = wanted & small, wanted & ~small
    drop |= split

    clones = {name: table[cloned] for name, table in gaussians.tables().items()}
    halves = _halves(
        {name: table[split] for name, table in gaussians.tables().items()}, scales[split], generator
    )
    added = {name: torch.cat([clones[name], halves[name]]) for name in clones}
    return Selection(keep=~drop, added=added)


def strongest(gradient: Float[Tensor, " n"], *, least: float, most: int) -> Bool[Tensor, " n"]:
    """Where a gradient is above `least`; of more than `most` such places, the largest."""
    wanted = gradient > least
    if int(wanted.sum()) <= most:
        return wanted
    chosen = torch.zeros_like(wanted)
    chosen[gradient.topk(max(0, most)).indices] = True
    return chosen


@torch.no_grad()
def filled_up(selection: Selection, gaussians: Gaussians, multiple: int) -> Selection:
    """The same and as many fillers as leave a multiple of Gaussians: copies that nobody sees. None
    where none is left."""
    count = int(selection.keep.sum()) + len(selection.added["opacity"])
    missing = -count % multiple
    if not missing:
        return selection
    copied = torch.arange(missing, device=selection.keep.device) % count
    added = {}
    for name, table in gaussians.tables().items():
        rows = torch.cat([table[selection.keep], selection.added[name]])
        filler = torch.full_like(rows[copied], FILLER) if name == "opacity" else rows[copied]
        added[name] = torch.cat([selection.added[name], filler])
    return Selection(keep=selection.keep, added=added)


@torch.no_grad()
def without_fillers(gaussians: Gaussians) -> Selection:
    """All Gaussians but fillers."""
    return Selection(
        keep=gaussians.opacity > FILLER / 2,
        added={name: table[:0] for name, table in gaussians.tables().items()},
    )


def is_green(gaussians: Gaussians) -> Bool[Tensor, " n"]:
    """Gaussians that took on the pure green that everything else is covered with."""
    color = 0.5 + SH_C0 * gaussians.dc.detach()[:, 0]
    return (color[:, 0] < 0.1) & (color[:, 1] > 0.9) & (color[:, 2] < 0.1)


@torch.no_grad()
def weaken_green(gaussians: Gaussians) -> None:
    """The mouth's way with green ones: nearly transparent and small, rather than gone
    (docs/method.md#adaptation)."""
    green = is_green(gaussians)
    gaussians.opacity[green] = torch.logit(torch.tensor(0.1))
    gaussians.scale[green] = gaussians.scale[green].minimum(
        _raw(torch.nn.functional.softplus(gaussians.scale[green]) / 10)
    )


@torch.no_grad()
def reset_opacity(gaussians: Gaussians, ceiling: float) -> None:
    """Lower every opacity to at most `ceiling`."""
    gaussians.opacity.clamp_(max=float(torch.logit(torch.tensor(ceiling))))


def _raw(scale: Tensor) -> Tensor:
    """Inverse of softplus, exact for small scales too."""
    return torch.log(torch.expm1(scale.clamp_min(1e-9)))


def _halves(
    tables: dict[str, Tensor], scales: Float[Tensor, "n 3"], generator: torch.Generator
) -> dict[str, Tensor]:
    """Two smaller Gaussians drawn from each one."""
    twice = {name: table.repeat(2, *[1] * (table.dim() - 1)) for name, table in tables.items()}
    turned = quaternion_to_matrix(twice["rotation"])
    scales = scales.repeat(2, 1)
    offset = torch.randn(scales.shape, generator=generator).to(scales) * scales
    twice["means"] = twice["means"] + (turned @ offset[..., None])[..., 0]
    twice["scale"] = _raw(scales / 1.6)
    return twice
