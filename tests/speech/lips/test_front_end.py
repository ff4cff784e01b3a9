"""The motion front end: a synthetic voice, whose phonemes are known, moves lips it was never
taught; lips rest, close and never cross."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from instag.assets.sample_speech import recording
from instag.errors import BadArgument, NotAnArtefact
from instag.speech.chunking import features, silence
from instag.speech.lips.front_end import (
    LipCodeFrontEnd,
    SeenCodes,
    SpeakerAdapter,
    default_speaker_adapter,
    piecewise_linear,
    shift_earlier,
    uncross_lips,
    unsharp,
    voice_share,
)
from instag.speech.lips.live_features import (
    LIVE_SAMPLES,
    live_hidden,
    live_hidden_of,
    look_ahead_steps,
)
from instag.speech.lips.network import (
    CODES,
    COMPONENTS,
    MARGIN_FRAMES,
    STEPS_PER_FRAME,
    interpolate_at,
    lip_model_from_state,
    lip_model_state,
    load_lip_model,
    network_features,
)
from instag.speech.loudness import ACTIVE_RMS, at_active_loudness
from instag.speech.whisper import load_whisper_encoder

MODEL = load_lip_model()
ENCODER = load_whisper_encoder()
OPEN, SHUT = {"a", "aI", "aU", "A:", "eI", "E", "oU", "V"}, {"p", "b", "m"}


def test_basis_and_reader_are_inverse() -> None:
    code = torch.randn(5, CODES, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(MODEL.code(MODEL.motion(code)), code, atol=1e-4, rtol=1e-4)
    assert MODEL.aperture.shape == (CODES,)
    assert len(MODEL.points) > 150


def test_width_is_what_the_corners_draw_apart() -> None:
    code = torch.randn(5, CODES, generator=torch.Generator().manual_seed(1))
    right, left = ((MODEL.points == corner).nonzero()[0, 0] for corner in (61, 291))
    motion = MODEL.motion(code)
    torch.testing.assert_close(
        code @ MODEL.mouth_width, motion[:, left, 0] - motion[:, right, 0], atol=1e-4, rtol=1e-4
    )


def test_what_is_stored_comes_back() -> None:
    again = lip_model_from_state(lip_model_state(MODEL))
    heard = torch.randn(
        COMPONENTS,
        STEPS_PER_FRAME * (2 * MARGIN_FRAMES + 20),
        generator=torch.Generator().manual_seed(0),
    )
    torch.testing.assert_close(again.hidden(heard), MODEL.hidden(heard))
    width = sum(network.head.in_channels for network in MODEL.networks)
    assert MODEL.hidden(heard).shape == (20, width)


def test_two_steps_a_frame_and_margins() -> None:
    for samples in (1, 640, 641, 9_999):
        heard = network_features(ENCODER, MODEL, torch.zeros(samples))
        assert heard.shape == (
            COMPONENTS,
            STEPS_PER_FRAME * (-(-samples // 640) + 2 * MARGIN_FRAMES),
        )


def test_reading_between_steps() -> None:
    ramp = torch.arange(10.0)[None]
    torch.testing.assert_close(
        interpolate_at(ramp, torch.tensor([-3.0, 0.25, 8.5, 9.0, 20.0])),
        torch.tensor([[0.0, 0.25, 8.5, 9.0, 9.0]]),
    )


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


def test_lips_never_cross() -> None:
    code = torch.randn(200, CODES, generator=torch.Generator().manual_seed(0))
    apart = uncross_lips(code, MODEL.aperture, 0.01)
    assert (apart @ MODEL.aperture >= -0.0101).all()
    open_already = code @ MODEL.aperture > 0
    torch.testing.assert_close(apart[open_already], code[open_already])


def test_pairs_are_joined_by_straight_lines() -> None:
    pairs = torch.tensor([[0.0, -1.0], [1.0, 1.0], [3.0, 2.0]])
    torch.testing.assert_close(
        piecewise_linear(torch.tensor([-2.0, 0.0, 0.5, 1.0, 2.0, 3.0, 5.0]), pairs),
        torch.tensor([-3.0, -1.0, 0.0, 1.0, 1.5, 2.0, 4.0]),
    )
    torch.testing.assert_close(
        piecewise_linear(torch.tensor([-2.0, 0.0, 2.0]), torch.zeros(1, 2)),
        torch.tensor([-2.0, 0.0, 2.0]),
    )


def test_sound_is_advanced_and_keeps_its_length() -> None:
    sound = torch.arange(1.0, 101.0)
    torch.testing.assert_close(shift_earlier(sound, 1.0), torch.cat([sound[16:], torch.zeros(16)]))
    torch.testing.assert_close(
        shift_earlier(sound, -1.0), torch.cat([torch.zeros(16), sound[:-16]])
    )


def test_pieces_are_like_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    once = torch.from_numpy(recording("speech_two").waveform)
    voice = torch.cat([once, once, once, once])[: 16_000 * 17 - 123]
    whole = LipCodeFrontEnd(model=MODEL, encoder=ENCODER).calibrated(voice)(voice)
    monkeypatch.setattr(LipCodeFrontEnd, "piece", 100)
    assert len(whole) > 4 * LipCodeFrontEnd.piece
    torch.testing.assert_close(
        features(voice, LipCodeFrontEnd(model=MODEL, encoder=ENCODER)), whole, atol=1e-3, rtol=0
    )


def test_a_voice_is_stored_as_tensors() -> None:
    voice = default_speaker_adapter(MODEL)
    again = SpeakerAdapter.of_state(
        {name: value for name, value in voice.state().items() if name != "seen"}
    )
    torch.testing.assert_close(again.weights, voice.weights)
    assert again.rest_aperture == voice.rest_aperture


def test_a_voice_of_other_networks_is_refused() -> None:
    with pytest.raises(NotAnArtefact, match="instag adapt"):
        LipCodeFrontEnd(replace(default_speaker_adapter(MODEL), weights_id=1), model=MODEL)


def test_what_stands_still_is_not_sharpened_and_what_moves_is() -> None:
    still, quick = torch.full((9, CODES), 0.3), torch.zeros(9, CODES)
    quick[4] = 1.0
    torch.testing.assert_close(unsharp(still), still)
    assert unsharp(quick)[4, 0] > 1.5
    assert unsharp(quick)[3, 0] < 0
    torch.testing.assert_close(unsharp(quick).sum(0), quick.sum(0))
    assert unsharp(torch.ones(1, CODES)).shape == (1, CODES)


def test_codes_keep_near_what_was_seen():
    random = torch.Generator().manual_seed(0)
    seen = torch.randn(120, 12, generator=random) * torch.linspace(1.0, 0.2, 12)
    torch.testing.assert_close(SeenCodes(seen).clamp(seen), seen)
    far = seen[:10] + 20 * torch.linspace(1.0, 0.2, 12)
    kept = SeenCodes(seen).clamp(far)
    apart = lambda codes: torch.cdist(codes / seen.std(0), seen / seen.std(0)).amin(1)  # noqa: E731
    assert (apart(far) > 20).all()
    assert (apart(kept) < 4).all()
    steps = torch.lerp(seen[:1], far[:1], torch.linspace(0, 1, 200)[:, None])
    assert SeenCodes(seen).clamp(steps).diff(dim=0).abs().max() < 0.5
    torch.testing.assert_close(SeenCodes(seen[:0]).clamp(far), far)


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


def test_a_frame_alone_is_as_in_the_whole_recording() -> None:
    voice = torch.from_numpy(recording("speech_two").waveform)[: 640 * 40]
    whole = live_hidden_of(ENCODER, MODEL, voice, look_ahead_steps(0.2), range(40))
    end = 640 * 30 + 320 + 3200
    window = voice[max(0, end - LIVE_SAMPLES) : end]
    window = torch.cat([torch.zeros(LIVE_SAMPLES - len(window)), window])
    alone = live_hidden(ENCODER, MODEL, window[None], look_ahead_steps(0.2))
    torch.testing.assert_close(alone[0], whole[30], atol=1e-4, rtol=1e-4)
    assert whole.shape[:2] == (40, 5)
    some = live_hidden_of(ENCODER, MODEL, voice, look_ahead_steps(0.2), range(22, 44, 4))
    torch.testing.assert_close(some[2], whole[30], atol=1e-4, rtol=1e-4)
    assert len(some) == 6


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
