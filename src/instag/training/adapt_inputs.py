"""AdaptInputs: all that a head is learned from, read and computed from a clip before the first
step."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.data.speech_features import clip_features, features_of_silence
from instag.data.splits import Split
from instag.motion.expression_basis import load_expression_basis
from instag.motion.expression_displacement import ExpressionDisplacement, expression_displacement
from instag.motion.landmark_motion import LandmarkMotion, landmark_motion
from instag.perception.action_units import action_units
from instag.speech.lips.audio_offset import landmark_curves
from instag.speech.lips.codes import LipCodes, lip_codes
from instag.speech.lips.front_end import LipCodeFrontEnd, SpeakerAdapter
from instag.speech.lips.speaker_adapter import fit_speaker_adapter
from instag.speech.registry import kind_of
from instag.training.recipes import AdaptRecipe
from instag.types import BLINK, EXPRESSION_UNITS, SAMPLES, Conditioning, Track

ROUNDED = 0.01
"""By so much units that are read from a clip differ from the same before they were written."""


@final
@dataclass(frozen=True, kw_only=True)
class ObservedLips:
    """How a person's lips follow the voice. codes: of all frames, on the device. adapter: what
    predicts them from the voice. waveform: of the training frames."""

    codes: LipCodes
    adapter: SpeakerAdapter
    waveform: Float[Tensor, " samples"]

    def to(self, device: torch.device) -> "ObservedLips":
        """The same with codes on a device."""
        return replace(self, codes=self.codes.to(device))


@final
@dataclass(frozen=True, kw_only=True)
class AdaptInputs:
    """split: frames to learn from and to test on. landmarks: on the device. lips: where lip codes
    drive the head. silence: the window of a silent frame, where speech features do and landmarks
    are learned. expressions: where the person's skin goes in expressions that were not seen, if the
    head is to learn them."""

    dataset: ClipDataset
    split: Split
    front_end: str
    conditioning: Conditioning
    landmarks: LandmarkMotion
    lips: ObservedLips | None
    silence: Float[Tensor, "channels steps"] | None
    expressions: ExpressionDisplacement | None

    @property
    def features(self) -> Float[Tensor, "f channels steps"]:
        """Of the training frames."""
        return self.dataset.features[self.split.train.start : self.split.train.stop]

    @property
    def seen_expressions(self) -> Float[Tensor, "f 6"]:
        """Of the training frames."""
        return self.dataset.expression[self.split.train.start : self.split.train.stop]


def load_inputs(
    clip: Clip, recipe: AdaptRecipe, split: Split, *, front_end: str, device: torch.device
) -> AdaptInputs:
    """Computes nothing that the recipe does not use. Raises what Clip and clip_features raise."""
    track, units, waveform = clip.track(), clip.action_units(), clip.speech()
    size = (clip.info.width, clip.info.height)
    landmarks = landmark_motion(track, size)
    lips = silence = expressions = None
    kind = kind_of(front_end)
    if kind == "lip_codes":
        lips = observe_lips(track, landmarks, torch.from_numpy(waveform), split.train)
        features = lips.codes.code[..., None].numpy()
    else:
        features = clip_features(clip, front_end, device=str(device))
        if recipe.face.landmarks.weight:
            found = features_of_silence(clip, front_end, features, device=str(device))
            silence = torch.from_numpy(found).to(device)
    dataset = ClipDataset(clip, size=recipe.size, features=features, device=device)
    landmarks = landmarks.to(device)
    if recipe.face.expressions:
        seen = dataset.expression[split.train.start : split.train.stop]
        expressions = unseen_expressions(track, units, size, landmarks, seen)
    return AdaptInputs(
        dataset=dataset,
        split=split,
        front_end=front_end,
        conditioning=Conditioning(
            kind=kind, channels=dataset.features.shape[1], steps=dataset.features.shape[2]
        ),
        landmarks=landmarks,
        lips=lips and lips.to(device),
        silence=silence,
        expressions=expressions,
    )


def observe_lips(
    track: Track, landmarks: LandmarkMotion, waveform: Float[Tensor, " samples"], train: range
) -> ObservedLips:
    """The lip codes of a clip's landmarks, and how they follow its sound in the training frames;
    on the CPU."""
    front_end = LipCodeFrontEnd()
    codes = lip_codes(landmarks, front_end.model)
    adapter = fit_speaker_adapter(
        waveform,
        codes,
        train,
        curves=landmark_curves(track.landmarks),
        front_end=front_end,
    )
    said = waveform[train.start * SAMPLES : train.stop * SAMPLES]
    return ObservedLips(codes=codes, adapter=adapter, waveform=said)


def unseen_expressions(
    track: Track,
    units: dict[str, Float[np.ndarray, " f"]],
    size: tuple[int, int],
    landmarks: LandmarkMotion,
    seen: Float[Tensor, "t 6"],
) -> ExpressionDisplacement | None:
    """Where the person's skin goes in expressions that were not seen. None where eyes were seen to
    close, as pictures tell better than people's mean, or where the clip's units are not those of
    its landmarks, as OpenFace's are not. size: of the frames, pixels."""
    here = action_units(track, *size)
    if any(
        name not in units or np.abs(units[name] - here[name]).max() > ROUNDED
        for name in EXPRESSION_UNITS
    ):
        return None
    flow = expression_displacement(load_expression_basis(), landmarks.points, seen)
    return None if float(flow.strongest[EXPRESSION_UNITS.index(BLINK)]) == 0 else flow
