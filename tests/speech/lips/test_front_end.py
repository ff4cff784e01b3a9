"""The motion front end: a synthetic voice, whose phonemes are known, moves lips it was never
taught; lips rest, close and never cross."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from instag.assets.sample_speech import recording
from instag.errors import BadArgument, NotAnArtefact
from instag.speech.chunking import features, silence
from instag.speech.lips.adapter import (
    default_speaker_adapter,
)
from instag.speech.lips.front_end import LipCodeFrontEnd, voice_share
from instag.speech.lips.network import (
    CODES,
    load_lip_model,
)
from instag.speech.loudness import ACTIVE_RMS, at_active_loudness
from instag.speech.whisper import load_whisper_encoder

MODEL = load_lip_model()
ENCODER = load_whisper_encoder()
OPEN, SHUT = {"a", "aI", "aU", "A:", "eI", "E", "oU", "V"}, {"p", "b", "m"}


def test_a_voice_that_nobody_taught_opens_and_closes_the_lips() -> None:
    spoken = recording("speech_one")
    aperture = (
        features(torch.from_numpy(spoken.waveform), LipCodeFrontEnd(model=MODEL, encoder=ENCODER))[
            ..., 0
        ]
        @ MODEL.aperture
    )

    def apertures(names: set[str]) -> list[float]:
        return [
            float(aperture[round((one.start + one.end) / 2 * 25)])
            for one in spoken.phonemes
            if one.name in names
        ]

    names = {one.name for one in spoken.phonemes}
    assert names & OPEN and names & SHUT, sorted(names)  # noqa: PT018
    assert np.mean(apertures(OPEN)) > np.mean(apertures(SHUT)) + 0.03


def test_lips_rest_in_silence() -> None:
    voice = torch.from_numpy(recording("speech_one").waveform)
    found = (
        features(
            torch.cat([voice, torch.zeros(8 * 16_000)]),
            LipCodeFrontEnd(model=MODEL, encoder=ENCODER),
        )[..., 0]
        @ MODEL.aperture
    )
    spoken, silent = found[: len(voice) // 640], found[-7 * 25 : -10]
    assert silent.std() < 0.2 * spoken.std()
    assert silent.mean() < spoken.mean()
    assert silence(LipCodeFrontEnd(model=MODEL, encoder=ENCODER)).shape == (CODES, 1)


def test_pieces_are_like_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    once = torch.from_numpy(recording("speech_two").waveform)
    voice = torch.cat([once, once, once, once])[: 16_000 * 17 - 123]
    whole = LipCodeFrontEnd(model=MODEL, encoder=ENCODER).calibrated(voice)(voice)
    monkeypatch.setattr(LipCodeFrontEnd, "piece", 100)
    assert len(whole) > 4 * LipCodeFrontEnd.piece
    torch.testing.assert_close(
        features(voice, LipCodeFrontEnd(model=MODEL, encoder=ENCODER)), whole, atol=1e-3, rtol=0
    )


def test_a_voice_of_other_networks_is_refused() -> None:
    with pytest.raises(NotAnArtefact, match="instag adapt"):
        LipCodeFrontEnd(replace(default_speaker_adapter(MODEL), weights_id=1), model=MODEL)


def test_a_live_voice_depends_on_nothing_beyond_its_look_ahead() -> None:
    voice = torch.from_numpy(recording("speech_two").waveform)[: 640 * 40]
    live = LipCodeFrontEnd(model=MODEL, encoder=ENCODER, look_ahead_s=0.12)
    once = live(voice)
    frame = 20
    known = 640 * frame + 320 + 1920
    changed = torch.cat([voice[:known], voice[known:].flip(0) * 3])
    again = live(changed)
    torch.testing.assert_close(again[: frame + 1], once[: frame + 1])
    assert (again[frame + 4 :] - once[frame + 4 :]).abs().max() > 1e-3
    assert once.shape == (40, CODES, 1)
    assert live.lookahead == 0.12
    assert live.calibrated(voice).look_ahead_s == 0.12


def test_a_look_ahead_beyond_the_networks_reach_is_refused() -> None:
    with pytest.raises(BadArgument, match="ahead"):
        LipCodeFrontEnd(model=MODEL, encoder=ENCODER, look_ahead_s=1.0)


@pytest.mark.parametrize("look_ahead_s", [None, 0.12])
def test_lips_ease_shut_in_noise_between_words(look_ahead_s: float | None) -> None:
    once = at_active_loudness(torch.from_numpy(recording("speech_two").waveform))
    once = once[: len(once) // 640 * 640]
    generator = torch.Generator().manual_seed(0)
    noise = ACTIVE_RMS * 10 ** (-25 / 20) * torch.randn(50 * 640, generator=generator)
    live = LipCodeFrontEnd(model=MODEL, encoder=ENCODER, look_ahead_s=look_ahead_s)
    aperture = live(torch.cat([once, noise, once]))[..., 0] @ MODEL.aperture
    end = len(once) // 640
    spoken, paused = aperture[:end].abs().mean(), aperture[end + 6 : end + 44].abs().mean()
    assert paused < 0.5 * spoken
    assert aperture.diff().abs().max() < 3 * aperture[:end].diff().abs().max()


def test_the_share_of_a_voice_rises_smoothly_from_nothing_to_all() -> None:
    share = voice_share(torch.linspace(-8, 4, 200))
    assert share[0] == 0
    assert share[-1] == 1
    assert (share.diff() >= 0).all()
    assert share.diff().max() < 0.2
