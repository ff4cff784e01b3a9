"""The gated motion field: from a point of the face, the speech and the expression to the motion of
a Gaussian there.

One class serves as the universal field (hidden 64, shared by all people) and as a person's own
field of pre-training (hidden 32; mouth: hidden 16, without expression), docs/method.md#networks.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from instag.models.conditioning_encoders import WIDTH, conditioning_encoder
from instag.models.mlp import mlp
from instag.models.triplane import TriPlane
from instag.types import BLINK, BLINK_LIMIT, EXPRESSION_UNITS, Condition, Conditioning

SHIFT_UNIT = 1e-2
"""Metres that an output of 1 shifts a Gaussian."""
REVIVAL = 0.1
"""The gradient of a closed gate."""


@dataclass(frozen=True, kw_only=True)
class FieldFeatures:
    """A field's features of points, the same in every frame: their encoding, and the gates through
    which speech and expression reach them."""

    encoding: Float[Tensor, "n 36"]
    speech_gate: Float[Tensor, "n 32"]
    expression_gate: Float[Tensor, "n e"]

    def at(self, points: Int[Tensor, " p"]) -> "FieldFeatures":
        """Those of some of the points."""
        return FieldFeatures(
            encoding=self.encoding[points],
            speech_gate=self.speech_gate[points],
            expression_gate=self.expression_gate[points],
        )

    def split(self, *points: int) -> list["FieldFeatures"]:
        """The first so many points, the next so many, and so on. (One `split` is one operation in
        the backward pass, where each slice takes three.)"""
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
        """The deformations of the first so many frames, of the next so many, and so on."""
        parts = zip(
            *(table.split(frames) for table in (self.shift, self.rotation, self.scale)), strict=True
        )
        return [
            Deformation(shift=shift, rotation=rotation, scale=scale)
            for shift, rotation, scale in parts
        ]


class MotionField(nn.Module):
    """Tri-plane encoding, gates for speech and expression, and the network that computes a motion
    from all three.

    units: names of the expression's columns; a field without any has no expression.
    `expression_range`, least and greatest of each unit, is part of the state: a stronger expression
    than any that the field learned from is clamped to the strongest of those, beyond which its
    output is arbitrary.
    """

    expression_range: Tensor

    def __init__(
        self,
        *,
        conditioning: Conditioning,
        units: tuple[str, ...] = EXPRESSION_UNITS,
        hidden: int,
        base: int = 16,
        finest: float = 38.4,
    ) -> None:
        super().__init__()
        self.units = units
        self.encoding = TriPlane(base, finest)
        self.speech = conditioning_encoder(conditioning)
        self.speech_gate = mlp(36, 32, WIDTH)
        count, encoded = len(units), len(units) - (BLINK in units)
        self.register_buffer("expression_range", torch.tensor([[0.0], [5.0]]).repeat(1, count))
        self.expression = mlp(encoded, 16, encoded) if units else None
        self.expression_gate = mlp(36, 16, count) if units else None
        # The 11 outputs of the paper: shift 3, rotation 4, opacity 1 (never applied), scale 3; the
        # mouth has 7.
        self.motion = mlp(36 + WIDTH + count, hidden, hidden, 11 if units else 7)

    def features(self, points: Float[Tensor, "n 3"]) -> FieldFeatures:
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
        """The speech and expression codes of a batch of frames, side by side. The blink, where
        there is one, comes last and as it is."""
        speech = self.speech(condition.speech)
        if self.expression is None:
            return speech
        expression = condition.expression.clamp(*self.expression_range)
        if BLINK not in self.units:
            return torch.cat([speech, self.expression(expression)], dim=-1)
        others, blink = without_column(expression, self.units.index(BLINK))
        return torch.cat([speech, self.expression(others), blink.clamp(0, BLINK_LIMIT)], dim=-1)

    def deform(self, features: FieldFeatures, codes: Float[Tensor, "b codes"]) -> Deformation:
        """Motion of each point in each frame."""
        return FixedPoints(self, features)(codes)

    def forward(self, points: Float[Tensor, "n 3"], condition: Condition) -> Deformation:
        return self.deform(self.features(points), self.encode_conditioning(condition))


@final
class FixedPoints:
    """A field evaluated at the same points in many frames: what no frame changes is computed once.

    The first layer is split into the encoding's part, the same in all frames, and the gated part;
    gating the layer's weights in place of its inputs gives the same numbers without a [b, n, 38]
    array.
    """

    def __init__(self, field: MotionField, features: FieldFeatures) -> None:
        weights = field.motion.get_parameter("0.weight")
        of_encoding, self._of_gates = weights.split([36, weights.shape[1] - 36], dim=1)
        self._static = features.encoding @ of_encoding.T
        self._gates = torch.cat([features.speech_gate, features.expression_gate], dim=-1)
        self._rest = field.motion[1:]

    def __call__(self, codes: Float[Tensor, "b codes"]) -> Deformation:
        """See MotionField.deform."""
        out = self._rest(self.first_layer(codes))
        shift, rotation, *rest = out.split([3, 4, 1, 3] if out.shape[-1] == 11 else [3, 4], dim=-1)
        return Deformation(
            shift=shift * SHIFT_UNIT,
            rotation=rotation,
            scale=rest[-1] if rest else torch.zeros_like(shift),
        )

    def first_layer(self, codes: Float[Tensor, "b codes"]) -> Float[Tensor, "b n hidden"]:
        """What the field's first layer answers, before its ReLU."""
        gated = (self._of_gates * codes[:, None]).transpose(1, 2)
        static, gates = (each.expand(len(codes), -1, -1) for each in (self._static, self._gates))
        return torch.baddbmm(static, gates, gated)


def without_column(
    values: Float[Tensor, "b u"], column: int
) -> tuple[Float[Tensor, "b v"], Float[Tensor, "b 1"]]:
    """The other columns, and that column."""
    before, taken, after = values.split([column, 1, values.shape[1] - column - 1], dim=1)
    return torch.cat([before, after], dim=1), taken


def universal_face_field(
    conditioning: Conditioning, units: tuple[str, ...] = EXPRESSION_UNITS
) -> MotionField:
    """The universal motion field of the face, shared by all people."""
    return MotionField(conditioning=conditioning, units=units, hidden=64)


def personalized_face_field(
    conditioning: Conditioning, units: tuple[str, ...] = EXPRESSION_UNITS
) -> MotionField:
    """One person's own part of the face's motion (pre-training)."""
    return MotionField(conditioning=conditioning, units=units, hidden=32)


def personalized_mouth_field(conditioning: Conditioning) -> MotionField:
    """One person's own part of the motion of the inside of the mouth (pre-training)."""
    return MotionField(conditioning=conditioning, units=(), hidden=16, base=64, finest=57.6)


def leaky_grad_relu(values: Tensor) -> Tensor:
    """ReLU with the gradient REVIVAL, not 0, where it is closed: blinks are rare, and a gate that
    closed by chance early in training would never open again."""
    below = values.clamp(max=0)
    return torch.relu(values) + REVIVAL * (below - below.detach())
