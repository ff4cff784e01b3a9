"""Artefacts that earlier versions wrote still open, and their avatars speak the same frames."""

from pathlib import Path

import numpy as np
import pytest
import torch

from instag.assets.sample_speech import recording
from instag.data.clip import Clip
from instag.data.clip_dataset import ClipDataset
from instag.data.speech_features import clip_features
from instag.models.avatar import Avatar
from instag.models.avatar_info import FORMAT_VERSION
from instag.models.prior import Prior
from instag.synthesis.options import SpeakOptions
from instag.synthesis.speak import frames
from instag.types import EXPRESSION_UNITS, LIP_CODES, SAMPLES, Conditioning

ARTEFACTS = Path(__file__).parent / "artefacts"
CONDITIONING = {
    "lip_codes": Conditioning(kind="lip_codes", channels=LIP_CODES, steps=1),
    "audio": Conditioning(kind="audio", channels=80, steps=16),
}


@pytest.mark.parametrize("kind", CONDITIONING)
def test_avatars_speak_the_same_frames(kind: str) -> None:
    avatar = Avatar.open(ARTEFACTS / f"{kind}.avatar")
    sound = torch.from_numpy(recording("speech_two").waveform[: 8 * SAMPLES].astype(np.float32))
    spoken = np.stack(list(frames(avatar, sound, SpeakOptions())))[::2]
    with np.load(ARTEFACTS / "spoken.npz") as stored:
        earlier = stored[kind].astype(int)
    # On the machine that made them not one byte differs; elsewhere sums are rounded otherwise.
    assert np.abs(spoken.astype(int) - earlier).max() <= 1


@pytest.mark.parametrize("kind", CONDITIONING)
def test_conditioning_is_derived_for_avatars_that_do_not_name_it(kind: str, tmp_path: Path) -> None:
    avatar = Avatar.open(ARTEFACTS / f"{kind}.avatar")
    assert avatar.conditioning == CONDITIONING[kind]
    assert avatar.info.expression_units == EXPRESSION_UNITS
    assert (avatar.speaker_adapter is not None) == (kind == "lip_codes")
    avatar.save(tmp_path / "again.avatar")
    again = Avatar.open(tmp_path / "again.avatar")
    assert again.info == avatar.info
    assert again.info.format_version == FORMAT_VERSION
    assert (again.speaker_adapter is None) == (avatar.speaker_adapter is None)


def test_conditioning_is_derived_for_priors_that_do_not_name_it() -> None:
    prior = Prior.open(ARTEFACTS / "lip_codes.prior")
    assert prior.conditioning == CONDITIONING["lip_codes"]
    assert prior.info.expression_units == EXPRESSION_UNITS


def test_clips_are_read() -> None:
    clip = Clip.open(ARTEFACTS / "speaker.clip")
    features = torch.from_numpy(np.array(clip_features(clip, "mel")))
    assert features.shape == (10, 80, 16)
    dataset = ClipDataset(clip, clip.tables(), size=48, features=features)
    assert len(dataset) == 10
    batch = dataset.batch([0, 9], surface=True)
    assert batch.image.shape == (2, 48, 48, 3)
    assert batch.image.float().std() > 10
