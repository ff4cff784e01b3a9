"""The `motion` front end: lip codes, the motion of the lower face that a voice asks for, in place
of features of the voice itself.

A field that is driven by lip codes learns from observed ones, which are exact. How a voice moves
lips is known from many people (`lips/network.py`), and from a person's own seconds: a
SpeakerAdapter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from instag.errors import BadArgument, NotAnArtefact
from instag.ops.easing import smoothstep
from instag.ops.statistics import deviations
from instag.speech.front_end import FrontEnd
from instag.speech.lips.live_features import (
    LIVE_S,
    SIDE_FRAMES,
    live_hidden_of,
    look_ahead_steps,
)
from instag.speech.lips.network import (
    CODES,
    CURVES,
    LIP_CONTEXT_S,
    LipModel,
    lip_model_of,
    load_lip_model,
    network_features,
)
from instag.speech.loudness import loudness_gain_of
from instag.speech.whisper import (
    BLOCK_CONTEXT_S,
    BLOCK_S,
    LOOKBACK_S,
    PIECE,
    WhisperEncoder,
    load_whisper_encoder,
)
from instag.types import FPS, SAMPLE_RATE, SAMPLES

UNSHARP_AMOUNT = 1.0
"""Share of a code's difference from its smoothed course that is added: a prediction is a mean of
what lips might do, and too smooth in time."""
UNSHARP_KERNEL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
MAX_FROM_SEEN = 2.0
"""Deviations. Codes far from all seen ones tore the skin around wide-open lips; lips on the
person's own held-out speech stay as they were."""
SILENT, SPOKEN = 0.02, 0.1
"""Probabilities of a voice at which lips rest, and at which they follow it; eased between."""
FIRST_WEIGHTS_ID = 2_978_001_052
"""Of the networks to which adapters without an id were fitted."""


