"""The `whisper` front end: principal components of the features of Whisper's encoder, in windows of
16 steps (docs/method.md#speech-features). Needs no download."""

import math
from collections.abc import Iterable
from typing import final

from jaxtyping import Float
from torch import Tensor

from instag.speech.front_end import FrontEnd
from instag.speech.lips.network import (
    COMPONENTS,
    EARLIER,
    LipModel,
    encoder_components,
    load_lip_model,
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
from instag.speech.windows import STEPS, WINDOW_REACH_S, fit_to_steps, windows_at_50_hz
from instag.types import SAMPLES


@final
class WhisperComponents(FrontEnd):
    """64 numbers at 50 Hz; frame t gets steps 2t-8 .. 2t+7. gain: of the waveform. The encoder runs
    on the device of its weights."""

    name = "whisper"
    channels = COMPONENTS
    steps = STEPS
    piece, lookback = PIECE, LOOKBACK_S
    lookahead = WINDOW_REACH_S + BLOCK_S + BLOCK_CONTEXT_S

    def __init__(
        self,
        *,
        model: LipModel | None = None,
        encoder: WhisperEncoder | None = None,
        gain: float = 1.0,
    ) -> None:
        # Heads depend on these components: they stay those of the first networks.
        self.model = load_lip_model(EARLIER[0]) if model is None else model
        self.encoder = load_whisper_encoder() if encoder is None else encoder
        self.gain = gain

    def calibrated(self, waveform: Float[Tensor, " samples"]) -> "WhisperComponents":
        """Set to the loudness of a recording."""
        return self.calibrated_by([waveform])

    def calibrated_by(self, pieces: Iterable[Float[Tensor, " samples"]]) -> "WhisperComponents":
        return WhisperComponents(
            model=self.model, encoder=self.encoder, gain=loudness_gain_of(pieces)
        )

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 64 16"]:
        frames = max(1, math.ceil(len(waveform) / SAMPLES))
        steps = encoder_components(
            self.encoder, self.model.feature_mean, self.model.components, waveform * self.gain
        )
        return windows_at_50_hz(fit_to_steps(steps.T, 2 * frames), frames)
