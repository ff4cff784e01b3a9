"""HookReader: how each frame of a person opens the mouth, as the hook reads it from a face whose
motion rests (docs/method.md#networks)."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.models.face_field import FieldFeatures, MotionField
from instag.models.head import speech_alone
from instag.models.mouth_field import hook_values
from instag.training.people import Person

LOWEST_RANK, HIGHEST_RANK = 10, 50
"""Training reads the hook at a random rank of 10..49."""
FRAMES_AT_ONCE = 8


@final
@dataclass(frozen=True, kw_only=True)
class HookReader:
    """extremes: the face's largest and smallest shifts along y in each pictured frame, metres."""

    extremes: Float[Tensor, "f 2 k"]

    def at_rank(self, rows: Int[Tensor, " b"], rank: int) -> Float[Tensor, "b 3"]:
        """The hook of pictured frames at one rank."""
        return hook_values(*self.extremes[rows, :, self._place(rank)].unbind(1))

    def moves(self, rows: Int[Tensor, " b"], noise: torch.Generator) -> Float[Tensor, "b 3"]:
        """The hook of pictured frames, each at a random rank."""
        most = self.extremes.shape[-1]
        ranks = torch.randint(
            min(LOWEST_RANK, most),
            min(HIGHEST_RANK, most + 1),
            (len(rows),),
            generator=noise,
            device=rows.device,
        )
        return hook_values(*self.extremes[rows, :, ranks - 1].unbind(1))

    def strongest(self, rows: Int[Tensor, " b"]) -> Float[Tensor, "b 2"]:
        """High and low shift of pictured frames at the lowest rank, metres."""
        return self.extremes[rows, :, self._place(LOWEST_RANK)]

    def _place(self, rank: int) -> int:
        """Of a rank, or of the highest that few points have."""
        return min(rank, self.extremes.shape[-1]) - 1


@torch.no_grad()
def read_hooks(field: MotionField, places: FieldFeatures, person: Person) -> HookReader:
    """What a field of the face answers at some places of it, the expression at zero."""
    count, found = min(HIGHEST_RANK, len(places.encoding)), []
    pictured = torch.tensor(person.pictured, device=person.device)
    for frames in pictured.split(FRAMES_AT_ONCE):
        codes = field.encode_conditioning(person.dataset.condition(frames))
        vertical = field.deform(places, speech_alone(codes)).shift[..., 1]
        found.append(
            torch.stack(
                [vertical.topk(count).values, vertical.topk(count, largest=False).values], dim=1
            )
        )
    return HookReader(extremes=torch.cat(found))
