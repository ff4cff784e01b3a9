"""Fitting a SpeakerAdapter: what depends on the sound is learned, and without evidence a person
moves as people do."""

import pytest
import torch

from instag.assets.sample_speech import recording
from instag.speech.chunking import features
from instag.speech.lips.adapter import SpeakerAdapter, default_speaker_adapter
from instag.speech.lips.adapter_fit import fit_speaker_adapter
from instag.speech.lips.codes import LipCodes
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.network import CODES, load_lip_model

MODEL = load_lip_model()
SOUND = torch.from_numpy(recording("speech_one").waveform)
USUAL = features(SOUND, LipCodeFrontEnd(model=MODEL))[..., 0]


def codes_of(code: torch.Tensor, closed: float = 0.0) -> LipCodes:
    return LipCodes(
        code=code,
        points=MODEL.points,
        basis=MODEL.basis,
        rest_aperture=closed,
        aperture=MODEL.aperture,
    )


def said(voice: SpeakerAdapter) -> torch.Tensor:
    return features(SOUND, LipCodeFrontEnd(voice, model=MODEL))[..., 0]


@pytest.fixture(scope="module")
def train() -> range:
    return range(len(USUAL) * 2 // 3)


def test_a_person_like_all_others_stays_so(train: range) -> None:
    voice = fit_speaker_adapter(SOUND, codes_of(USUAL), train)
    together = torch.corrcoef(
        torch.stack([(said(voice) @ MODEL.aperture), USUAL @ MODEL.aperture])
    )[0, 1]
    assert together > 0.85


def test_what_is_ones_own_is_learned(train: range) -> None:
    """A person who opens half as far, and whose second number goes the other way."""
    own = USUAL * 0.5
    own[:, 1] *= -1
    found = said(fit_speaker_adapter(SOUND, codes_of(own), train))[train.stop :]
    everybody = said(default_speaker_adapter(MODEL))[train.stop :]
    assert (found - own[train.stop :]).square().mean() < 0.5 * (
        everybody - own[train.stop :]
    ).square().mean()


def test_a_wide_mouth_is_as_wide_as_it_was_seen(train: range) -> None:
    """A person who moves as all do, but the corners of the mouth more."""
    along = MODEL.mouth_width / MODEL.mouth_width.square().sum()
    own = (
        USUAL
        + 0.8 * (USUAL @ MODEL.mouth_width - (USUAL @ MODEL.mouth_width).mean())[:, None] * along
    )
    wide, usual = (
        float((said(fit_speaker_adapter(SOUND, codes_of(code), train)) @ MODEL.mouth_width).std())
        for code in (own, USUAL)
    )
    assert 1.2 * usual < wide < 2 * usual


def test_lips_that_are_hardly_open_are_meant_closed(train: range) -> None:
    """The gap of a person who moves as all do: the low ones are brought lower, the others stay
    about where they are."""
    voice = fit_speaker_adapter(SOUND, codes_of(USUAL), train)
    low, middle, high = (voice.aperture_map[:, 1] - voice.aperture_map[:, 0])[
        [1, len(voice.aperture_map) // 2, -2]
    ].tolist()
    spread = float((USUAL @ MODEL.aperture).std())
    assert low < -0.05 * spread
    assert abs(middle) < 0.25 * spread
    assert abs(high) < 0.25 * spread


def test_lips_that_were_never_seen_to_move_rest(train: range) -> None:
    found = said(fit_speaker_adapter(SOUND, codes_of(torch.zeros_like(USUAL)), train))
    assert found.isfinite().all()
    assert found.abs().max() < 1e-3


def test_the_test_frames_are_not_read(train: range) -> None:
    changed = USUAL.clone()
    changed[train.stop + 10 :] = 5.0
    one, other = (fit_speaker_adapter(SOUND, codes_of(codes), train) for codes in (USUAL, changed))
    # Smoothing must not reach across the end of what may be learned from.
    torch.testing.assert_close(one.weights, other.weights)
    assert one.weights.shape[1] == CODES
