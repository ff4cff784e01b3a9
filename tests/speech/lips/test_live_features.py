"""Live features: a frame alone is as in a whole recording."""

import torch

from instag.assets.sample_speech import recording
from instag.speech.lips.live_features import (
    LIVE_SAMPLES,
    live_hidden,
    live_hidden_of,
    look_ahead_steps,
)
from instag.speech.lips.network import load_lip_model
from instag.speech.whisper import load_whisper_encoder

MODEL = load_lip_model()
ENCODER = load_whisper_encoder()


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
