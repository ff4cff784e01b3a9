"""What a few seconds tell of how a person's lips follow the voice, in a form that can not learn
them by heart.

A network with a free choice remembers 125 frames: its lips are right in those and anywhere in
others. A ridge regression from the loudness of the bands to the landmarks of the lower face has too
few means to; what it says of any speech, seen or made up, teaches the field.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from instag.motion.landmark_motion import LandmarkMotion

NEAR = slice(2, 7)
"""The windows that are read, of the eight: those of frames t-1 .. t+1."""
CENTRE = slice(6, 10)
"""The steps of a window that are read, averaged: those around its frame; all of a shorter
window."""
STRENGTH = 0.1
"""The penalty, in what STRENGTH_FRAMES frames vary along one of STRENGTH_DIRECTIONS directions;
more frames feel it less."""
STRENGTH_FRAMES, STRENGTH_DIRECTIONS = 125, 20
SILENT_SHARE = 0.2
"""Frames of silence, lips at rest, that are added, for each frame seen."""
WANTED_MOVEMENT, LARGEST_GAIN = 0.8, 2.0
"""A ridge regression is timid. What it says is enlarged until the lips move so much, of how they
were seen to; at most by the gain."""


@dataclass(frozen=True, kw_only=True)
class SpeechMap:
    """A linear map from speech windows to the landmarks of the lower face. level: mean and
    deviation of the features. weights: metres."""

    level: Float[Tensor, " 2"]
    usual: Float[Tensor, " d"]
    weights: Float[Tensor, "d c"]
    bias: Float[Tensor, " c"]

    def __call__(self, speech: Float[Tensor, "b 8 channels steps"]) -> Float[Tensor, "b p 2"]:
        """Shifts of the points that speak, metres, away from their rest."""
        return ((self._read(speech) - self.usual) @ self.weights + self.bias).unflatten(1, (-1, 2))

    def _read(self, speech: Float[Tensor, "b 8 channels steps"]) -> Float[Tensor, "b d"]:
        return read(speech, self.level)


def read(
    speech: Float[Tensor, "b 8 channels steps"], level: Float[Tensor, " 2"]
) -> Float[Tensor, "b d"]:
    """The channels of the three nearest windows at their centres, at the level of the features."""
    centre = CENTRE if speech.shape[-1] > CENTRE.start else slice(None)
    return (speech[:, NEAR, :, centre].mean(-1).flatten(1) - level[0]) / level[1]


def fit_speech_map(
    speech: Float[Tensor, "f 8 channels steps"],
    motion: LandmarkMotion,
    frames: range,
    *,
    level: Float[Tensor, " 2"],
    silence: Float[Tensor, "channels steps"],
) -> SpeechMap:
    """Ridge regression in closed form on the frames that may be learned from. speech: their
    windows. silence: the window of a silent frame."""
    count = round(SILENT_SHARE * len(frames))
    heard = read(
        torch.cat([speech, silence.expand(count, speech.shape[1], -1, -1)]), level
    ).double()
    seen = (motion.shift[frames.start : frames.stop] - motion.rest)[:, motion.speaks].flatten(1)
    wanted = torch.cat([seen, seen.new_zeros(count, seen.shape[1])]).double()
    usual, bias = heard.mean(0), wanted.mean(0)
    varied = heard - usual
    products = varied.T @ varied
    penalty = STRENGTH * products.trace() / len(heard) * STRENGTH_FRAMES / STRENGTH_DIRECTIONS
    weights = torch.linalg.solve(
        products + penalty * torch.eye(len(products), device=products.device),
        varied.T @ (wanted - bias),
    )
    said = (varied @ weights)[: len(frames)]
    timid = float(said.std(0).norm() / seen.std(0).norm().clamp(min=1e-9))
    gain = min(LARGEST_GAIN, max(1.0, WANTED_MOVEMENT / max(timid, 1e-6)))
    return SpeechMap(
        level=level, usual=usual.float(), weights=(weights * gain).float(), bias=bias.float()
    )
