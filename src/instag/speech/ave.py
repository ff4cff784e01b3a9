"""The `ave` front end: SyncTalk's audio-visual encoder, one 512-vector a frame from a window of 16
mel steps (docs/method.md#speech-features).

Peng et al., "SyncTalk", CVPR 2024. The convolutions of Wav2Lip's expert (Prajwal et al., 2020) with
the names of the published weights, `audio_visual_encoder.pth`.
"""

import math
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from instag.assets.tensor_files import read_tensors
from instag.errors import AssetDamaged
from instag.speech.front_end import FrontEnd
from instag.speech.mel import FFT, HOP, spectrogram
from instag.types import SAMPLE_RATE, SAMPLES

WIDTH = 512
WINDOW = 16
"""Mel steps of a vector, 80 a second."""
WINDOW_LEAD = 2
"""The window of frame t begins where frame t - 2 does, so that t lies in its middle."""
LAYERS = (
    (1, 32, 1, 1, False),
    (32, 32, 1, 1, True),
    (32, 32, 1, 1, True),
    (32, 64, (3, 1), 1, False),
    (64, 64, 1, 1, True),
    (64, 64, 1, 1, True),
    (64, 128, 3, 1, False),
    (128, 128, 1, 1, True),
    (128, 128, 1, 1, True),
    (128, 256, (3, 2), 1, False),
    (256, 256, 1, 1, True),
    (256, 512, 1, 0, False),
    (512, WIDTH, 1, 0, False),
)
"""Channels in and out, strides over mel and time, padding, whether the input is added to the
output. All kernels are 3 x 3, the last is 1 x 1."""
BATCH = 128
HOW_TO_GET = "Get it again: instag assets get ave"


class _Layer(nn.Module):
    """Convolution, normalisation, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int | tuple[int, int],
        padding: int,
        residual: bool,
        *,
        size: int,
    ) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(inputs, outputs, size, stride, padding), nn.BatchNorm2d(outputs)
        )
        self.residual = residual

    def forward(self, values: Float[Tensor, "b i mel time"]) -> Float[Tensor, "b o mel2 time2"]:
        normed = self.conv_block(values)
        return torch.relu(normed + values if self.residual else normed)


@final
class AudioVisualEncoder(nn.Sequential):
    """Windows [b, 1, 80, 16] of the spectrogram to [b, 512, 1, 1]."""

    def __init__(self) -> None:
        super().__init__(
            *(
                _Layer(*layer, size=1 if number == len(LAYERS) - 1 else 3)
                for number, layer in enumerate(LAYERS)
            )
        )


@final
class Ave(FrontEnd):
    """One step a frame, from the sound as it was recorded, at its own loudness."""

    name = "ave"
    channels = WIDTH
    steps = 1
    lookback = lookahead = ((WINDOW / 2 + 1) * HOP + FFT / 2) / SAMPLE_RATE

    def __init__(self, network: AudioVisualEncoder) -> None:
        self.network = network

    def __call__(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "f 512 1"]:
        """At the ends of the recording, the outermost window inside it."""
        frames = max(1, math.ceil(len(waveform) / SAMPLES))
        mel = spectrogram(waveform)
        mel = torch.nn.functional.pad(
            mel, (0, max(0, WINDOW - mel.shape[1])), value=float(mel.min())
        )
        starts = ((torch.arange(frames) - WINDOW_LEAD) * SAMPLES // HOP).clamp(
            0, mel.shape[1] - WINDOW
        )
        windows = mel.unfold(1, WINDOW, 1).transpose(0, 1)
        device = next(self.network.parameters()).device
        vectors = [
            self.network(windows[some][:, None].to(device)).flatten(1)
            for some in starts.split(BATCH)
        ]
        return torch.cat(vectors)[..., None].to(waveform.device)


def load_encoder(path: Path) -> AudioVisualEncoder:
    """Read the published weights. Raises AssetDamaged."""
    state = {
        name.removeprefix("audio_encoder."): value.float()
        for name, value in read_tensors(path).items()
    }
    network = AudioVisualEncoder()
    for name, own in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, own)
        elif name not in state or state[name].shape != own.shape:
            found = "missing" if name not in state else "x".join(map(str, state[name].shape))
            raise AssetDamaged(
                f"{path} is not the audio-visual encoder: {name} is {found}, and should be "
                f"{'x'.join(map(str, own.shape))}. {HOW_TO_GET}"
            )
    network.load_state_dict({name: state[name] for name in network.state_dict()})
    return network.requires_grad_(False).eval()
