"""An agent's voice: all that was pushed comes back, as it is said."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from instag.synthesis.live.agent_voice import AgentVoice, SaidSound
from instag.synthesis.live.frame_mailbox import SoundFrame
from instag.synthesis.live.output import LiveOutput
from models.baking import earlier
from synthesis.live.stage import play, quiet_studio


@dataclass
class Following(LiveOutput):
    """What the voice gives back."""

    voice: AgentVoice
    said: list[SaidSound] = field(default_factory=list)
    silent: int = 0

    def sound(self, number, samples) -> None:
        self._follow(SoundFrame(number=number, samples=samples))

    def silence(self, number) -> None:
        self._follow(SoundFrame(number=number, samples=np.zeros(640, np.float32), said=False))

    def picture(self, number, picture) -> None:
        pass

    def _follow(self, frame: SoundFrame) -> None:
        found = self.voice.said(frame)
        if found is None:
            self.silent += 1
        else:
            self.said.append(found)

    @property
    def samples(self) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.int16), *(each.samples for each in self.said)])

    @property
    def ends(self) -> list[int]:
        return [place for place, each in enumerate(self.said) if each.ends]


def noise(samples: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(samples).integers(-9_000, 9_000, (samples, channels), np.int16)


def push(voice: AgentVoice, samples: np.ndarray, rate: int, piece: int = 500) -> None:
    for start in range(0, len(samples), piece):
        voice.push(samples[start : start + piece], rate)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 24_000, 48_000])
@pytest.mark.parametrize("more", [0, 1, 300])
def test_sound_keeps_its_rate_and_its_frames(rate: int, more: int):
    frame = rate // 25
    with quiet_studio() as studio:
        session = studio.open(earlier())
        voice = AgentVoice(session)
        session.attach(followed := Following(voice))
        first, second = noise(8 * frame + more), noise(3 * frame)
        push(voice, first, rate)
        assert voice.end()
        push(voice, second, rate)
        assert voice.end()
        assert voice.speaks
        play(studio, 14, paint=False)
    assert not voice.speaks
    np.testing.assert_array_equal(followed.samples, np.concatenate([first, second])[:, 0])
    frames = 8 + (more > 0)
    assert followed.ends == [frames - 1, frames + 2]
    assert followed.silent == 14 - frames - 3


def test_sound_that_comes_too_late_is_said_all_the_same():
    with quiet_studio() as studio:
        session = studio.open(earlier())
        voice = AgentVoice(session)
        session.attach(followed := Following(voice))
        first, second = noise(4_900), noise(5_000)
        voice.push(first, 24_000)
        play(studio, 6, paint=False)
        session.end_of_audio()  # as the voice line does after a stall
        play(studio, 6, paint=False)
        voice.push(second, 24_000)
        voice.end()
        play(studio, 12, paint=False)
    np.testing.assert_array_equal(followed.samples, np.concatenate([first, second])[:, 0])
    assert followed.ends == [len(followed.said) - 1]


def test_whoever_interrupts_hears_no_more_of_it():
    with quiet_studio() as studio:
        session = studio.open(earlier())
        voice = AgentVoice(session)
        session.attach(followed := Following(voice))
        voice.push(noise(24_000), 24_000)
        play(studio, 4, paint=False)
        voice.clear()
        assert not voice.speaks
        assert not voice.end()
        play(studio, 3, paint=False)
        assert len(followed.samples) == 4 * 960
        voice.push(fresh := noise(1_000), 24_000)
        assert voice.end()
        play(studio, 4, paint=False)
    np.testing.assert_array_equal(followed.samples[4 * 960 :], fresh[:, 0])
    assert followed.ends == [5]


def test_channels_are_mixed_and_another_rate_is_another_segment():
    with quiet_studio() as studio:
        session = studio.open(earlier())
        voice = AgentVoice(session)
        session.attach(followed := Following(voice))
        voice.push(stereo := noise(960, 2), 24_000)
        voice.push(noise(640), 16_000)
        voice.end()
        play(studio, 4, paint=False)
    assert [each.rate for each in followed.said] == [24_000, 16_000]
    np.testing.assert_array_equal(followed.said[0].samples, stereo.mean(1).astype(np.int16))
    assert followed.ends == [0, 1]
