"""The expression basis: how landmarks of the upper face move when an action unit changes, on
anybody's face.

The units are measured in metres in the head's frame (`perception.action_units`), so that they mean
the same for everybody. Brows, lids and cheeks move in proportion to them;
tools/train_expression_basis.py learns how.
"""

from dataclasses import dataclass, replace
from importlib.resources import files
from typing import final

import torch
from jaxtyping import Float, Int
from safetensors.torch import load
from torch import Tensor

from instag.motion.landmark_motion import linear_motion
from instag.perception.action_units import LOWER_LIDS, UPPER_LIDS
from instag.types import BLINK, BLINK_LIMIT, EXPRESSION_UNITS

BLINK_ROW = EXPRESSION_UNITS.index(BLINK)
"""The row of the basis that closes the eyes, its last."""
STRONGEST_UNIT = 4.9
"""The largest intensity whose saturation is inverted; stronger ones are clamped to it."""


@final
@dataclass(frozen=True, kw_only=True)
class ExpressionBasis:
    """points: numbers of the landmarks (MediaPipe's). basis: their shifts in x and y, metres,
    head's frame, for a strength of 1 of each of EXPRESSION_UNITS.

    strongest: intensity of each unit that few people exceed. opening: of the eyes that the blink's
    row of the basis closes, metres.
    """

    points: Int[Tensor, " p"]
    basis: Float[Tensor, "6 p 2"]
    strongest: Float[Tensor, " 6"]
    opening: float

    def change(
        self, seen: Float[Tensor, "b 6"], shown: Float[Tensor, "b 6"]
    ) -> Float[Tensor, "b p 2"]:
        """How far the points move, metres, from the expression `seen` to the expression `shown`."""
        return linear_motion(strengths(shown) - strengths(seen), self.basis)

    def fitted(self, points: Float[Tensor, "q 3"]) -> "ExpressionBasis":
        """The basis for a face of this shape at rest, metres, whose blink closes exactly its
        eyes."""
        opening, blink = eye_opening(points), torch.zeros(len(self.basis), 1, 1)
        blink[BLINK_ROW] = 1
        return replace(
            self, basis=self.basis * (1 + blink * (opening / self.opening - 1)), opening=opening
        )

    def to(self, device: torch.device | str) -> "ExpressionBasis":
        """The same on a device."""
        points, basis, strongest = (
            value.to(device) for value in (self.points, self.basis, self.strongest)
        )
        return replace(self, points=points, basis=basis, strongest=strongest)


def strengths(expression: Float[Tensor, "b 6"]) -> Float[Tensor, "b 6"]:
    """The values to which motion is proportional: units with the saturation of strong ones undone,
    and the share to which a blink has closed the eyes."""
    upper = torch.atanh(expression[:, :BLINK_ROW].clamp(0, STRONGEST_UNIT) / 5)
    return torch.cat([upper, expression[:, BLINK_ROW:].clamp(0, BLINK_LIMIT) / BLINK_LIMIT], dim=1)


def eye_opening(points: Float[Tensor, "q 3"]) -> float:
    """Height of the opening between the lids of a shape, metres, mean of both eyes."""
    return float(points[list(UPPER_LIDS), 1].mean() - points[list(LOWER_LIDS), 1].mean())


def load_expression_basis() -> ExpressionBasis:
    """Read the bundled file, which fits people's mean eyes."""
    stored = load(files("instag").joinpath("bundled", "expressions.safetensors").read_bytes())
    return ExpressionBasis(
        points=stored["points"],
        basis=stored["basis"],
        strongest=stored["strongest"],
        opening=float(stored["opening"]),
    )


def stored_form(motion: ExpressionBasis) -> dict[str, Tensor]:
    """The tensors that the file stores."""
    named = {"points": motion.points, "basis": motion.basis, "strongest": motion.strongest}
    return {name: value.contiguous() for name, value in named.items()} | {
        "opening": torch.tensor(motion.opening)
    }
