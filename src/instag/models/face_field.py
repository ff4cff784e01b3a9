"""The gated motion field: from a place on the face, the speech and the expression to the motion of
a Gaussian there.

One class serves as the universal field (hidden 64, shared by all people) and as a person's own
field of pre-training (hidden 32; mouth: hidden 16, without expression), docs/method.md#networks.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.models.conditioning_encoders import WIDTH, conditioning_encoder
from instag.models.mlp import mlp
from instag.models.triplane import TriPlane
from instag.types import BLINK_LIMIT, EXPRESSION_UNITS, Condition

SHIFT_UNIT = 1e-2
"""Metres that an output of 1 shifts a Gaussian."""
REVIVAL = 0.1


@dataclass(frozen=True, kw_only=True)
class FieldFeatures:
    """What a field knows of points before it hears anything: their encoding and how far each
    listens."""

    encoding: Float[Tensor, "n 36"]
    speech_gate: Float[Tensor, "n 32"]
    expression_gate: Float[Tensor, "n e"]

    def split(self, *points: int) -> list["FieldFeatures"]:
        """So many first points, so many after them, and so on. (Split, not cut out: one operation
        backward, where slices take three each.)"""
        parts = zip(
            *(
                table.split(points)
                for table in (self.encoding, self.speech_gate, self.expression_gate)
            ),
            strict=True,
        )
        return [
            FieldFeatures(encoding=encoding, speech_gate=speech, expression_gate=expression)
            for encoding, speech, expression in parts
        ]

    def attention(self) -> Float[Tensor, "n 2"]:
        """Length of both gates: how strongly a point follows the speech and the expression."""
        return torch.stack(
            [self.speech_gate.norm(dim=-1), self.expression_gate.norm(dim=-1)], dim=-1
        )


@dataclass(frozen=True, kw_only=True)
class Deformation:
    """Changes of Gaussians for a batch of frames. shift: metres. rotation, scale: added to the raw
    quaternions and scales."""

    shift: Float[Tensor, "b n 3"]
    rotation: Float[Tensor, "b n 4"]
    scale: Float[Tensor, "b n 3"]

    def split(self, *frames: int) -> list["Deformation"]:
        """The motion of so many first frames, of so many after them, and so on."""
        parts = zip(
            *(table.split(frames) for table in (self.shift, self.rotation, self.scale)), strict=True
        )
        return [
            Deformation(shift=shift, rotation=rotation, scale=scale)
            for shift, rotation, scale in parts
        ]


class MotionField(nn.Module):
    """Tri-plane encoding, gates for speech and expression, and the network that turns all three
    into motion.

    `expression_range`, least and greatest of each unit, is part of its state: a stronger expression
    than any it learned from counts as the strongest of those, since a network says anything at all
    outside of what it has seen.
    """

    expression_range: Tensor

    def __init__(
        self,
        *,
        speech_channels: int,
        hidden: int,
        expression: bool = True,
        base: int = 16,
        finest: float = 38.4,
    ) -> None:
        super().__init__()
        self.encoding = TriPlane(base, finest)
        self.speech = conditioning_encoder(speech_channels)
        self.speech_gate = mlp(36, 32, WIDTH)
        units = len(EXPRESSION_UNITS) if expression else 0
        self.register_buffer("expression_range", torch.tensor([[0.0], [5.0]]).repeat(1, units))
        self.expression = mlp(units - 1, 16, units - 1) if expression else None
        self.expression_gate = mlp(36, 16, units) if expression else None
        # The 11 outputs of the paper: shift 3, rotation 4, opacity 1 (never applied), scale 3; the
        # mouth has 7.
        self.motion = mlp(36 + WIDTH + units, hidden, hidden, 11 if expression else 7)

    def places(self, points: Float[Tensor, "n 3"]) -> FieldFeatures:
        """Encode points (metres, the field's own space); the same for every frame."""
        encoding = self.encoding(points)
        gate = (
            leaky_grad_relu(self.expression_gate(encoding))
            if self.expression_gate is not None
            else encoding.new_zeros(len(points), 0)
        )
        return FieldFeatures(
            encoding=encoding, speech_gate=self.speech_gate(encoding), expression_gate=gate
        )

    def encode_conditioning(self, condition: Condition) -> Float[Tensor, "b codes"]:
        """The speech and expression codes of a batch of frames, side by side."""
        speech = self.speech(condition.speech)
        if self.expression is None:
            return speech
        expression = condition.expression.clamp(*self.expression_range)
        upper, blink = expression[:, :-1], expression[:, -1:].clamp(0, BLINK_LIMIT)
        return torch.cat([speech, self.expression(upper), blink], dim=-1)

    def move(self, places: FieldFeatures, heard: Float[Tensor, "b codes"]) -> Deformation:
        """Motion of each place in each frame.

        The first layer is split into the part of the place, the same in all frames, and the gated
        part; gating the layer's weights in place of its inputs gives the same numbers without a [b,
        n, 38] array.
        """
        of_encoding, of_gates = self.motion.get_parameter("0.weight").split(
            [36, heard.shape[1]], dim=1
        )
        of_place = places.encoding @ of_encoding.T
        gates = torch.cat([places.speech_gate, places.expression_gate], dim=-1)
        gated = (of_gates * heard[:, None]).transpose(1, 2)
        out = self.motion[1:](
            torch.baddbmm(
                of_place.expand(len(heard), -1, -1), gates.expand(len(heard), -1, -1), gated
            )
        )
        shift, rotation, *rest = out.split([3, 4, 1, 3] if out.shape[-1] == 11 else [3, 4], dim=-1)
        return Deformation(
            shift=shift * SHIFT_UNIT,
            rotation=rotation,
            scale=rest[-1] if rest else torch.zeros_like(shift),
        )

    def forward(self, points: Float[Tensor, "n 3"], condition: Condition) -> Deformation:
        return self.move(self.places(points), self.encode_conditioning(condition))


def universal_face_field(speech_channels: int) -> MotionField:
    """The universal motion field of the face, shared by all people."""
    return MotionField(speech_channels=speech_channels, hidden=64)


def personalized_face_field(speech_channels: int) -> MotionField:
    """What is one person's own in the motion of the face (pre-training)."""
    return MotionField(speech_channels=speech_channels, hidden=32)


def personalized_mouth_field(speech_channels: int) -> MotionField:
    """What is one person's own in the motion of the inside of the mouth (pre-training)."""
    return MotionField(
        speech_channels=speech_channels, hidden=16, expression=False, base=64, finest=57.6
    )


def leaky_grad_relu(values: Tensor) -> Tensor:
    """ReLU, whose gradient where it is closed is REVIVAL, not 0: a blink is rare, and its gate,
    closed by chance early, would never open again."""
    below = values.clamp(max=0)
    return torch.relu(values) + REVIVAL * (below - below.detach())
