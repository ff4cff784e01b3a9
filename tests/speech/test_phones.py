"""The phones front end: a synthetic voice, whose phonemes are known, is heard; silence is silence;
pieces are like the whole."""

import numpy as np
import pytest
import torch

from instag.assets.sample_speech import recording
from instag.speech.chunking import features, silence
from instag.speech.loudness import ACTIVE_RMS
from instag.speech.phone_model import (
    QUIET_ROOM,
    cepstra,
    load_phone_model,
    usual_mean,
    with_differences,
)
from instag.speech.phones import Phones, probabilities, resampled

MODEL = load_phone_model()
SONORANTS = {
    "AA",
    "AE",
    "AH",
    "AO",
    "AW",
    "AY",
    "EH",
    "ER",
    "EY",
    "IH",
    "IY",
    "OW",
    "OY",
    "UH",
    "UW",
    "L",
    "M",
    "N",
    "NG",
    "R",
    "W",
    "Y",
}
HISSES = {"S", "SH", "Z", "ZH", "CH", "JH", "F", "TH"}


def test_the_model_is_forty_two_phones() -> None:
    assert len(MODEL.names) == Phones.channels == 42
    assert {"SIL", "AA", "M", "ZH"} <= set(MODEL.names)
    assert MODEL.weights.shape == (3, 42, 128, 3)
    torch.testing.assert_close(MODEL.weights.sum(2), torch.ones(3, 42, 3), atol=0.15, rtol=0)


def test_densities_are_those_of_the_gaussians() -> None:
    heard = torch.randn(5, 13, generator=torch.Generator().manual_seed(0)) * 5
    found = MODEL.log_likelihoods(heard)
    features, phone = with_differences(heard), MODEL.names.index("S")
    rows = slice(128 * phone, 128 * (phone + 1))
    wanted = torch.zeros(5, 3)
    for part in range(3):
        precision = -2 * MODEL.square[part, rows]
        mean = MODEL.linear[part, rows] / precision
        gaussians = (
            torch.distributions.Normal(mean, precision.rsqrt())
            .log_prob(features[:, part, None])
            .sum(-1)
        )
        wanted += torch.logsumexp(gaussians[..., None] + MODEL.weights[part, phone].log(), dim=1)
    torch.testing.assert_close(found[:, phone], wanted.amax(1), atol=1e-3, rtol=1e-4)


def test_probabilities_add_up() -> None:
    found = features(
        torch.randn(16_000, generator=torch.Generator().manual_seed(0)) * 0.1, Phones(MODEL)
    )
    assert found.shape == (25, 42, 16)
    torch.testing.assert_close(found.sum(1), torch.ones(25, 16))


def test_silence_is_silence() -> None:
    heard = silence(Phones(MODEL))
    assert (heard.argmax(0) == MODEL.names.index("SIL")).all()
    torch.testing.assert_close(features(torch.zeros(16_000), Phones(MODEL))[0], heard)
    torch.testing.assert_close(
        cepstra(torch.zeros(1600))[0], torch.tensor(QUIET_ROOM), atol=1e-3, rtol=0
    )


def test_a_voice_is_heard_where_it_speaks() -> None:
    """Of espeak-ng's voice, which the model never heard; chance is 0.5 and less."""
    spoken = recording("speech_one")
    names = np.array(MODEL.names)[
        features(torch.from_numpy(spoken.waveform), Phones(MODEL))[:, :, 8].argmax(1)
    ]
    of_kind = lambda kind: np.isin(names, sorted(kind))  # noqa: E731
    inside = np.zeros((3, len(names)), bool)
    for phoneme in spoken.phonemes:
        frames = slice(int(phoneme.start * 25) + 1, int(phoneme.end * 25))
        kind = (
            0
            if phoneme.name == "_"
            else 1
            if phoneme.name.lower()[0] in "aeiouəɔɜɪʊɑ@3mnlw"
            else 2
            if phoneme.name in ("s", "S", "z", "f")
            else None
        )
        if kind is not None:
            inside[kind, frames] = True
    assert of_kind({"SIL", "+SPN+", "+NSN+"})[inside[0]].mean() > 0.8
    assert of_kind(SONORANTS)[inside[1]].mean() > 0.7
    assert of_kind(HISSES)[inside[2]].mean() > 0.6


def test_loudness_does_not_matter() -> None:
    voice = torch.from_numpy(recording("speech_one").waveform)[:48_000]
    quiet, loud = (features(voice * gain, Phones(MODEL)) for gain in (0.2, 1.0))
    torch.testing.assert_close(quiet, loud, atol=1e-3, rtol=0)
    assert Phones(MODEL).calibrated(voice * 0.2).gain * 0.2 == pytest.approx(
        Phones(MODEL).calibrated(voice).gain, rel=1e-4
    )
    assert ACTIVE_RMS == 0.05


def test_a_long_silence_is_no_voice() -> None:
    voice = torch.from_numpy(recording("speech_one").waveform)
    spoken = usual_mean(cepstra(voice))
    torch.testing.assert_close(
        usual_mean(torch.cat([cepstra(voice), cepstra(torch.zeros(10 * len(voice)))])),
        spoken,
        atol=0.05,
        rtol=0,
    )


def test_pieces_are_like_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    voice = torch.from_numpy(recording("speech_two").waveform)[:-123]
    whole = Phones(MODEL).calibrated(voice)(voice)
    monkeypatch.setattr(Phones, "piece", 30)
    torch.testing.assert_close(features(voice, Phones(MODEL)), whole, atol=1e-4, rtol=0)


def test_resampling_keeps_time_and_what_is_constant() -> None:
    steps = probabilities(torch.zeros(100, 42))
    torch.testing.assert_close(resampled(steps, 80, steps[0]), steps[:80])
    ramp = torch.arange(100.0)[:, None]
    torch.testing.assert_close(
        resampled(ramp, 80, ramp[0])[2:78],
        torch.arange(2.0, 78.0)[:, None] * 1.25,
        atol=0.13,
        rtol=0,
    )
