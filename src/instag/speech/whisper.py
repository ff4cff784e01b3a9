"""The first two blocks of the encoder of Whisper's tiny English model: 384 features of sound, 50
times a second (Radford et al., 2022).

They were trained on hundreds of thousands of hours of anybody's voice, in noise and by telephone
too, and are small enough for the package: `bundled/whisper_tiny_en.safetensors`, eight bits a
weight, made by tools/bundle_whisper.py. Later blocks encode words, and predict lips less well.
"""

import math
from collections.abc import Iterator
from functools import cache
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
"""Samples between two steps of the features: 20 ms."""
WIDTH, HEADS, BLOCKS = 384, 6, 2
BLOCK_S, BLOCK_CONTEXT_S = 4, 2
"""Sound is encoded in pieces of so many seconds, each with so much sound around it. What lies
farther hardly matters to early blocks of the encoder."""
PIECE, LOOKBACK_S = 10 * BLOCK_S * FPS, 2 * BLOCK_S - 1 / FPS
"""Frames of a front end's piece, and its lookback, so that pieces of a recording are cut where the
blocks of the whole are."""
BATCH = 8
"""Blocks that are encoded together, which bounds the memory."""
LOUDEST, RANGE = 1.0, 8.0
"""Power of ten of the loudest band of speech at the common loudness, and how far below it bands are
cut off: Whisper takes both from each recording."""
HZ_PER_MEL, LINEAR_TO_HZ, LOG_STEP = 200 / 3, 1000.0, math.log(6.4) / 27
MAX_WAVELENGTH = 10_000.0


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
    def encode(self, waveform: Float[Tensor, " samples"]) -> Iterator[Float[Tensor, "n 384"]]:
        """Features of a 16 kHz waveform at the common loudness: step i is centred on sample STEP i;
        in pieces, together ceil(samples / STEP) steps, on the encoder's device. Silence outside."""
        block, around = BLOCK_S * SAMPLE_RATE, BLOCK_CONTEXT_S * SAMPLE_RATE
        steps, count = -(-len(waveform) // STEP), max(1, -(-len(waveform) // block))
        padded = pad(
            waveform.to(self.conv1.weight.device),
            (around + FFT // 2, count * block + around + FFT // 2 - len(waveform)),
        )
        for first in range(0, count, BATCH):
            some = min(BATCH, count - first)
            power = log_mel(padded[first * block : (first + some) * block + 2 * around + FFT])
            found = self(
                power.unfold(1, (block + 2 * around) // HOP, block // HOP)[:, :some].transpose(0, 1)
            )
            kept = found[:, around // STEP : (around + block) // STEP].flatten(0, 1)
            yield kept[: max(0, steps - first * block // STEP)]

    @torch.no_grad()
    def encode_live(self, windows: Float[Tensor, "b samples"]) -> Float[Tensor, "b steps 384"]:
        """Features of windows after whose ends nothing is known: step i is centred on a window's
        sample STEP i. Whole STEPs of samples, on the encoder's device."""
        around = pad(windows.to(self.conv1.weight.device), (FFT // 2, FFT // 2))
        return self(log_mel(around)[..., : windows.shape[1] // HOP])

    def forward(self, power: Float[Tensor, "b 80 twice"]) -> Float[Tensor, "b steps 384"]:
        """Of log mel spectra; as many steps as pairs of them."""
        flow = gelu(self.conv2(gelu(self.conv1(power)))).transpose(1, 2)
        flow = flow + _positions_on(flow.device, flow.shape[1])
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
    """From the tensors of a file: weights of eight bits with a half-precision unit for each row,
    and the rest in half precision."""
    encoder = WhisperEncoder()
    state = {}
    for name, value in stored.items():
        if not name.endswith(".unit"):
            unit = stored.get(f"{name}.unit")
            state[name] = (
                value.float()
                if unit is None
                else value.float() * unit.float().view(-1, *[1] * (value.dim() - 1))
            )
    encoder.load_state_dict(state)
    return encoder.eval().requires_grad_(False)


def log_mel(waveform: Float[Tensor, "*b samples"]) -> Float[Tensor, "*b 80 steps"]:
    """Log mel spectrum as Whisper computes it, except that the loudest band is the same for all
    sound; step i is centred on sample HOP i + FFT / 2."""
    windows = waveform.unfold(-1, FFT, HOP) * torch.hann_window(FFT, device=waveform.device)
    bands = torch.fft.rfft(windows).abs().square() @ _triangles_on(waveform.device).T
    return ((bands.clamp_min(1e-10).log10().clamp_min(LOUDEST - RANGE) + 4) / 4).mT


def triangles() -> Float[Tensor, "80 bins"]:
    """Mel bands from 0 to 8 kHz of unit area, in Slaney's scale: even up to 1 kHz, then
    logarithmic."""
    hertz = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)
    straight = LINEAR_TO_HZ / HZ_PER_MEL
    mel = np.linspace(0, straight + math.log(SAMPLE_RATE / 2 / LINEAR_TO_HZ) / LOG_STEP, BANDS + 2)
    corners = np.where(
        mel < straight, mel * HZ_PER_MEL, LINEAR_TO_HZ * np.exp(LOG_STEP * (mel - straight))
    )
    low, middle, high = (corners[start : start + BANDS, None] for start in range(3))
    shape = np.maximum(
        0, np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle))
    )
    return torch.from_numpy(shape * 2 / (high - low)).float()


@cache
def _triangles_on(device: torch.device) -> Float[Tensor, "80 bins"]:
    """Kept: a CUDA graph cannot record a copy from the host."""
    return triangles().to(device)


@cache
def _positions_on(device: torch.device, steps: int) -> Float[Tensor, "steps 384"]:
    """The same."""
    return positions(steps).to(device)


def positions(steps: int) -> Float[Tensor, "steps 384"]:
    """Whisper's encoding of positions: sines, then cosines, of wavelengths up to 2 pi
    MAX_WAVELENGTH steps."""
    waves = torch.exp(-math.log(MAX_WAVELENGTH) / (WIDTH // 2 - 1) * torch.arange(WIDTH // 2))
    phase = torch.arange(steps)[:, None] * waves
    return torch.cat([phase.sin(), phase.cos()], dim=1)
