"""The `motion` front end: in place of the voice itself, the motion code of the lower face that the voice asks for.

A field that hears the code learns from what was seen of the face, exactly; how the voice moves it is known from many people (`lip_network`)
and from what a person's own seconds add to it: a Voice.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import FrontEnd
from instag.speech.lip_network import CODES, CURVES, REACH, LipModel, heard_by, load_lip_model
from instag.speech.phone_model import PhoneModel, load_phone_model
from instag.speech.phones import Phones


@final
@dataclass(frozen=True, kw_only=True)
class Voice:
    """How one person's lower face follows the voice: a linear map from what the networks find to codes. closed: the lips' gap at rest, eye distances."""

    weights: Float[Tensor, "n k"]
    bias: Float[Tensor, " k"]
    closed: float

    def state(self) -> dict[str, Tensor]:
        """As tensors, to be stored."""
        return {"weights": self.weights.contiguous(), "bias": self.bias.contiguous(), "closed": torch.tensor(self.closed)}

    @classmethod
    def of_state(cls, state: dict[str, Tensor]) -> "Voice":
        """The inverse of `state`."""
        return cls(weights=state["weights"], bias=state["bias"], closed=float(state["closed"]))


def usual_voice(model: LipModel) -> Voice:
    """That of nobody in particular: people's middle and their usual size of motion."""
    weights, bias = model.head()
    return Voice(weights=weights[:, CURVES:] * model.deviation, bias=bias[CURVES:] * model.deviation + model.middle, closed=0.0)


@final
class LipMotion(FrontEnd):
    """One code a frame, counted from the person's lips at rest. gain, mean: what a recording is brought to, as in `phones`."""

    name = "motion"
    channels = CODES
    steps = 1
    lookback = lookahead = REACH

    def __init__(self, voice: Voice | None = None, *, model: LipModel | None = None, tuning: Phones | None = None) -> None:
        self.model = load_lip_model() if model is None else model
        self.voice = usual_voice(self.model) if voice is None else voice
        self._tuning = Phones(load_phone_model()) if tuning is None else tuning

    @property
    def phones(self) -> PhoneModel:
        """What hears the phones."""
        return self._tuning.model

    def tuned(self, waveform: Float[Tensor, " samples"]) -> "LipMotion":
        """Set to the loudness and the mean cepstra of a recording."""
        return LipMotion(self.voice, model=self.model, tuning=self._tuning.tuned(waveform))

    def hidden(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f n"]:
        """What the networks find in each frame, before a person's own map."""
        return self.model.hidden(heard_by(self._tuning.model, waveform, gain=self._tuning.gain, mean=self._tuning.mean))

    def curves(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 3"]:
        """Aperture, width and jaw that anybody's voice asks for, in deviations from a person's mean."""
        weights, bias = self.model.head()
        return self.hidden(waveform) @ weights[:, :CURVES] + bias[:CURVES]

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 12 1"]:
        """The code of each frame; lips never cross."""
        code = self.hidden(waveform) @ self.voice.weights + self.voice.bias
        return lips_apart(code, self.model.gap, self.voice.closed)[..., None]


def lips_apart(code: Float[Tensor, "f k"], gap: Float[Tensor, " k"], closed: float) -> Float[Tensor, "f k"]:
    """The nearest code whose lips do not lie in each other. gap: what they draw apart for a code of 1; closed: their gap at rest, eye distances."""
    crossed = (-(code @ gap) - max(closed, 0.0)).clamp_min(0)
    return code + crossed[:, None] * gap / gap.square().sum()
