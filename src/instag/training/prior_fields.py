"""PriorFields: the fields of a pre-training, those that all people share and their averages, which
become the prior, beside each person's own (docs/method.md#two-acts, #networks)."""

from typing import final

import torch
from torch import Tensor, nn

from instag.models.face_field import (
    MotionField,
    personalized_face_field,
    personalized_mouth_field,
    universal_face_field,
)
from instag.models.mouth_field import MouthField
from instag.training.optimizer import ema_of
from instag.types import Conditioning


@final
class PriorFields(nn.Module):
    """The universal fields of face and mouth, their averages, and the personalized fields of all
    people, in their order.

    share_speech: one speech network serves the faces of all people, and another one their mouths.
    """

    def __init__(
        self,
        *,
        people: int,
        conditioning: Conditioning,
        units: tuple[str, ...],
        share_speech: bool,
    ) -> None:
        super().__init__()
        self.share_speech = share_speech
        self.face = universal_face_field(conditioning, units)
        self.mouth = MouthField(conditioning)
        self.own_faces = nn.ModuleList(
            personalized_face_field(conditioning, units) for _ in range(people)
        )
        self.own_mouths = nn.ModuleList(
            personalized_mouth_field(conditioning) for _ in range(people)
        )
        if share_speech:
            for fields in (self.own_faces, self.own_mouths):
                for field in fields:
                    field.speech = fields[0].speech
        self.face_average, self.mouth_average = ema_of(self.face), ema_of(self.mouth)

    def own_face(self, person: int) -> MotionField:
        field = self.own_faces[person]
        assert isinstance(field, MotionField)
        return field

    def own_mouth(self, person: int) -> MotionField:
        field = self.own_mouths[person]
        assert isinstance(field, MotionField)
        return field

    @torch.no_grad()
    def set_ranges(self, level: Tensor, expression_range: Tensor) -> None:
        """Let all encoders bring speech of this level to their own, and take expressions within
        this range [2 6]."""
        for module in self.modules():
            if isinstance(module, MotionField):
                module.expression_range.copy_(
                    expression_range[:, : module.expression_range.shape[1]]
                )
            if isinstance(module, MotionField | MouthField):
                module.speech.level.copy_(level)
