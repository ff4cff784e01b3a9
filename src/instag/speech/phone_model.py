"""The phone model: how likely 25 ms of sound are under each of 42 English phones, noises and
silence.

The context-independent part of CMU Sphinx's US English acoustic model (`bundled/phones_en_us.npz`,
made by tools/bundle_phone_model.py): Gaussian mixtures over mel cepstra and their first and second
differences, as SphinxTrain trained them. No person's voice is in it, and most languages' lips move
by the same sounds.
"""

from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.types import SAMPLE_RATE

WINDOW, HOP, FFT = 410, 160, 512
"""Samples: 25.6 ms every 10 ms."""
BANDS, LOWEST_HZ, HIGHEST_HZ = 25, 130.0, 6800.0
CEPSTRA, LIFTER = 13, 22
PRE_EMPHASIS = 0.97
FULL_SCALE = 32_768.0
QUIET_ROOM = (15.0, -1.1, 1.2, 1.7, 3.1, -0.5, -1.8, 0.7, 1.7, 1.0, -1.6, -1.2, 0.1)
"""Cepstra of a hum that is added to all sound, so that digital silence is a quiet room: the mean of
the recordings' quietest seventh, 10 dB lower."""
USUAL_MEAN = (48.5, 7.8, 2.3, 5.0, 0.1, -6.4, -6.7, -2.7, -1.7, 0.2, -0.5, -1.4, 0.5)
"""Mean cepstra of 21 recordings of 15 people at the common level; it counts as USUAL_STEPS steps of
any recording."""
USUAL_STEPS = 200
REACH = 3
"""Steps to either side that the second differences of a step depend on."""
BLOCK = 500
"""Steps that are scored at once, which bounds the memory."""


@dataclass(frozen=True, kw_only=True)
class PhoneModel:
    """names: of the phones, ARPAbet. The Gaussians of each phone and part of the features in
    exp(square x² + linear x + constant), and their weights."""

    names: tuple[str, ...]
    square: Float[Tensor, "parts gaussians 13"]
    linear: Float[Tensor, "parts gaussians 13"]
    constant: Float[Tensor, "parts gaussians"]
    weights: Float[Tensor, "parts phones mixture states"]

    def log_likelihoods(self, cepstra: Float[Tensor, "steps 13"]) -> Float[Tensor, "steps phones"]:
        """Of the likeliest state of each phone, at each step of cepstra whose mean is 0."""
        features = with_differences(cepstra)
        return torch.cat([self._scored(block) for block in features.split(BLOCK)])

    def _scored(self, features: Float[Tensor, "steps parts 13"]) -> Float[Tensor, "steps phones"]:
        total = torch.zeros(())
        for part, weights in enumerate(self.weights):
            heard = features[:, part]
            density = (
                heard.square() @ self.square[part].T
                + heard @ self.linear[part].T
                + self.constant[part]
            )
            density = density.unflatten(1, (len(self.names), -1)).transpose(0, 1)
            largest = density.amax(2, keepdim=True)
            total = total + torch.log(torch.exp(density - largest) @ weights + 1e-30) + largest
        return total.amax(2).T


def load_phone_model() -> PhoneModel:
    """Read the bundled model."""
    with (
        files("instag").joinpath("bundled", "phones_en_us.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        names = tuple(str(name) for name in stored["names"])
        means, log_variances, log_weights = (
            torch.from_numpy(stored[name].astype(np.float32))
            for name in ("means", "log_variances", "log_weights")
        )
    precision = torch.exp(-log_variances)
    constant = -0.5 * (
        np.log(2 * np.pi) * CEPSTRA + log_variances.sum(-1) + (means.square() * precision).sum(-1)
    )
    by_part = lambda values: values.transpose(0, 1).flatten(1, 2).contiguous()  # noqa: E731
    return PhoneModel(
        names=names,
        square=by_part(-0.5 * precision),
        linear=by_part(means * precision),
        constant=by_part(constant),
        weights=log_weights.exp().transpose(0, 1).contiguous(),
    )


def cepstra(waveform: Float[Tensor, " samples"]) -> Float[Tensor, "steps 13"]:
    """Liftered mel cepstra of a 16 kHz waveform, 100 a second, step i centred on sample 160 i; as
    sphinxbase computes them, its floor apart."""
    samples = waveform * FULL_SCALE
    emphasised = torch.cat([samples[:1], samples[1:] - PRE_EMPHASIS * samples[:-1]])
    steps = -(-len(samples) // HOP)
    padded = torch.nn.functional.pad(emphasised, (WINDOW // 2, WINDOW))
    windows = padded.unfold(0, WINDOW, HOP)[:steps] * torch.hamming_window(WINDOW, periodic=False)
    bands = torch.fft.rfft(windows, FFT).abs().square() @ _triangles().T
    return torch.log(bands + _floor()) @ _to_cepstra()


def with_differences(cepstra: Float[Tensor, "steps 13"]) -> Float[Tensor, "steps 3 13"]:
    """Cepstra, c[t+2] - c[t-2], and the difference of that over t-1 .. t+1; beyond the ends the
    outermost steps are repeated."""
    steps = len(cepstra)
    padded = torch.cat([cepstra[:1].expand(REACH, -1), cepstra, cepstra[-1:].expand(REACH, -1)])
    at = lambda shift: padded[REACH + shift : REACH + shift + steps]  # noqa: E731
    return torch.stack([cepstra, at(2) - at(-2), at(3) - at(-1) - at(1) + at(-3)], dim=1)


def usual_mean(cepstra: Float[Tensor, "steps 13"]) -> Float[Tensor, " 13"]:
    """What to take from cepstra so that microphone and voice no longer tell: their mean, drawn to
    the usual one where they are few.

    Steps that hold nothing but the floor do not count, so that a long silence does not pass for a
    voice.
    """
    heard = cepstra[cepstra[:, 0] > floor_cepstra()[0] + np.log(4) * BANDS**0.5]
    return (heard.sum(0) + USUAL_STEPS * torch.tensor(USUAL_MEAN)) / (len(heard) + USUAL_STEPS)


def floor_cepstra() -> Float[Tensor, " 13"]:
    """The cepstra of digital silence."""
    return torch.tensor(QUIET_ROOM)


def _triangles() -> Float[Tensor, "bands bins"]:
    """Band filters of unit area, evenly spaced in mel, their corners on whole bins of the Fourier
    transform."""
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (LOWEST_HZ, HIGHEST_HZ))
    width = SAMPLE_RATE / FFT
    corners = (
        np.floor(700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1) / width + 0.5)
        * width
    )
    low, middle, high = (corners[shift : shift + BANDS, None] for shift in range(3))
    hertz = np.arange(FFT // 2 + 1) * width
    triangles = (
        np.maximum(np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)), 0)
        * 2
        / (high - low)
    )
    return torch.from_numpy(triangles).float()


def _floor() -> Float[Tensor, " bands"]:
    """Power of the hum in each band."""
    return torch.exp(torch.linalg.pinv(_to_cepstra()).T @ torch.tensor(QUIET_ROOM))


def _to_cepstra() -> Float[Tensor, "bands 13"]:
    """Orthonormal cosine transform (DCT-II), then the lifter."""
    order, band = torch.arange(CEPSTRA), torch.arange(BANDS)
    cosines = torch.cos(np.pi * order * (band[:, None] + 0.5) / BANDS) * (2 / BANDS) ** 0.5
    cosines[:, 0] = BANDS**-0.5
    return cosines * (1 + LIFTER / 2 * torch.sin(np.pi * order / LIFTER))
