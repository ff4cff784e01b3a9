"""Motion shapes: the motion of a face's Gaussians as a mean and a few linear shapes of it, whose
coefficients are read off the true motion of some hundred Gaussians
(docs/method.md#baked-motion)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import final

import torch
from jaxtyping import Bool, Float, Int, Int8
from torch import Tensor

from instag.runtime.untrusted import Shape, check_shape, check_tensors

CHANNELS = 10
"""Those of a Deformation: shift 3 (metres), rotation 4, scale 3."""
PER_CHANNEL = (1.0,) * 3 + (8e-3,) * 4 + (4e-3,) * 3
"""Metres that a picture changes by, about, for a change of 1: a Gaussian of a face is some 0.5 mm
large. What is near in rotation and scale but not in the centres is not near in a picture."""
FINEST_STEPS = (1e-5,) * 3 + (1e-3,) * 4 + (2e-3,) * 3
"""The step in which weak shapes are stored; finer ones cost bytes and show in no picture."""
STILL = (2e-5,) * 3 + (5e-3,) * 7
"""A Gaussian of which no channel changes by more (root of the mean square) does not move."""
MOST_STEPS = 127
"""Steps up to the largest number of a shape."""
LARGEST = 1e3
"""Of the stored mean and steps; honest ones stay under 10."""
MOST_SHAPES = 64
SAMPLED = 192
"""Gaussians that coefficients are read off: ten numbers each for at most 64."""
LEARNED_FROM = 4096
"""Gaussians, at most, whose motion tells the principal components over frames."""
ROUNDING = 1e-6
"""Share of the strongest component's variance under which others are rounding."""
FRAMES = 8
"""Frames whose motion is computed at once."""

Motion = Callable[[Int[Tensor, " p"], slice], Float[Tensor, "b p 10"]]
"""The exact motion of some Gaussians in some frames."""


@final
@dataclass(frozen=True, kw_only=True)
class MotionShapes:
    """mean: of every Gaussian. moving: which of them move, in the order of the shapes' last axis.
    shapes: times `steps` what a coefficient of 1 adds to each channel; over the fitted frames a
    coefficient has variance 1. sampled: places in `moving` of the Gaussians that coefficients are
    read off.
    """

    mean: Float[Tensor, "n 10"]
    moving: Int[Tensor, " m"]
    shapes: Int8[Tensor, "r 10 m"]
    steps: Float[Tensor, "r 10"]
    sampled: Int[Tensor, " p"]

    def __len__(self) -> int:
        """Shapes."""
        return len(self.shapes)

    @property
    def read_at(self) -> Int[Tensor, " p"]:
        """The Gaussians whose motion `coefficients` takes."""
        return self.moving[self.sampled]

    def first(self, count: int) -> "MotionShapes":
        """With the `count` strongest shapes alone."""
        return replace(self, shapes=self.shapes[:count], steps=self.steps[:count])

    def part(self, kept: Bool[Tensor, " n"]) -> "MotionShapes":
        """Of some Gaussians, for their `motion` alone: coefficients are read off all."""
        moves = kept[self.moving]
        return replace(
            self,
            mean=self.mean[kept],
            moving=(kept.cumsum(0) - 1)[self.moving[moves]],
            shapes=self.shapes[..., moves],
            sampled=self.sampled[:0],
        )

    def reader(self) -> Float[Tensor, "q r"]:
        """The map from differences to coefficients: least squares."""
        seen = self.shapes[:, :, self.sampled].float() * self.steps[..., None]
        weighted = seen.mT * seen.new_tensor(PER_CHANNEL)
        return torch.linalg.pinv(weighted.flatten(1).cpu()).to(seen.device)

    def coefficients(
        self, motion: Float[Tensor, "b p 10"], reader: Float[Tensor, "q r"]
    ) -> Float[Tensor, "b r"]:
        """Of frames in which the Gaussians `read_at` move so."""
        difference = motion - self.mean[self.read_at]
        return (difference * _per_channel(difference.device)).flatten(1) @ reader

    def motion(self, coefficients: Float[Tensor, "b r"]) -> Float[Tensor, "b n 10"]:
        """Of every Gaussian."""
        added = torch.einsum("br,rcm->bmc", coefficients, self.shapes * self.steps[..., None])
        return self.mean.expand(len(added), -1, -1).index_add(1, self.moving, added)

    def tensors(self) -> dict[str, Tensor]:
        """As they are stored. Half precision is 0.005 mm of a shift of a centimetre."""
        return {
            "mean": self.mean.half(),
            "moving": self.moving.int(),
            "shapes": self.shapes,
            "steps": self.steps,
            "sampled": self.sampled.int(),
        }

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor]) -> "MotionShapes":
        """The inverse of `tensors`, which may hold others besides."""
        return cls(
            mean=tensors["mean"].float(),
            moving=tensors["moving"].long(),
            shapes=tensors["shapes"],
            steps=tensors["steps"],
            sampled=tensors["sampled"].long(),
        )

    def to(self, device: torch.device | str) -> "MotionShapes":
        """The same on a device."""
        return replace(self, **{name: value.to(device) for name, value in vars(self).items()})


