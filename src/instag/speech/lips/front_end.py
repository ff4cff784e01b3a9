"""The `motion` front end: lip codes, the motion of the lower face that a voice asks for, in place
of features of the voice itself.

A field that is driven by lip codes learns from observed ones, which are exact. How a voice moves
lips is known from many people (`lips/network.py`), and from a person's own seconds: a
SpeakerAdapter (`lips/adapter.py`).
"""

from collections.abc import Iterable
from typing import final

from jaxtyping import Float
from torch import Tensor

from instag.errors import BadArgument, NotAnArtefact
from instag.ops.easing import smoothstep
from instag.speech.front_end import FrontEnd
from instag.speech.lips.adapter import (
    UNSHARP_KERNEL,
    SpeakerAdapter,
    default_speaker_adapter,
)
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
from instag.types import FPS, SAMPLES

SILENT, SPOKEN = 0.02, 0.1
"""Probabilities of a voice at which lips rest, and at which they follow it; eased between."""


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
