"""Sound delay: found where it is known, and not believed where nothing can be told."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bare_clip import bare_info
from instag.assets.sample_speech import recording
from instag.capture.stages import STAGES
from instag.data.clip import Clip
from instag.media.writer import write_video
from instag.runtime.progress import silent
from instag.speech.lips.audio_offset import (
    audio_offset,
    best_offset,
    landmark_curves,
    shift_earlier,
)
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.synthetic import Speaker, perform

HEARING = LipCodeFrontEnd()


@pytest.mark.parametrize("late", [-160, 0, 90, 240])
def test_curves_of_the_voice_itself_give_the_delay(late: int) -> None:
    said = recording("speech_one").waveform
    sound = np.concatenate([np.zeros(6_400, np.float32), said, np.zeros(6_400, np.float32)])
    curves = HEARING.curves(torch.from_numpy(sound)).numpy()
    later = np.roll(sound, round(late * 16))
    found = best_offset(HEARING.curves(torch.from_numpy(later)).numpy(), curves)
    assert found is not None
    assert found.ms == pytest.approx(late, abs=20)
    assert found.sure


def test_still_lips_tell_nothing() -> None:
    points = np.random.default_rng(0).random((1, 478, 3)).repeat(120, 0)
    assert landmark_curves(points).shape == (120, 3)
    assert audio_offset(recording("speech_one").waveform[: 120 * 640], points, HEARING) is None
    assert audio_offset(recording("speech_one").waveform[:640], points[:1], HEARING) is None


def test_noise_is_not_believed() -> None:
    draw = np.random.default_rng(0)
    sure = [
        found.sure
        for found in (best_offset(draw.random((250, 3)), draw.random((250, 3))) for _ in range(20))
        if found is not None
    ]
    assert sum(sure) <= 2


@pytest.fixture(scope="module")
def seen() -> np.ndarray:
    """The landmarks of the synthetic speaker who says speech_one."""
    performance = perform(Speaker(0, size=64), recording("speech_one"), size=64)
    return np.stack([performance.truth(index).landmarks for index in range(len(performance))])


@pytest.mark.parametrize("late", [0, 120, -200])
def test_of_the_synthetic_speaker(seen: np.ndarray, late: int) -> None:
    found = audio_offset(np.roll(recording("speech_one").waveform, late * 16), seen, HEARING)
    assert found is not None
    assert found.ms == pytest.approx(late, abs=50)
    assert found.sure


@pytest.mark.parametrize("given", [None, 40])
def test_prepare_corrects_what_it_finds_and_keeps_what_is_given(
    seen: np.ndarray, tmp_path: Path, given: int | None
) -> None:
    sound = np.pad(recording("speech_one").waveform, (160 * 16, 0))
    write_video(
        tmp_path / "me.mp4",
        (np.zeros((64, 64, 3), np.uint8) for _ in seen),
        sound=(sound[: len(seen) * 640], 16_000),
    )
    info = bare_info(len(seen))
    clip = Clip(folder=tmp_path, info=info)
    np.savez(
        tmp_path / "landmarks.npz",
        points=seen,
        found=np.ones(len(seen), bool),
        flow=np.zeros((len(seen), 1, 2)),
    )
    (stage,) = (stage for stage in STAGES if stage.name == "sound")
    video = tmp_path / "me.mp4"
    found = stage.run(clip, silent, video=video, sound=None, delay=given)
    if given is not None:
        assert (found.info.delay_ms, found.info.delay_found) == (given, None)
        return
    assert found.info.delay_ms == pytest.approx(160, abs=50)
    assert found.info.delay_found is not None
    assert found.info.delay_found["margin"] > 0.1
    again = audio_offset(found.speech(), seen, HEARING)
    assert again is not None
    assert again.ms == pytest.approx(0, abs=15)


def test_sound_is_advanced_and_keeps_its_length() -> None:
    sound = torch.arange(1.0, 101.0)
    torch.testing.assert_close(shift_earlier(sound, 1.0), torch.cat([sound[16:], torch.zeros(16)]))
    torch.testing.assert_close(
        shift_earlier(sound, -1.0), torch.cat([torch.zeros(16), sound[:-16]])
    )