@cache
def _per_channel(device: torch.device) -> Float[Tensor, " 10"]:
    """Kept: a CUDA graph cannot record a copy from the host."""
    return torch.tensor(PER_CHANNEL, device=device)


def fit_motion_shapes(
    motion: Motion, count: int, frames: int, *, shapes: int, generator: torch.Generator
) -> MotionShapes:
    """The principal components of the motion of `count` Gaussians over `frames` frames.

    They are found on some of the Gaussians; the motion of all is then computed once, a few frames
    at a time, so that memory does not grow with the frames. generator: on the host; chooses the
    Gaussians.
    """
    some = torch.randperm(count, generator=generator)[:LEARNED_FROM].sort().values
    mean, found = _projected(motion, count, _components(motion, some, frames, shapes))
    size = found.square().sum(0).sqrt()
    moving = (size > size.new_tensor(STILL)).any(1).nonzero()[:, 0]
    if not len(moving):
        moving = torch.arange(min(count, SAMPLED), device=size.device)
    kept = found[:, moving].mT
    steps = (kept.abs().amax(2) / MOST_STEPS).maximum(kept.new_tensor(FINEST_STEPS))
    influence = size[moving].cpu() @ torch.tensor(PER_CHANNEL)
    sampled = torch.multinomial(
        influence.square() + 1e-12, min(SAMPLED, len(moving)), generator=generator
    )
    return MotionShapes(
        mean=mean,
        moving=moving,
        shapes=(kept / steps[..., None]).round().to(torch.int8).contiguous(),
        steps=steps,
        sampled=sampled.sort().values.to(size.device),
    )


def _components(
    motion: Motion, points: Int[Tensor, " p"], frames: int, shapes: int
) -> Float[Tensor, "f r"]:
    """Coefficients of the principal components in each frame, the strongest first."""
    whole = torch.cat([motion(points, part) for part in _parts(frames)])
    centered = ((whole - whole.mean(0)) * whole.new_tensor(PER_CHANNEL)).flatten(1)
    strengths, vectors = torch.linalg.eigh((centered @ centered.T).double().cpu())
    kept = max(1, min(shapes, frames - 1, int((strengths > ROUNDING * strengths[-1]).sum())))
    return (vectors.flip(1)[:, :kept] * frames**0.5).float()


def _projected(
    motion: Motion, count: int, over_frames: Float[Tensor, "f r"]
) -> tuple[Float[Tensor, "n 10"], Float[Tensor, "r n 10"]]:
    """The mean motion of every Gaussian, and how it goes with each column of `over_frames`."""
    everyone, (frames, shapes) = torch.arange(count), over_frames.shape
    total = products = None
    for part in _parts(frames):
        moved = motion(everyone, part)
        if total is None or products is None:
            total = torch.zeros_like(moved[0])
            products = moved.new_zeros(shapes, moved[0].numel())
        total += moved.sum(0)
        products.addmm_(over_frames[part].to(moved.device).T, moved.flatten(1))
    assert total is not None
    assert products is not None
    return total / frames, products.view(shapes, count, CHANNELS) / frames


def _parts(frames: int) -> list[slice]:
    return [slice(start, min(start + FRAMES, frames)) for start in range(0, frames, FRAMES)]


def check_motion_shapes(tensors: dict[str, Tensor], count: int) -> None:
    """Check stored tensors against the number of Gaussians. Raises ValueError, KeyError."""
    number, moving = len(tensors["steps"]), len(tensors["moving"])
    if not 1 <= number <= MOST_SHAPES:
        raise ValueError(f"it has {number} motion shapes")
    shapes: dict[str, tuple[torch.dtype, Shape]] = {
        "mean": (torch.float16, (count, CHANNELS)),
        "moving": (torch.int32, (moving,)),
        "shapes": (torch.int8, (number, CHANNELS, moving)),
        "steps": (torch.float32, (number, CHANNELS)),
        "sampled": (torch.int32, (None,)),
    }
    sizes = {name: shape for name, (_, shape) in shapes.items()}
    check_tensors(tensors, sizes, largest=LARGEST)
    for name, (kind, _) in shapes.items():
        if tensors[name].dtype != kind:
            raise ValueError(f"{name} holds numbers of type {tensors[name].dtype}")
    check_places("moving", tensors["moving"], count)
    check_places("sampled", tensors["sampled"], moving)


def check_places(name: str, places: Int[Tensor, " p"], count: int) -> None:
    """Check that these are rising numbers under `count`, one at least. Raises ValueError."""
    check_shape(name, tuple(places.shape), (None,))
    if not len(places) or int(places[0]) < 0 or int(places[-1]) >= count:
        raise ValueError(f"{name} is empty, or names what is not there")
    if len(places) > 1 and not bool((places.diff() > 0).all()):
        raise ValueError(f"{name} does not rise")
