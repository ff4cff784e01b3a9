"""People to learn lips from: a clip's motion, and its sound as the networks get it, in several
variants."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import binary_dilation, binary_opening, gaussian_filter1d
from torch import Tensor
from torch.nn.functional import interpolate, pad

from instag.data.clip import Clip
from instag.motion.landmark_motion import LandmarkMotion, landmark_motion
from instag.speech.lips.audio_offset import landmark_curves
from instag.speech.lips.codes import OUTER_EYES
from instag.speech.lips.live_features import LIVE_STEPS
from instag.speech.lips.network import COMPONENTS, STEPS_PER_FRAME
from instag.speech.loudness import ACTIVE_RMS, at_active_loudness
from instag.speech.whisper import BLOCK_S, STEP, WhisperEncoder
from instag.types import SAMPLE_RATE, SAMPLES
from lip_training.sounds import Draw, Lesson, Sound, drawn_lesson, plain_lesson

VARIANTS = 12
"""Of each recording; the first one is the recording itself."""
VOCAL_TRACT, RESAMPLED = 0.12, 0.7
"""Pitch and formants change by up to this share, in so many of the variants."""
LIVE_EVERY = 21
"""Frames between the ends of two live windows; odd, so that all look-aheads occur."""
VOICED_DB = -25.0
"""Frames that are fainter than this, against the common loudness, are without a voice ..."""
BREATH_FRAMES = 13
"""... where there are so many of them."""
SMOOTHED = 0.7
"""Deviation in frames of the Gaussian that smooths what is learned."""


@final
@dataclass(frozen=True, kw_only=True)
class Observed:
    """A clip's motion and sound. curves: aperture, width and jaw of each frame. sound: at the
    common loudness. size: metres between the outer corners of the eyes. person: whom it shows."""

    name: str
    person: str
    motion: LandmarkMotion
    curves: Float[Tensor, "f 3"]
    sound: Sound
    size: float

    def __len__(self) -> int:
        return len(self.curves)

    @property
    def voiced(self) -> Float[Tensor, " f"]:
        """1 in frames with a voice, near them, and in pauses for breath: there people's lips stand
        as open as in speech."""
        quiet = self.quiet(VOICED_DB, BREATH_FRAMES)
        return torch.from_numpy(binary_dilation(~quiet, np.ones(5))).float()

    def quiet(self, level: float, frames: int) -> Bool[np.ndarray, " f"]:
        """Frames not louder than the level, in dB, where there are so many of them together."""
        return binary_opening(~self.louder_than(level), np.ones(frames))

    def louder_than(self, level: float) -> Bool[np.ndarray, " f"]:
        """Frames of more than so many dB against the common loudness."""
        frames = pad(self.sound, (0, len(self) * SAMPLES))[: len(self) * SAMPLES]
        rms = frames.reshape(-1, SAMPLES).square().mean(1).sqrt()
        return (rms > ACTIVE_RMS * 10 ** (level / 20)).numpy()


@final
@dataclass(frozen=True, kw_only=True)
class Heard:
    """What the encoder finds in one variant of a recording.

    whole: 50 steps a second, as of a file, the first one at frame -LEAD. live: windows of
    LIVE_STEPS that end with the sound heard so far; ends: the step after the last of each. stretch:
    steps of the variant for one of the recording. rest: as in Lesson.
    """

    whole: Float[Tensor, "n 384"]
    live: Float[Tensor, "w steps 384"]
    ends: Float[Tensor, " w"]
    stretch: float
    rest: Float[Tensor, " f"]


def observe(folder: Path, person: str) -> Observed:
    """Read a clip."""
    clip = Clip.open(folder)
    track, sound = clip.track(), torch.from_numpy(clip.speech().copy())
    motion = landmark_motion(track, clip.size())
    return Observed(
        name=folder.stem,
        person=person,
        motion=motion,
        curves=torch.from_numpy(landmark_curves(track.landmarks)).float(),
        sound=at_active_loudness(sound),
        size=float((motion.points[OUTER_EYES[0]] - motion.points[OUTER_EYES[1]]).norm()),
    )


def hear(
    observed: Observed, others: Sequence[Sound], encoder: WhisperEncoder, *, seed: int
) -> list[Heard]:
    """The variants of a recording. others: voices that may speak off camera."""
    draw = Draw(torch.Generator().manual_seed(seed))
    frames = len(observed)
    heard = [_encoded(plain_lesson(observed.sound, frames), encoder, 1.0, 0, draw)]
    for _ in range(VARIANTS - 1):
        lesson = drawn_lesson(observed.sound, frames, others, draw.generator)
        resampled = draw() < RESAMPLED
        stretch = math.exp(draw.between(-VOCAL_TRACT, VOCAL_TRACT)) if resampled else 1.0
        later = draw.below(BLOCK_S * SAMPLE_RATE // STEP)
        heard.append(_encoded(lesson, encoder, stretch, later, draw))
    return heard


def heard_before(
    observed: Observed,
    others: Sequence[Sound],
    encoder: WhisperEncoder,
    *,
    seed: int,
    cache: Path | None,
) -> list[Heard]:
    """The same, kept in a folder."""
    path = None if cache is None else cache / f"{observed.name}.pt"
    if path is not None and path.is_file():
        return [Heard(**each) for each in torch.load(path, weights_only=True)]
    heard = hear(observed, others, encoder, seed=seed)
    if path is not None:
        torch.save([vars(each) for each in heard], path)
    return heard


def principal_components(
    heard: Sequence[Sequence[Heard]], count: int = COMPONENTS
) -> tuple[Float[Tensor, " 384"], Float[Tensor, "384 c"]]:
    """The mean of the encoder's features, and their principal components, each divided by the root
    of its deviation and on average of size 1."""
    every = torch.cat([each.whole[::3].float() for variants in heard for each in variants])
    mean = every.mean(0)
    every = every - mean
    spread, directions = torch.linalg.eigh(every.T.double() @ every.double() / len(every))
    kept = (directions[:, -count:] / spread[-count:] ** 0.25).flip(1).float()
    return mean, kept / (every @ kept).square().mean().sqrt()


def smooth(values: Float[Tensor, "f c"]) -> Float[Tensor, "f c"]:
    return torch.from_numpy(gaussian_filter1d(values.numpy(), SMOOTHED, axis=0))


def _encoded(
    lesson: Lesson,
    encoder: WhisperEncoder,
    stretch: float,
    later: int,
    draw: Draw,
) -> Heard:
    """later: steps by which the encoder's blocks begin elsewhere."""
    size = round(len(lesson.sound) * stretch)
    sound = interpolate(lesson.sound[None, None], size=size, mode="linear", align_corners=True)[
        0, 0
    ]
    whole = torch.cat(list(encoder.encode(pad(sound, (later * STEP, 0)))))[later:]
    live, ends = live_windows(sound, encoder, first=draw.below(LIVE_EVERY))
    return Heard(
        whole=whole.half(),
        live=live.half(),
        ends=ends,
        stretch=stretch,
        rest=lesson.rest,
    )


def live_windows(
    sound: Sound, encoder: WhisperEncoder, *, first: int = 0
) -> tuple[Float[Tensor, "w steps 384"], Float[Tensor, " w"]]:
    """What a live front end finds each time that LIVE_EVERY frames more were heard, and the steps
    heard by then. sound: a lesson's, whose LEAD and REST alone have a window."""
    total = len(sound) // STEP
    ends = torch.arange(STEPS_PER_FRAME * (6 + first) + 1, total, STEPS_PER_FRAME * LIVE_EVERY)
    assert len(ends), f"{total} steps are too few for a window"
    before = LIVE_STEPS * STEP
    padded = pad(sound, (before, 0))
    windows = torch.stack([padded[end * STEP : end * STEP + before] for end in ends.tolist()])
    found = [encoder.encode_live(part) for part in windows.split(16)]
    return torch.cat(found), ends.float()
