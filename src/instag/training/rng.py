"""Rng: the random numbers of one step of training, made from the seed and the step alone.

Nothing is carried from step to step, so that frames can be fetched ahead and a killed run goes on
as if it had never stopped.
"""

import zlib
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Rng:
    """choice: on the CPU, for what the program itself must know (frames, patches). noise: on the
    device, for values alone."""

    choice: torch.Generator
    noise: torch.Generator


def rng_for(seed: int, *what: str | int, device: torch.device | str = "cpu") -> Rng:
    """The random numbers of `what`, say a stage's name and a step; the same whenever they are asked
    for."""
    choice, noise = (
        zlib.crc32("/".join(map(str, (seed, *what, kind))).encode()) for kind in ("choice", "noise")
    )
    return Rng(
        choice=torch.Generator().manual_seed(choice),
        noise=torch.Generator(device).manual_seed(noise),
    )
