"""The `motion` front end: in place of the voice itself, the motion code of the lower face that the
voice asks for.

A field that hears the code learns from what was seen of the face, exactly; how the voice moves it
is known from many people (`lip_network`) and from what a person's own seconds add to it: a Voice.
"""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from instag.errors import NotAnArtefact
from instag.ops.statistics import deviations
from instag.speech.front_end import FrontEnd
from instag.speech.lips.network import (
    CODES,
    CURVES,
    REACH,
    LipModel,
    features_for,
    load_lip_model,
)
from instag.speech.loudness import loudness_gain
from instag.speech.whisper import (
    AROUND_S,
    BLOCK_S,
    LOOKBACK_S,
    PIECE,
    WhisperEncoder,
    load_whisper_encoder,
)
from instag.types import FPS, SAMPLE_RATE

SHARPENED = 1.0
"""How often what a code differs from its smoothed course by is added: what is predicted is a mean
of what lips might do, and too smooth in time."""
SMOOTHING = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
FARTHEST_FROM_SEEN = 2.0
"""Deviations. In codes far from any that was seen the skin around wide-open lips came apart; lips
on the person's own unheard speech stay as they were."""
FIRST_MARK = 2_978_001_052
"""Of the networks that voices without a mark were learned with."""


@final
@dataclass(frozen=True, kw_only=True)
class SpeakerAdapter:
    """How one person's lower face follows the voice: a linear map from what the networks find to
    codes, then the lips' gap corrected.

    closed: the gap at rest. gaps: pairs of a gap that the linear map says and the one that is
    meant, rising; a straight line between them and of slope 1 beyond; both in eye distances away
    from rest. opening: how the code changes when the lips open by 1, chin and cheeks along. late:
    ms that the sound of the clip that taught it is later than its lips. seen: codes of the person,
    which what is said keeps near; none in voices of earlier versions. mark: of the networks that it
    reads (`LipModel.weights_id`).
    """

    weights: Float[Tensor, "n k"]
    bias: Float[Tensor, " k"]
    closed: float
    gaps: Float[Tensor, "q 2"]
    opening: Float[Tensor, " k"]
    late: float = 0.0
    seen: Float[Tensor, "s k"]
    weights_id: int

    def state(self) -> dict[str, Tensor]:
        """As tensors, to be stored."""
        tensors = {
            "weights": self.weights,
            "bias": self.bias,
            "gaps": self.gaps,
            "opening": self.opening,
            "seen": self.seen,
        }
        numbers = {"closed": self.closed, "late": self.late, "mark": self.weights_id}
        return {name: value.contiguous() for name, value in tensors.items()} | {
            name: torch.tensor(value) for name, value in numbers.items()
        }

    @classmethod
    def of_state(cls, state: dict[str, Tensor]) -> "SpeakerAdapter":
        """The inverse of `state`."""
        return cls(
            weights=state["weights"],
            bias=state["bias"],
            closed=float(state["closed"]),
            gaps=state["gaps"],
            opening=state["opening"],
            late=float(state["late"]),
            seen=state.get("seen", state["weights"].new_zeros(0, CODES)),
            weights_id=int(state.get("mark", FIRST_MARK)),
        )

    def code(self, hidden: Float[Tensor, "f n"], gap: Float[Tensor, " k"]) -> Float[Tensor, "f k"]:
        """The codes of what the networks find. gap: what the lips draw apart for a code of 1."""
        code = unsharp(hidden @ self.weights + self.bias)
        said = code @ gap
        return clamp_to_seen(
            lips_apart(
                code + (between(said, self.gaps) - said)[:, None] * self.opening, gap, self.closed
            ),
            self.seen,
        )


def default_speaker_adapter(model: LipModel) -> SpeakerAdapter:
    """That of nobody in particular: people's middle and their usual size of motion."""
    weights, bias = model.head()
    return SpeakerAdapter(
        weights=weights[:, CURVES:] * model.deviation,
        bias=bias[CURVES:] * model.deviation + model.middle,
        closed=0.0,
        gaps=torch.zeros(1, 2),
        opening=model.gap / model.gap.square().sum(),
        seen=torch.zeros(0, CODES),
        weights_id=model.weights_id,
    )


