"""AdaptInputs: all that a head is learned from, read and computed from a clip before the first
step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.data.frame_choice import telling_frames
from instag.data.speech_features import clip_features, features_of_silence
from instag.data.splits import Split
from instag.motion.landmark_motion import LandmarkMotion, landmark_motion
from instag.speech.lips.adapter import SpeakerAdapter
from instag.speech.lips.adapter_fit import fit_speaker_adapter
from instag.speech.lips.audio_offset import landmark_curves
from instag.speech.lips.codes import LipCodes, lip_codes
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.registry import kind_of
from instag.training.adapt_recipe import AdaptRecipe
from instag.training.expression_inputs import ExpressionInputs, expression_inputs
from instag.types import SAMPLES, Conditioning


@final
@dataclass(frozen=True, kw_only=True)
class ObservedLips:
    """How a person's lips follow the voice. codes: of all frames, on the device. adapter: what
    predicts them from the voice. waveform: of the training frames."""

    codes: LipCodes
    adapter: SpeakerAdapter
    waveform: Float[Tensor, " samples"]


@final
@dataclass(frozen=True, kw_only=True)
class AdaptInputs:
    """split: frames to learn from and to test on. pictured: those to learn from whose pictures are
    compared. landmarks: on the device. lips: where lip codes drive the head. silence: the window of
    a silent frame, where speech features do and landmarks are learned. expressions: those that are
    taught besides what is seen; None where the recipe teaches none or the clip's units are not
    those of its landmarks."""

    dataset: ClipDataset
    split: Split
    pictured: Sequence[int]
    front_end: str
    conditioning: Conditioning
    landmarks: LandmarkMotion
    lips: ObservedLips | None
    silence: Float[Tensor, "channels steps"] | None
    expressions: ExpressionInputs | None

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
    tables, waveform = clip.tables(), clip.speech()
    track, size, train = tables.track, clip.size(), split.train
    landmarks = landmark_motion(track, size)
    lips = silence = expressions = None
    kind = kind_of(front_end)
    if kind == "lip_codes":
        hearing, sound = LipCodeFrontEnd(), torch.from_numpy(waveform)
        codes, curves = lip_codes(landmarks, hearing.model), landmark_curves(track.landmarks)
        lips = ObservedLips(
            codes=codes.to(device),
            adapter=fit_speaker_adapter(sound, codes, train, curves=curves, front_end=hearing),
            waveform=sound[train.start * SAMPLES : train.stop * SAMPLES],
        )
        features = codes.code[..., None]
    else:
        features = clip_features(clip, front_end, device=str(device))
        if recipe.face.landmarks.weight:
            found = features_of_silence(front_end, features, waveform, device=str(device))
            silence = torch.from_numpy(found).to(device)
    dataset = ClipDataset(clip, tables, size=recipe.size, features=features, device=device)
    if recipe.face.expressions:
        expressions = expression_inputs(tables, dataset, train, landmarks)
    return AdaptInputs(
        dataset=dataset,
        split=split,
        pictured=telling_frames(dataset, train, recipe.pictures),
        front_end=front_end,
        conditioning=Conditioning(
            kind=kind, channels=dataset.features.shape[1], steps=dataset.features.shape[2]
        ),
        landmarks=landmarks.to(device),
        lips=lips,
        silence=silence,
        expressions=expressions,
    )
