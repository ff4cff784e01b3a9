"""PseudoLabeler: changes what a field gets in some frames, together with what landmarks did in
them.

A few seconds hold little speech. What is known of the change says what the lower face should do:
from a speech map where a field gets speech features, from the code itself where it gets lip codes.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.assets.sample_speech import recording
from instag.motion.landmark_motion import LandmarkMotion
from instag.speech.chunking import features
from instag.speech.lips.adapter import SpeakerAdapter, uncross_lips
from instag.speech.lips.codes import LipCodes
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.training.supervision.prior_teacher import PriorMap
from instag.training.supervision.ridge_teacher import SpeechMap
from instag.training.supervision.speech_augmentation import augment_speech

SPOKEN = 0.5
"""The share of augmented codes that begin as spoken ones, not as seen ones."""
MIXED = 0.5
"""The share of augmented codes that are mixed of two frames'."""
STRONGEST = 1.7
"""An augmented code is a frame's times any factor from 0, lips at rest, to this."""
NOISE = 0.35
"""Deviation of what is added to each number of an augmented code, in those of the person's
codes."""


@final
@dataclass(frozen=True, kw_only=True)
class PseudoLabels:
    """features: windows of speech features or of lip codes. shift: of all landmarks, metres."""

    features: Float[Tensor, "b 8 channels steps"]
    shift: Float[Tensor, "b p 2"]


class PseudoLabeler(ABC):
    """Augments frames."""

    motion: LandmarkMotion

    @abstractmethod
    def augment(
        self,
        features: Float[Tensor, "b 8 channels steps"],
        seen: Float[Tensor, "b p 2"],
        noise: torch.Generator,
    ) -> PseudoLabels:
        """Change the features of some frames, and what landmarks did in them, together."""


@final
@dataclass(frozen=True, kw_only=True)
class SpeechPseudoLabeler(PseudoLabeler):
    """Changes speech features; the speech map, or a prior, says what the lower face does. silence:
    the window of a silent frame."""

    motion: LandmarkMotion
    speech_map: SpeechMap | PriorMap
    silence: Float[Tensor, "channels steps"]

    def augment(
        self,
        features: Float[Tensor, "b 8 channels steps"],
        seen: Float[Tensor, "b p 2"],
        noise: torch.Generator,
    ) -> PseudoLabels:
        other = features[_shuffle(features, noise)]
        augmented = augment_speech(features, other, self.speech_map.level, self.silence, noise)
        speaks, left = self.motion.speaks, augmented.left[:, None, None]
        meant = self.motion.rest[speaks] + left * self.speech_map(augmented.meant)
        return PseudoLabels(features=augmented.features, shift=seen.index_copy(1, speaks, meant))


@final
@dataclass(frozen=True, kw_only=True)
class LipCodePseudoLabeler(PseudoLabeler):
    """Changes lip codes, which say themselves what the lower face does.

    spread: deviation of the person's codes. spoken: codes that are predicted from the person's
    voice, which are those that a head will get.
    """

    motion: LandmarkMotion
    codes: LipCodes
    spread: Float[Tensor, " k"]
    spoken: Float[Tensor, "s k"]

    def augment(
        self,
        features: Float[Tensor, "b 8 channels steps"],
        seen: Float[Tensor, "b p 2"],
        noise: torch.Generator,
    ) -> PseudoLabels:
        windows = features.shape[1]
        code = features[:, windows // 2, :, 0]

        def draw() -> Float[Tensor, "b 1"]:
            return torch.rand(len(code), 1, generator=noise, device=code.device)

        other = self.spoken[
            torch.randint(len(self.spoken), (len(code),), generator=noise, device=code.device)
        ]
        code = torch.where(draw() < SPOKEN, other, code)
        share = torch.where(draw() < MIXED, draw(), 1.0)
        mixture = code * share + code[_shuffle(code, noise)] * (1 - share)
        added = torch.randn(code.shape, generator=noise, device=code.device) * self.spread * NOISE
        augmented = uncross_lips(
            mixture * (draw() * STRONGEST) + added, self.codes.aperture, self.codes.rest_aperture
        )
        meant = self.motion.rest[self.codes.points] + self.codes.motion(augmented)
        return PseudoLabels(
            features=augmented[:, None, :, None].expand(-1, windows, -1, -1),
            shift=seen.index_copy(1, self.codes.points, meant),
        )


def spoken_codes(
    waveform: Float[Tensor, " samples"], voice: SpeakerAdapter
) -> Float[Tensor, "s k"]:
    """The codes that are predicted from a person's own words and from two recordings that come with
    instag, which that person was never seen to say."""
    front_end = LipCodeFrontEnd(voice)
    sounds = [
        waveform,
        *(torch.from_numpy(recording(name).waveform) for name in ("speech_one", "speech_two")),
    ]
    return torch.cat([features(sound, front_end)[..., 0] for sound in sounds])


def _shuffle(values: Tensor, noise: torch.Generator) -> Int[Tensor, " b"]:
    return torch.randperm(len(values), generator=noise, device=values.device)
