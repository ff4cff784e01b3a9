"""Fitting a SpeakerAdapter: what depends on the sound is learned, and without evidence a person
moves as people do."""

import pytest
import torch

from instag.assets.sample_speech import recording
from instag.speech.chunking import features
from instag.speech.lips.adapter import SpeakerAdapter, default_speaker_adapter
from instag.speech.lips.adapter_fit import (
    LIVE_LOOK_AHEAD,
    USUAL_MOVEMENT,
    fit_speaker_adapter,
    live_hidden_once,
    toward_usual_movement,
)
from instag.speech.lips.codes import LipCodes
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.live_features import SIDE_FRAMES, live_hidden_of
from instag.speech.lips.network import CODES, load_lip_model
from instag.types import FPS, SAMPLES

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


def test_each_frame_is_heard_live_once() -> None:
    front_end = LipCodeFrontEnd(model=MODEL)
    found = live_hidden_once(front_end, SOUND, range(20, 33))
    middle = live_hidden_of(front_end.encoder, MODEL, SOUND, LIVE_LOOK_AHEAD, range(27, 28))[0]
    torch.testing.assert_close(found[5:10], middle, atol=1e-4, rtol=1e-4)
    assert len(middle) == 2 * SIDE_FRAMES + 1
    assert len(found) == 13


def test_what_is_learned_live_moves_the_lips_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the frames that were learned from, of a person whose second number goes the other way."""
    sound, own = SOUND[: 50 * SAMPLES], USUAL[:50].clone()
    own[:, 1] *= -1

    def error() -> torch.Tensor:
        adapter = fit_speaker_adapter(sound, codes_of(own), range(50))
        live = LipCodeFrontEnd(adapter, model=MODEL, look_ahead_s=0.12)
        return (features(sound, live)[..., 0] - own).square().mean()

    with_live = error()
    monkeypatch.setattr("instag.speech.lips.adapter_fit.LIVE_SHARE", 0.0)
    assert with_live < error()


@pytest.mark.parametrize(("seconds", "share"), [(2.2, 0.5), (22.0, 1 / 11)])
def test_few_seconds_count_less_than_what_is_usual(seconds: float, share: float) -> None:
    """A person who moves twice as much as usual; lips that close go on to close."""
    opening = torch.linspace(-1, 1, round(seconds * FPS)) * 3**0.5 * 2 * USUAL_MOVEMENT
    at = opening.quantile(torch.linspace(0.02, 0.98, 13))
    found = toward_usual_movement(torch.stack([at, at], dim=1), opening)[:, 1]
    torch.testing.assert_close(found[8:], at[8:] * 0.5**share, atol=0, rtol=0.02)
    torch.testing.assert_close(found[0], at[0])
    assert (found.diff() > 0).all()


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


def test_a_wider_mouth_is_never_less_open_where_little_was_seen() -> None:
    """Quantiles that are held do not overtake those that are spread."""
    chance = torch.distributions.Gamma(2.0, 100.0)
    for seed in range(20):
        torch.manual_seed(seed)
        opening = chance.sample((75,))
        at = opening.quantile(torch.linspace(0.02, 0.98, 13))
        found = toward_usual_movement(torch.stack([at, at], dim=1), opening)[:, 1]
        assert (found.diff() >= 0).all()


def test_sound_that_ends_before_its_frames_is_filled_with_silence() -> None:
    adapter = fit_speaker_adapter(SOUND[: 40 * SAMPLES], codes_of(USUAL[:60]), range(60))
    assert torch.isfinite(adapter.weights).all()
