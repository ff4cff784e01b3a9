"""Whisper's encoder: blocks join without a seam, silence is still, and its file comes back."""

import pytest
import torch

from instag.assets.sample_speech import recording
from instag.speech.whisper import (
    BLOCK_S,
    FFT,
    HOP,
    STEP,
    WIDTH,
    encoder_from,
    load_whisper_encoder,
    log_mel,
    positions,
    triangles,
)

ENCODER = load_whisper_encoder()


@pytest.mark.parametrize("samples", [1, STEP, STEP + 1, 16_000 * BLOCK_S, 16_000 * BLOCK_S + 1])
def test_a_step_each_20_ms(samples: int) -> None:
    found = torch.cat(list(ENCODER.encode(torch.zeros(samples))))
    assert found.shape == (-(-samples // STEP), WIDTH)
    assert found.isfinite().all()


def test_pieces_from_a_block_on_are_those_of_the_whole() -> None:
    voice = torch.from_numpy(recording("speech_two").waveform)
    sound = torch.cat([voice, voice.flip(0), voice])[: 16_000 * (3 * BLOCK_S + 1)]
    whole, later = (
        torch.cat(list(ENCODER.encode(part))) for part in (sound, sound[16_000 * BLOCK_S :])
    )
    steps = 16_000 * BLOCK_S // STEP
    torch.testing.assert_close(later[steps:], whole[2 * steps :], atol=1e-4, rtol=0)


def test_what_sounds_tells_more_than_where() -> None:
    voice = torch.from_numpy(recording("speech_one").waveform)
    spoken, silent = (
        torch.cat(list(ENCODER.encode(sound))).std(0).mean()
        for sound in (voice, torch.zeros(3 * 16_000))
    )
    assert silent < 0.5 * spoken


def test_the_spectrum_of_a_tone_lies_in_its_band() -> None:
    tone = 0.1 * torch.sin(2 * torch.pi * 1_000 * torch.arange(FFT + 9 * HOP) / 16_000)
    spectrum = log_mel(tone)
    assert spectrum.shape == (80, 10)
    middle = (triangles() * torch.linspace(0, 8_000, FFT // 2 + 1)).sum(1) / triangles().sum(1)
    assert abs(float(middle[spectrum.mean(1).argmax()]) - 1_000) < 40


def test_bands_have_unit_area_as_in_slaneys_scale() -> None:
    assert triangles().sum(1)[40:] * 40 == pytest.approx(torch.ones(40), rel=0.1)


def test_places_are_told_by_sines_then_cosines() -> None:
    table = positions(5)
    torch.testing.assert_close(
        table[0], torch.cat([torch.zeros(WIDTH // 2), torch.ones(WIDTH // 2)])
    )
    assert table[1, 0] == pytest.approx(0.8415, abs=1e-4)


def test_bytes_and_their_unit_become_weights() -> None:
    state = {name: value.half() for name, value in ENCODER.state_dict().items()}
    name = "blocks.1.asked.weight"
    state[name] = torch.ones(3 * WIDTH, WIDTH, dtype=torch.int8)
    state[f"{name}.unit"] = torch.arange(3 * WIDTH).half() / 64
    again = encoder_from(state)
    torch.testing.assert_close(
        again.state_dict()[name][:, 0], torch.arange(3 * WIDTH) / 64, atol=1e-2, rtol=1e-3
    )
    assert not any(parameter.requires_grad for parameter in again.parameters())
