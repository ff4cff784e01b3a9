"""Seen Gaussians: those of a head that show in pictures of one size. Small pictures show fewer than
a head has (docs/method.md#seen-gaussians)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool
from torch import Tensor

from instag.models.baked_head import MOST_DECIBEL
from instag.runtime.untrusted import check_tensors, real_number, whole_number

MOST_SIZES = 8
"""Sizes of pictures for which one avatar keeps them."""
_FACE, _MOUTH, _PSNR, _BASIS = "face", "mouth", "psnr", "basis"


@final
@dataclass(frozen=True, kw_only=True)
class SeenGaussians:
    """Which Gaussians of face and mouth are seen. psnr: dB of their picture against that of all, in
    the worst frame that nothing was chosen by. basis: identity of all that they were chosen from,
    the size of pictures among it."""

    face: Bool[Tensor, " n"]
    mouth: Bool[Tensor, " m"]
    psnr: float
    basis: int

    @property
    def are_all(self) -> bool:
        """Whether the head has no others."""
        return bool(self.face.all()) and bool(self.mouth.all())


def seen_as_tensors(several: Sequence[SeenGaussians]) -> dict[str, Tensor]:
    """Those of one head as they are stored, at least one."""
    return {
        _FACE: torch.stack([each.face for each in several]),
        _MOUTH: torch.stack([each.mouth for each in several]),
        _PSNR: torch.tensor([each.psnr for each in several]),
        _BASIS: torch.tensor([each.basis for each in several]),
    }


def seen_of_tensors(tensors: dict[str, Tensor]) -> tuple[SeenGaussians, ...]:
    """The inverse of `seen_as_tensors`."""
    return tuple(
        SeenGaussians(face=face, mouth=mouth, psnr=psnr, basis=basis)
        for face, mouth, psnr, basis in zip(
            tensors[_FACE],
            tensors[_MOUTH],
            tensors[_PSNR].tolist(),
            tensors[_BASIS].tolist(),
            strict=True,
        )
    )


def check_seen_gaussians(tensors: dict[str, Tensor], counts: tuple[int, int]) -> None:
    """Check stored tensors against the numbers of Gaussians of face and mouth. Raises ValueError,
    KeyError."""
    sizes = whole_number("sizes of seen Gaussians", tensors[_BASIS].numel(), 1, MOST_SIZES)
    of_face, of_mouth = ((sizes, count) for count in counts)
    check_tensors(tensors, {_FACE: of_face, _MOUTH: of_mouth, _PSNR: (sizes,), _BASIS: (sizes,)})
    if tensors[_PSNR].dtype != torch.float32 or tensors[_BASIS].dtype != torch.int64:
        raise ValueError("the seen Gaussians' numbers are of another type")
    for psnr in tensors[_PSNR].tolist():
        real_number("the psnr of seen Gaussians", psnr, 0.0, MOST_DECIBEL)
    for name in (_FACE, _MOUTH):
        _check_choice(f"the seen Gaussians of the {name}", tensors[name])


def _check_choice(name: str, kept: Tensor) -> None:
    """A file can hold other bytes than 0 and 1 in the place of truths, which torch counts wrongly.
    Raises ValueError."""
    if kept.dtype != torch.bool:
        raise ValueError(f"{name} are of type {kept.dtype}, not bool")
    if int(kept.view(torch.uint8).max()) > 1:
        raise ValueError(f"{name} hold bytes that are neither true nor false")
    if not bool(kept.any(1).all()):
        raise ValueError(f"{name} are none")
