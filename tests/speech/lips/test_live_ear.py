"""The live ear: it hears in a stream what the front end hears in the whole."""

from functools import cache

import numpy as np
import pytest
import torch

from instag.assets.sample_speech import recording
from instag.errors import BadArgument
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.speech.lips.live_ear import VOICED, HeardFrame, LiveEar, listen
from instag.speech.lips.live_features import LIVE_SAMPLES, live_hidden, look_ahead_steps
from instag.speech.lips.live_network import (
    LiveNetwork,
    OnnxLiveNetwork,
    TorchLiveNetwork,
    live_network,
)
from instag.types import FPS, SAMPLES


@cache
def front_end(look_ahead_s: float = 0.2) -> LipCodeFrontEnd:
    return LipCodeFrontEnd(look_ahead_s=look_ahead_s, gain=0.8)


@cache
def chosen_network(look_ahead_s: float = 0.2) -> LiveNetwork:
    heard_by = front_end(look_ahead_s)
    return live_network(heard_by.encoder, heard_by.model, look_ahead_steps(look_ahead_s))


@cache
def network(look_ahead_s: float = 0.2) -> LiveNetwork:
    """The same without rounding."""
    heard_by, frames = front_end(look_ahead_s), chosen_network(look_ahead_s).frames
    parts = heard_by.encoder, heard_by.model, look_ahead_steps(look_ahead_s)
    return OnnxLiveNetwork(*parts, frames)


def new_ear(look_ahead_s: float = 0.2, **settings: bool) -> LiveEar:
    return LiveEar(front_end(look_ahead_s), network(look_ahead_s), **settings)


def speech(frames: int) -> np.ndarray:
    return recording("speech_one").waveform[: frames * SAMPLES].astype(np.float32)


def all_of(ear: LiveEar) -> list[HeardFrame]:
    heard = []
    while ear.ready:
        heard += listen([ear])
    return heard


@pytest.mark.parametrize("look_ahead_s", [0.08, 0.2])
def test_a_stream_gives_the_codes_of_the_whole(look_ahead_s: float):
    sound = speech(18)[:-100]
    ear, random, heard, start = (
        new_ear(look_ahead_s, adaptive=False),
        np.random.default_rng(0),
        [],
        0,
    )
    while start < len(sound):
        end = start + int(random.integers(1, 2_000))
        ear.push(sound[start:end])
        heard += all_of(ear)
        start = end
    ear.end()
    heard += all_of(ear)
    assert ear.finished
    codes, together = torch.stack([each.code for each in heard]), network(look_ahead_s).frames
    for later in range(together):
        whole = front_end(look_ahead_s - later / FPS)(torch.from_numpy(sound))[..., 0]
        of_stream, of_whole = codes[later::together], whole[later::together]
        torch.testing.assert_close(of_stream, of_whole, atol=1e-4, rtol=0)
    said = np.concatenate([each.sound for each in heard])
    np.testing.assert_array_equal(said[: len(sound)], sound)
    assert not said[len(sound) :].any()


def test_eight_bits_hardly_change_codes():
    codes = []
    for made in (network(), chosen_network()):
        ear = LiveEar(front_end(), made, adaptive=False)
        ear.push(speech(100))
        codes.append(torch.stack([each.code for each in all_of(ear)]) @ front_end().model.aperture)
    assert float((codes[0] - codes[1]).std()) < 0.1 * float(codes[0].std())


@pytest.mark.parametrize(("look_ahead", "frames"), [(4, 1), (5, 1), (6, 2), (10, 2)])
def test_no_frame_has_less_than_the_least_look_ahead(look_ahead: int, frames: int):
    heard_by = front_end()
    assert live_network(heard_by.encoder, heard_by.model, look_ahead).frames == frames


@pytest.mark.parametrize("way", ["skip", "pass_on"])
def test_what_is_known_of_a_frame_that_is_not_heard_is_dropped(way: str):
    ear, sound = new_ear(adaptive=False), speech(12)
    ear.push(sound)
    listen([ear])
    getattr(ear, way)()
    code = listen([ear])[0].code
    whole = front_end()(torch.from_numpy(sound))[2, :, 0]
    torch.testing.assert_close(code, whole, atol=1e-4, rtol=0)


def test_a_frame_waits_for_its_look_ahead_alone():
    ear, sound = new_ear(), speech(12)
    ear.push(sound[: ear.ahead - 1])
    assert not ear.ready
    ear.push(sound[ear.ahead - 1 : ear.ahead])
    assert ear.ready
    assert ear.ahead == 3_520


def test_the_codes_of_silence_are_rest():
    ear = new_ear()
    ear.push(np.zeros(12 * SAMPLES, np.float32))
    heard = all_of(ear)
    assert max(float(each.code.abs().max()) for each in heard) == 0
    assert max(each.voice for each in heard) < VOICED


def test_the_volume_hardly_matters():
    codes = []
    for volume in (0.5, 1.0):
        ear = new_ear()
        ear.push(volume * speech(40))
        codes.append(torch.stack([each.code for each in all_of(ear)]))
    apart = (codes[0] - codes[1])[20:]
    assert float(apart.std()) < 0.2 * float(codes[1].std())


def test_lips_rest_in_a_pause_of_a_quiet_room():
    ear, generator = new_ear(), np.random.default_rng(0)
    room = 1e-3 * generator.standard_normal(25 * SAMPLES).astype(np.float32)
    ear.push(np.concatenate([speech(25), room]))
    ear.end()
    heard = all_of(ear)
    assert max(float(each.code.abs().max()) for each in heard[:25]) > 0.1
    assert not torch.stack([each.code for each in heard[-5:]]).any()


def test_ears_are_heard_together_as_alone():
    first, second = new_ear(), new_ear()
    first.push(speech(20))
    second.push(speech(40)[10 * SAMPLES :])
    both = listen([first, second])
    alone = new_ear()
    alone.push(speech(40)[10 * SAMPLES :])
    torch.testing.assert_close(both[1].code, listen([alone])[0].code, atol=1e-5, rtol=0)
    fresh = new_ear()
    fresh.push(speech(40)[10 * SAMPLES :])
    later, early = listen([second, fresh])  # one that is known, and one that is not
    assert torch.equal(early.code, both[1].code)
    assert not torch.equal(later.code, early.code)


def test_after_a_restart_nothing_is_left():
    ear = new_ear(adaptive=False)
    ear.push(speech(30)[12 * SAMPLES :])
    all_of(ear)
    ear.restart()
    assert ear.waiting == 0
    fresh = new_ear(adaptive=False)
    for each in (ear, fresh):
        each.push(speech(8))
    expected = [each.code for each in all_of(fresh)]
    assert torch.equal(torch.stack([each.code for each in all_of(ear)]), torch.stack(expected))


@pytest.mark.parametrize("look_ahead_s", [None, 0.02, 0.4])
def test_other_look_aheads_are_refused(look_ahead_s: float | None):
    heard_by = LipCodeFrontEnd(
        model=front_end().model, encoder=front_end().encoder, look_ahead_s=look_ahead_s
    )
    with pytest.raises(BadArgument, match="ahead"):
        LiveEar(heard_by, new_ear().network)


@pytest.mark.parametrize("look_ahead", [4, 7, 10])
def test_the_graph_computes_what_torch_does(look_ahead: int):
    heard_by = front_end()
    parts = heard_by.encoder, heard_by.model
    windows = torch.randn(2, LIVE_SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.05
    windows[1] = 0
    expected = live_hidden(*parts, windows, look_ahead)
    for made in (OnnxLiveNetwork, TorchLiveNetwork):
        found = made(*parts, look_ahead)(windows)
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
