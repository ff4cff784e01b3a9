"""The speaker adapter: how one person's lower face follows the voice."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.lips.network import CODES, CURVES, LipModel
from instag.speech.lips.seen_codes import SeenCodes

UNSHARP_AMOUNT = 1.0
"""Share of a code's difference from its smoothed course that is added: a prediction is a mean of
what lips might do, and too smooth in time."""
UNSHARP_KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
FIRST_WEIGHTS_ID = 2_978_001_052
"""Of the networks to which adapters without an id were fitted."""


@final
@dataclass(frozen=True, kw_only=True)
class SpeakerAdapter:
    """A linear map from hidden features of the networks to lip codes, then a correction of the
    aperture.

    rest_aperture: distance of the lips at rest. aperture_map: rising pairs of a predicted and a
    corrected aperture, linear between them and of slope 1 beyond; all in eye distances, the pairs
    counted from rest. opening: change of the code when the lips open by 1, with chin and cheeks.
    audio_late_ms: how much later than the lips the sound of its clip is. seen_codes: of the person,
    to which predictions are clamped; none in adapters of earlier versions. weights_id: of the
    networks to which it was fitted (`LipModel.weights_id`).
    """

    weights: Float[Tensor, "n k"]
    bias: Float[Tensor, " k"]
    rest_aperture: float
    aperture_map: Float[Tensor, "q 2"]
    opening: Float[Tensor, " k"]
    audio_late_ms: float = 0.0
    seen_codes: Float[Tensor, "s k"]
    weights_id: int

    def state(self) -> dict[str, Tensor]:
        """As tensors, by the names of the avatar's file."""
        tensors = {
            "weights": self.weights,
            "bias": self.bias,
            "gaps": self.aperture_map,
            "opening": self.opening,
            "seen": self.seen_codes,
        }
        numbers = {
            "closed": self.rest_aperture,
            "late": self.audio_late_ms,
            "mark": self.weights_id,
        }
        return {name: value.contiguous() for name, value in tensors.items()} | {
            name: torch.tensor(value) for name, value in numbers.items()
        }

    @classmethod
    def of_state(cls, state: dict[str, Tensor]) -> "SpeakerAdapter":
        """The inverse of `state`."""
        return cls(
            weights=state["weights"],
            bias=state["bias"],
            rest_aperture=float(state["closed"]),
            aperture_map=state["gaps"],
            opening=state["opening"],
            audio_late_ms=float(state["late"]),
            seen_codes=state.get("seen", state["weights"].new_zeros(0, CODES)),
            weights_id=int(state.get("mark", FIRST_WEIGHTS_ID)),
        )

    def code(
        self, hidden: Float[Tensor, "f n"], aperture: Float[Tensor, " k"]
    ) -> Float[Tensor, "f k"]:
        """Codes from hidden features. aperture: what a code of 1 adds to the lips' distance."""
        return self.corrected(unsharp(hidden @ self.weights + self.bias), aperture)

    def live_code(
        self, hidden: Float[Tensor, "f 5 n"], aperture: Float[Tensor, " k"]
    ) -> Float[Tensor, "f k"]:
        """The same from hidden features of each frame and of two to either side, as they are
        known then."""
        around = (hidden @ self.weights + self.bias).mT
        return self.corrected(sharpened(around), aperture)

    def corrected(
        self, code: Float[Tensor, "f k"], aperture: Float[Tensor, " k"]
    ) -> Float[Tensor, "f k"]:
        """Sharpened codes with the person's aperture, lips that never cross, and nothing far from
        what was seen."""
        predicted = code @ aperture
        change = piecewise_linear(predicted, self.aperture_map) - predicted
        uncrossed = uncross_lips(
            code + change[:, None] * self.opening, aperture, self.rest_aperture
        )
        return self._seen.clamp(uncrossed)

    @cached_property
    def _seen(self) -> SeenCodes:
        return SeenCodes(self.seen_codes)


def default_speaker_adapter(model: LipModel) -> SpeakerAdapter:
    """That of nobody in particular: people's mean code and their mean size of motion."""
    weights, bias = model.head()
    return SpeakerAdapter(
        weights=weights[:, CURVES:] * model.code_deviation,
        bias=bias[CURVES:] * model.code_deviation + model.mean_code,
        rest_aperture=0.0,
        aperture_map=torch.zeros(1, 2),
        opening=model.aperture / model.aperture.square().sum(),
        seen_codes=torch.zeros(0, CODES),
        weights_id=model.weights_id,
    )


def unsharp(code: Float[Tensor, "f k"]) -> Float[Tensor, "f k"]:
    """With quick changes over time enlarged; beyond the ends the outermost frames are repeated."""
    reach = len(UNSHARP_KERNEL) // 2
    around = torch.cat([code[:1].expand(reach, -1), code, code[-1:].expand(reach, -1)]).unfold(
        0, len(UNSHARP_KERNEL), 1
    )
    return sharpened(around)


def sharpened(around: Float[Tensor, "f k 5"]) -> Float[Tensor, "f k"]:
    """The code in the middle of five frames, with quick changes enlarged."""
    code = around[..., len(UNSHARP_KERNEL) // 2]
    return code + UNSHARP_AMOUNT * (code - around @ torch.tensor(UNSHARP_KERNEL))


def piecewise_linear(
    values: Float[Tensor, " f"], pairs: Float[Tensor, "q 2"]
) -> Float[Tensor, " f"]:
    """Values mapped by rising pairs (from, to): linear between them, and of slope 1 beyond the
    first and the last."""
    start, end = pairs[0], pairs[-1]
    after = torch.searchsorted(pairs[:, 0].contiguous(), values.contiguous()).clamp(
        1, max(1, len(pairs) - 1)
    )
    low, high = pairs[after - 1], pairs[after.clamp(max=len(pairs) - 1)]
    share = (values - low[:, 0]) / (high[:, 0] - low[:, 0]).clamp_min(1e-6)
    inside = low[:, 1] + share * (high[:, 1] - low[:, 1])
    return torch.where(
        values < start[0],
        start[1] + values - start[0],
        torch.where(values > end[0], end[1] + values - end[0], inside),
    )


def uncross_lips(
    code: Float[Tensor, "f k"],
    aperture: Float[Tensor, " k"],
    rest_aperture: float | Float[Tensor, " f"],
) -> Float[Tensor, "f k"]:
    """The nearest code whose lips do not pass through each other. aperture: what a code of 1 adds
    to the lips' distance; rest_aperture: their distance at rest, eye distances."""
    crossed = (-(code @ aperture) - torch.as_tensor(rest_aperture).clamp_min(0)).clamp_min(0)
    return code + crossed[:, None] * aperture / aperture.square().sum()
