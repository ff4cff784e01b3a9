"""Tending: what comes to a set of Gaussians between two steps of training: density control,
weakened green, opacities lowered (docs/method.md#adaptation)."""

from collections.abc import Callable

import torch

from instag.errors import TrainingFailed
from instag.models.gaussians import Gaussians
from instag.training.density_control import (
    DensitySettings,
    Pull,
    densify,
    no_pull,
    reset_opacity,
    weaken_green,
)
from instag.training.optimizer import Optimiser


def tend(
    gaussians: Gaussians,
    pull: Pull,
    settings: DensitySettings,
    optimiser: Optimiser,
    *,
    done: int,
    steps: int,
    extent: float,
    draw: Callable[[], torch.Generator],
    whose: str,
) -> Pull:
    """Change the Gaussians as is due after `done` of `steps` steps, and what the optimiser
    remembers of them; returns the pull to go on with.

    extent: of the scene, metres. draw: gives the random numbers, and is asked only where some are
    needed. Raises TrainingFailed where none is left; `whose` says of what.
    """
    if done % settings.every == 0 and settings.start <= done < settings.end:
        selection = densify(
            gaussians, pull, settings, step=done, steps=steps, extent=extent, generator=draw()
        )
        optimiser.select(gaussians, selection)
        pull = no_pull(gaussians)
        if len(gaussians) == 0:
            raise TrainingFailed(
                f"No splats were left in {whose} at step {done}. The head's regions may be wrong: "
                "look at instag prepare --preview."
            )
    if settings.green == "weaken" and done >= settings.green_after and done % settings.every == 0:
        weaken_green(gaussians)
    if settings.reset_every and done % settings.reset_every == 0 and done < settings.end:
        reset_opacity(gaussians, settings.reset_opacity)
        optimiser.forget(gaussians.opacity)
    return pull
