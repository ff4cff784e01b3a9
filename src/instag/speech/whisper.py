"""Whisper's ear: what the first two blocks of Whisper's tiny English encoder find in sound, 50
times a second (Radford et al., 2022).

They know the sounds of speech from hundreds of thousands of hours of anybody's voice, in noise and
by telephone too, and are small enough to lie in the package: `bundled/whisper_tiny_en.safetensors`,
eight bits a weight, made by tools/bundle_whisper.py. Later blocks know words, and tell less of
lips.
"""

import math
from collections.abc import Iterator
from importlib.resources import files
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import gelu, pad, scaled_dot_product_attention

from instag.types import FPS, SAMPLE_RATE

FFT, HOP, BANDS = 400, 160, 80
"""Samples of a spectrum and between two of them, and its mel bands."""
STEP = 2 * HOP
"""Samples between two steps of what is found: 20 ms."""
WIDTH, HEADS, BLOCKS = 384, 6, 2
BLOCK_S, AROUND_S = 4, 2
"""Sound is heard in blocks, each with so much of what is around it; seconds. What lies farther
hardly matters to early blocks."""
PIECE, LOOKBACK_S = 10 * BLOCK_S * FPS, 2 * BLOCK_S - 1 / FPS
"""Frames of a front end's piece, and how far back it hears, so that pieces of a recording are cut
where the blocks of the whole are."""
AT_ONCE = 8
"""Blocks that are heard together, which bounds the memory."""
LOUDEST, RANGE = 1.0, 8.0
"""Power of ten of the loudest band of speech at the common level, and how far below it nothing is
heard: Whisper takes both from each recording."""
STANDARD_MEL_HZ, LINEAR_TO_HZ, LOG_STEP = 200 / 3, 1000.0, math.log(6.4) / 27
LONGEST_WAVE = 10_000.0


@final
class WhisperEncoder(nn.Module):
    """Two convolutions and the encoder's first blocks. Steps of a recording are those of its pieces
    that begin a multiple of BLOCK_S later."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(BANDS, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList([Block() for _ in range(BLOCKS)])

    @torch.no_grad()
    def heard(self, waveform: Float[Tensor, " samples"]) -> Iterator[Float[Tensor, "n 384"]]:
        """Of a 16 kHz waveform at the common level: step i is centred on sample STEP i; in pieces,
        together ceil(samples / STEP) steps, on the ear's device. Silence outside."""
        block, around = BLOCK_S * SAMPLE_RATE, AROUND_S * SAMPLE_RATE
        steps, count = -(-len(waveform) // STEP), max(1, -(-len(waveform) // block))
        padded = pad(
            waveform.to(self.conv1.weight.device),
            (around + FFT // 2, count * block + around + FFT // 2 - len(waveform)),
        )
        for first in range(0, count, AT_ONCE):
            some = min(AT_ONCE, count - first)
            power = log_mel(padded[first * block : (first + some) * block + 2 * around + FFT])
            found = self(
                power.unfold(1, (block + 2 * around) // HOP, block // HOP)[:, :some].transpose(0, 1)
            )
            kept = found[:, around // STEP : (around + block) // STEP].flatten(0, 1)
            yield kept[: max(0, steps - first * block // STEP)]

    def forward(self, power: Float[Tensor, "b 80 twice"]) -> Float[Tensor, "b steps 384"]:
        """Of log mel spectra; as many steps as pairs of them."""
        flow = gelu(self.conv2(gelu(self.conv1(power)))).transpose(1, 2)
        flow = flow + positions(flow.shape[1]).to(flow.device)
        for block in self.blocks:
            flow = block(flow)
        return flow


@final
class Block(nn.Module):
    """A transformer's block: attention, then two layers, each after a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.layers_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.asked = nn.Linear(WIDTH, 3 * WIDTH)
        self.answered = nn.Linear(WIDTH, WIDTH)
        self.layers = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, flow: Float[Tensor, "b steps 384"]) -> Float[Tensor, "b steps 384"]:
        query, key, value = (
            part.unflatten(2, (HEADS, -1)).transpose(1, 2)
            for part in self.asked(self.attention_norm(flow)).split(WIDTH, dim=2)
        )
        flow = flow + self.answered(
            scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        )
        return flow + self.layers(self.layers_norm(flow))


def load_whisper_encoder() -> WhisperEncoder:
    """Read the bundled file."""
    stored = load(files("instag").joinpath("bundled", "whisper_tiny_en.safetensors").read_bytes())
    return encoder_from(stored)


def encoder_from(stored: dict[str, Tensor]) -> WhisperEncoder:
    """From what a file holds: weights of eight bits, of a half-precision unit for each of their
    rows, and the rest in half precision."""
    ear = WhisperEncoder()
    state = {}
    for name, value in stored.items():
        if not name.endswith(".unit"):
            unit = stored.get(f"{name}.unit")
            state[name] = (
                value.float()
                if unit is None
                else value.float() * unit.float().view(-1, *[1] * (value.dim() - 1))
            )
    ear.load_state_dict(state)
    return ear.eval().requires_grad_(False)


def log_mel(waveform: Float[Tensor, " samples"]) -> Float[Tensor, "80 steps"]:
    """Log mel spectrum as Whisper takes it, but for the loudest, which is the same for all sound;
    step i is centred on sample HOP i + FFT / 2."""
    windows = waveform.unfold(0, FFT, HOP) * torch.hann_window(FFT, device=waveform.device)
    bands = torch.fft.rfft(windows).abs().square() @ triangles().to(waveform.device).T
    return ((bands.clamp_min(1e-10).log10().clamp_min(LOUDEST - RANGE) + 4) / 4).T


def triangles() -> Float[Tensor, "80 bins"]:
    """Mel bands from 0 to 8 kHz of unit area, in Slaney's scale: even up to 1 kHz, then
    logarithmic."""
    hertz = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)
    straight = LINEAR_TO_HZ / STANDARD_MEL_HZ
    mel = np.linspace(0, straight + math.log(SAMPLE_RATE / 2 / LINEAR_TO_HZ) / LOG_STEP, BANDS + 2)
    corners = np.where(
        mel < straight, mel * STANDARD_MEL_HZ, LINEAR_TO_HZ * np.exp(LOG_STEP * (mel - straight))
    )
    low, middle, high = (corners[start : start + BANDS, None] for start in range(3))
    shape = np.maximum(
        0, np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle))
    )
    return torch.from_numpy(shape * 2 / (high - low)).float()


def positions(steps: int) -> Float[Tensor, "steps 384"]:
    """Whisper's encoding of a step's place: sines, then cosines, of wavelengths up to 2 pi
    LONGEST_WAVE steps."""
    waves = torch.exp(-math.log(LONGEST_WAVE) / (WIDTH // 2 - 1) * torch.arange(WIDTH // 2))
    phase = torch.arange(steps)[:, None] * waves
    return torch.cat([phase.sin(), phase.cos()], dim=1)
