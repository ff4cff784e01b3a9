"""Pipecat: a live session within one of its pipelines."""

import asyncio

import numpy as np
import pytest

pytest.importorskip("pipecat", reason="the extra `pipecat` is not installed")

from pipecat.frames.frames import (
    InterruptionFrame,
    OutputImageRawFrame,
    TextFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.tests.utils import SleepFrame, run_test

from instag.synthesis.live.pipecat_head import PipecatHead
from instag.synthesis.live.studio import Studio
from models.baking import earlier

RATE = 24_000


def tone(seconds: float) -> TTSAudioRawFrame:
    samples = np.sin(np.arange(round(seconds * RATE)) / 9) * 8_000
    return TTSAudioRawFrame(samples.astype(np.int16).tobytes(), RATE, 1)


def through_a_pipeline(frames: list) -> list:
    """What comes out of a pipeline with a head in it."""
    with Studio() as studio:
        head = PipecatHead(studio.open(earlier()))
        found = asyncio.run(run_test(head, frames_to_send=frames, start_timeout=20))[0]
        assert not studio.sessions[0].is_shown
    return list(found)


def test_speech_comes_out_whole_with_pictures_and_its_end_after_it():
    speech = [tone(0.3), tone(0.21)]
    found = through_a_pipeline([TTSStartedFrame(), *speech, TTSStoppedFrame(), TextFrame("a")])
    sounds = [each for each in found if isinstance(each, TTSAudioRawFrame)]
    assert b"".join(each.audio for each in sounds) == b"".join(each.audio for each in speech)
    assert {each.sample_rate for each in sounds} == {RATE}
    kinds = [type(each) for each in found]
    last = len(kinds) - 1 - kinds[::-1].index(TTSAudioRawFrame)
    assert kinds.count(TTSStoppedFrame) == 1
    assert kinds.index(TTSStoppedFrame) == last + 1
    assert kinds.index(TextFrame) < last
    pictures = [each for each in found if isinstance(each, OutputImageRawFrame)]
    assert len(pictures) > 3
    assert (pictures[0].size, pictures[0].format) == ((64, 64), "RGB")
    assert len(pictures[0].image) == 3 * 64 * 64


def test_an_interruption_ends_speech_and_later_speech_is_heard():
    again = tone(0.2)
    found = through_a_pipeline(
        [tone(30.0), SleepFrame(0.8), InterruptionFrame(), again, TTSStoppedFrame()]
    )
    kinds = [type(each) for each in found]
    cut = kinds.index(InterruptionFrame)
    before, after = found[:cut], found[cut:]
    heard = b"".join(each.audio for each in before if isinstance(each, TTSAudioRawFrame))
    assert 0 < len(heard) < 2 * 2 * RATE
    heard = b"".join(each.audio for each in after if isinstance(each, TTSAudioRawFrame))
    assert heard == again.audio