@final
@dataclass(frozen=True, kw_only=True)
class SpeakerAdapter:
    """How one person's lower face follows the voice: a linear map from hidden features of the
    networks to lip codes, then a correction of the aperture.

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
    def _seen(self) -> "SeenCodes":
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


@final
class LipCodeFrontEnd(FrontEnd):
    """One code a frame, counted from the person's lips at rest. The encoder runs on the device of
    its weights.

    gain: of the waveform. look_ahead_s: seconds of sound after a frame's middle that its code may
    depend on, in steps of 20 ms up to LIP_CONTEXT_S, as a live voice has them; None for all.
    Raises NotAnArtefact for an adapter of other networks, BadArgument for another look-ahead.
    """

    name = "motion"
    kind = "lip_codes"
    channels = CODES
    steps = 1
    piece, lookback = PIECE, LOOKBACK_S
    lookahead = LIP_CONTEXT_S + len(UNSHARP_KERNEL) // 2 / FPS + BLOCK_S + BLOCK_CONTEXT_S

    def __init__(
        self,
        adapter: SpeakerAdapter | None = None,
        *,
        model: LipModel | None = None,
        encoder: WhisperEncoder | None = None,
        gain: float = 1.0,
        look_ahead_s: float | None = None,
    ) -> None:
        if look_ahead_s is not None and not 0 <= look_ahead_s <= LIP_CONTEXT_S:
            raise BadArgument(
                f"Lips look 0 to {LIP_CONTEXT_S} s ahead, not {look_ahead_s}. None is all of it."
            )
        if model is None:
            model = load_lip_model() if adapter is None else lip_model_of(adapter.weights_id)
        self.model = model
        self.adapter = default_speaker_adapter(self.model) if adapter is None else adapter
        if self.adapter.weights_id != self.model.weights_id:
            raise NotAnArtefact(
                "The avatar's voice was learned with another version's lip networks. Learn it "
                "again from its clip: instag adapt"
            )
        features = self.model.head()[0].shape[0]
        if len(self.adapter.weights) != features:
            raise NotAnArtefact(
                f"The avatar's voice reads {len(self.adapter.weights)} features, and its lip "
                f"networks have {features}. Its file is damaged: copy it again."
            )
        self.encoder = load_whisper_encoder() if encoder is None else encoder
        self._voice_head = self.model.voice_head()
        self.gain, self.look_ahead_s = gain, look_ahead_s
        if look_ahead_s is not None:
            self.lookback, self.lookahead = LIVE_S, look_ahead_s

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "LipCodeFrontEnd":
        """Set to the loudness of a recording."""
        return self.calibrated_by([waveform])

    def calibrated_by(self, pieces: Iterable[Float[Tensor, " samples"]]) -> "LipCodeFrontEnd":
        return LipCodeFrontEnd(
            self.adapter,
            model=self.model,
            encoder=self.encoder,
            gain=loudness_gain_of(pieces),
            look_ahead_s=self.look_ahead_s,
        )

    def hidden(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f n"]:
        """Hidden features of the networks for each frame: the input of a speaker adapter."""
        return self.model.hidden(network_features(self.encoder, self.model, waveform * self.gain))

    def curves(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 3"]:
        """Aperture, width and jaw as predicted for anybody, in deviations from a person's mean."""
        weights, bias = self.model.head()
        return self.hidden(waveform) @ weights[:, :CURVES] + bias[:CURVES]

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 12 1"]:
        """The code of each frame; lips never cross."""
        if self.look_ahead_s is None:
            hidden = self.hidden(waveform)
            code, voice = self.adapter.code(hidden, self.model.aperture), self.voice(hidden)
        else:
            code, voice = self.live_codes(self.live_hidden(waveform))
        return (code * voice[:, None])[..., None]

    def live_codes(
        self, hidden: Float[Tensor, "f 5 n"]
    ) -> tuple[Float[Tensor, "f 12"], Float[Tensor, " f"]]:
        """Codes where somebody speaks, and the share of them that the lips follow, from
        `live_hidden`."""
        code = self.adapter.live_code(hidden, self.model.aperture)
        return code, self.voice(hidden[:, SIDE_FRAMES])

    def live_hidden(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 5 n"]:
        """Hidden features of each frame and of two to either side, as they are known after the
        look-ahead."""
        steps, frames = look_ahead_steps(self.look_ahead_s or 0.0), -(-len(waveform) // SAMPLES)
        loud = waveform * self.gain
        return live_hidden_of(self.encoder, self.model, loud, steps, range(frames))

    def voice(self, hidden: Float[Tensor, "f n"]) -> Float[Tensor, " f"]:
        """The share of the code that the lips follow, from 0 where nobody speaks; 1 by networks
        that do not tell it."""
        if self._voice_head is None:
            return hidden.new_ones(len(hidden))
        weights, bias = self._voice_head
        return voice_share(hidden @ weights + bias)


def voice_share(logit: Float[Tensor, " f"]) -> Float[Tensor, " f"]:
    """How much lips move for a voice of that logit."""
    return smoothstep(((logit.sigmoid() - SILENT) / (SPOKEN - SILENT)).clamp(0, 1))


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


def shift_earlier(waveform: Float[Tensor, " samples"], ms: float) -> Float[Tensor, " samples"]:
    """The waveform earlier by so much, of the same length, with silence where there is no more of
    it."""
    shift = round(ms * SAMPLE_RATE / 1000)
    padded = pad(waveform, (max(0, -shift), max(0, shift)))
    return padded[max(0, shift) : max(0, shift) + len(waveform)]


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
    code: Float[Tensor, "f k"], aperture: Float[Tensor, " k"], rest_aperture: float
) -> Float[Tensor, "f k"]:
    """The nearest code whose lips do not pass through each other. aperture: what a code of 1 adds
    to the lips' distance; rest_aperture: their distance at rest, eye distances."""
    crossed = (-(code @ aperture) - max(rest_aperture, 0.0)).clamp_min(0)
    return code + crossed[:, None] * aperture / aperture.square().sum()


@final
class SeenCodes:
    """Codes that a person was seen with, in their deviations."""

    def __init__(self, seen: Float[Tensor, "s k"]) -> None:
        self._size = deviations(seen) if len(seen) else seen.new_ones(seen.shape[1])
        self._seen = seen
        self._scaled = seen / self._size

    def clamp(self, code: Float[Tensor, "f k"]) -> Float[Tensor, "f k"]:
        """Codes no farther than MAX_FROM_SEEN from a smooth mean of the nearest seen ones, so that
        nothing jumps. Unchanged where none were seen."""
        if not len(self._seen):
            return code
        size, apart = self._size, torch.cdist(code / self._size, self._scaled)
        near = torch.softmax((apart.amin(1, keepdim=True).square() - apart.square()) / 2, dim=1)
        near = near @ self._seen
        return near + (code - near) * (
            MAX_FROM_SEEN / ((code - near) / size).norm(dim=1, keepdim=True).clamp_min(1e-6)
        ).clamp(max=1)
