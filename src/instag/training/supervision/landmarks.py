"""Landmark lessons: what landmarks should do when a field hears this, in frames as they were seen
and in ones that are made up.

Some frames are heard as they are and should move as seen. In the others what is heard is changed,
and the lower face should do what is known of the change: from a speech map where speech is heard,
from the code itself where motion codes are.
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
from instag.speech.lips.codes import LipCodes
from instag.speech.lips.front_end import LipCodeFrontEnd, SpeakerAdapter, uncross_lips
from instag.training.supervision.prior_teacher import PriorMap
from instag.training.supervision.ridge_teacher import SpeechMap
from instag.training.supervision.speech_augmentation import roughened

SPOKEN = 0.5
"""The share of made-up codes that begin as spoken ones, not as seen ones."""
MIXED = 0.5
"""The share of made-up codes that are mixed of two frames'."""
STRONGEST = 1.7
"""A made-up code is a frame's times any factor from 0, lips at rest, to this."""
BLINK_SHARE = 0.2
"""Of the frames of the lessons: those drawn by how closed the eyes are. Five seconds hold a handful
of blinks, and in a course of few, large steps it hung on chance whether lids learned to close."""
NOISE = 0.35
"""Deviation of what is added to each number of a made-up code, in those of the person's codes."""


@final
@dataclass(frozen=True, kw_only=True)
class Taught:
    """heard: speech windows or codes. shift: of all landmarks, metres."""

    heard: Float[Tensor, "b 8 channels steps"]
    shift: Float[Tensor, "b p 2"]


class Teacher(ABC):
    """Makes up what is heard."""

    motion: LandmarkMotion

    @abstractmethod
    def make_up(
        self,
        heard: Float[Tensor, "b 8 channels steps"],
        seen: Float[Tensor, "b p 2"],
        noise: torch.Generator,
    ) -> Taught:
        """Change what was heard in some frames, and what landmarks did in them, together."""


@final
@dataclass(frozen=True, kw_only=True)
class SpeechTeacher(Teacher):
    """Changes speech windows; the speech map, or a prior, says what the lower face does. silence:
    the window of a silent frame."""

    motion: LandmarkMotion
    speech_map: SpeechMap | PriorMap
    silence: Float[Tensor, "channels steps"]

    def make_up(
        self,
        heard: Float[Tensor, "b 8 channels steps"],
        seen: Float[Tensor, "b p 2"],
        noise: torch.Generator,
    ) -> Taught:
        made_up = roughened(
            heard, heard[_shuffle(heard, noise)], self.speech_map.level, self.silence, noise
        )
        meant = self.motion.rest[self.motion.speaks] + made_up.left[
            :, None, None
        ] * self.speech_map(made_up.meant)
        return Taught(heard=made_up.heard, shift=seen.index_copy(1, self.motion.speaks, meant))


@final
@dataclass(frozen=True, kw_only=True)
class CodeTeacher(Teacher):
    """Changes motion codes, which say themselves what the lower face does.

    spread: deviation of the person's codes. spoken: codes that the person's voice asks for, which
    are those that a head will hear.
    """

    motion: LandmarkMotion
    codes: LipCodes
    spread: Float[Tensor, " k"]
    spoken: Float[Tensor, "s k"]

    def make_up(
        self,
        heard: Float[Tensor, "b 8 channels steps"],
        seen: Float[Tensor, "b p 2"],
        noise: torch.Generator,
    ) -> Taught:
        windows = heard.shape[1]
        code = heard[:, windows // 2, :, 0]
        draw = lambda: torch.rand(len(code), 1, generator=noise, device=code.device)  # noqa: E731
        other = self.spoken[
            torch.randint(len(self.spoken), (len(code),), generator=noise, device=code.device)
        ]
        code = torch.where(draw() < SPOKEN, other, code)
        share = torch.where(draw() < MIXED, draw(), 1.0)
        mixture = code * share + code[_shuffle(code, noise)] * (1 - share)
        added = torch.randn(code.shape, generator=noise, device=code.device) * self.spread * NOISE
        made_up = uncross_lips(
            mixture * (draw() * STRONGEST) + added, self.codes.aperture, self.codes.rest_aperture
        )
        meant = self.motion.rest[self.codes.points] + self.codes.motion(made_up)
        return Taught(
            heard=made_up[:, None, :, None].expand(-1, windows, -1, -1),
            shift=seen.index_copy(1, self.codes.points, meant),
        )


def spoken_codes(
    waveform: Float[Tensor, " samples"], voice: SpeakerAdapter
) -> Float[Tensor, "s k"]:
    """What a voice asks for in the person's own words and in two recordings that come with instag,
    which nobody has seen it say."""
    hearing = LipCodeFrontEnd(voice)
    sounds = [
        waveform,
        *(torch.from_numpy(recording(name).waveform) for name in ("speech_one", "speech_two")),
    ]
    return torch.cat([features(sound, hearing)[..., 0] for sound in sounds])


def _shuffle(heard: Tensor, noise: torch.Generator) -> Int[Tensor, " b"]:
    return torch.randperm(len(heard), generator=noise, device=heard.device)


def lesson_odds(blink: Float[Tensor, " f"]) -> Float[Tensor, " f"]:
    """Up to each frame, the share of the lessons that is drawn from it and those before: as many
    from each, and a BLINK_SHARE by its AU45."""
    even, total = torch.full_like(blink, 1 / len(blink)), blink.sum()
    closed = torch.where(total > 0, blink / total.clamp_min(1e-9), even)
    return ((1 - BLINK_SHARE) * even + BLINK_SHARE * closed).cumsum(0)


def drawn(odds: Float[Tensor, " f"], count: int, noise: torch.Generator) -> Int[Tensor, " count"]:
    """So many frames, each as often as the odds have it. The generator is of the device of
    `odds`."""
    return torch.searchsorted(odds, torch.rand(count, generator=noise, device=odds.device)).clamp(
        max=len(odds) - 1
    )