@final
class LipCodeFrontEnd(FrontEnd):
    """One code a frame, counted from the person's lips at rest. gain: what a waveform is multiplied
    by. The ear computes on the device where it lies.

    Raises NotAnArtefact for a voice of other networks.
    """

    name = "motion"
    kind = "lip_codes"
    channels = CODES
    steps = 1
    piece, lookback = PIECE, LOOKBACK_S
    lookahead = REACH + len(SMOOTHING) // 2 / FPS + BLOCK_S + AROUND_S

    def __init__(
        self,
        voice: SpeakerAdapter | None = None,
        *,
        model: LipModel | None = None,
        ear: WhisperEncoder | None = None,
        gain: float = 1.0,
    ) -> None:
        self.model = load_lip_model() if model is None else model
        self.voice = default_speaker_adapter(self.model) if voice is None else voice
        if self.voice.weights_id != self.model.weights_id:
            raise NotAnArtefact(
                "The avatar's voice was learned with another version's lip networks. Learn it "
                "again from its clip: instag adapt"
            )
        self.ear = load_whisper_encoder() if ear is None else ear
        self.gain = gain

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "LipCodeFrontEnd":
        """Set to the loudness of a recording."""
        return LipCodeFrontEnd(
            self.voice, model=self.model, ear=self.ear, gain=loudness_gain(waveform)
        )

    def hidden(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f n"]:
        """What the networks find in each frame, before a person's own map."""
        return self.model.hidden(features_for(self.ear, self.model, waveform * self.gain))

    def curves(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 3"]:
        """Aperture, width and jaw that anybody's voice asks for, in deviations from a person's
        mean."""
        weights, bias = self.model.head()
        return self.hidden(waveform) @ weights[:, :CURVES] + bias[:CURVES]

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 12 1"]:
        """The code of each frame; lips never cross."""
        return self.voice.code(self.hidden(waveform), self.model.gap)[..., None]


def unsharp(code: Float[Tensor, "f k"]) -> Float[Tensor, "f k"]:
    """With quick changes over time enlarged; beyond the ends the outermost frames are repeated."""
    reach = len(SMOOTHING) // 2
    around = torch.cat([code[:1].expand(reach, -1), code, code[-1:].expand(reach, -1)]).unfold(
        0, len(SMOOTHING), 1
    )
    return code + SHARPENED * (code - around @ torch.tensor(SMOOTHING))


def advanced(waveform: Float[Tensor, " samples"], ms: float) -> Float[Tensor, " samples"]:
    """The waveform earlier by so much, with silence where there is no more of it; as long as it
    was."""
    shift = round(ms * SAMPLE_RATE / 1000)
    padded = pad(waveform, (max(0, -shift), max(0, shift)))
    return padded[max(0, shift) : max(0, shift) + len(waveform)]


def between(values: Float[Tensor, " f"], pairs: Float[Tensor, "q 2"]) -> Float[Tensor, " f"]:
    """What rising pairs (from, to) make of values: straight lines between them, and of slope 1
    beyond the first and the last."""
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


def lips_apart(
    code: Float[Tensor, "f k"], gap: Float[Tensor, " k"], closed: float
) -> Float[Tensor, "f k"]:
    """The nearest code whose lips do not lie in each other. gap: what they draw apart for a code of
    1; closed: their gap at rest, eye distances."""
    crossed = (-(code @ gap) - max(closed, 0.0)).clamp_min(0)
    return code + crossed[:, None] * gap / gap.square().sum()


def clamp_to_seen(code: Float[Tensor, "f k"], seen: Float[Tensor, "s k"]) -> Float[Tensor, "f k"]:
    """Codes no farther than FARTHEST_FROM_SEEN from a smooth mean of the nearest that were seen, so
    that nothing jumps. Without any, as they are."""
    if not len(seen):
        return code
    size = deviations(seen)
    apart = torch.cdist(code / size, seen / size)
    near = torch.softmax((apart.amin(1, keepdim=True).square() - apart.square()) / 2, dim=1) @ seen
    return near + (code - near) * (
        FARTHEST_FROM_SEEN / ((code - near) / size).norm(dim=1, keepdim=True).clamp_min(1e-6)
    ).clamp(max=1)
