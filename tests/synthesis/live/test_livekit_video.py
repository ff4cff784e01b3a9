"""LiveKit Agents: their own runner shows a live session."""

import asyncio
from typing import Any, cast

import numpy as np
import pytest

pytest.importorskip("livekit.agents", reason="the extra `livekit` is not installed")

from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, AvatarRunner, QueueAudioOutput

from instag.synthesis.live.livekit_video import LiveKitVideo
from instag.synthesis.live.studio import Studio
from models.baking import earlier

RATE = 24_000
PATIENCE_S = 60


class Published:
    async def wait_for_subscription(self) -> None:
        pass


class Room:
    """Takes tracks, and sends them nowhere."""

    def __init__(self) -> None:
        self.local_participant, self.tracks = self, []

    def isconnected(self) -> bool:
        return True

    def on(self, event, callback) -> None:
        pass

    def off(self, event, callback) -> None:
        pass

    async def publish_track(self, track, options) -> Published:
        self.tracks.append(track.kind)
        return Published()


def tone(seconds: float) -> rtc.AudioFrame:
    samples = np.sin(np.arange(round(seconds * RATE)) / 9) * 8_000
    return rtc.AudioFrame(samples.astype(np.int16).tobytes(), RATE, 1, len(samples))


async def speak_in_a_room(studio: Studio):
    """One segment to its end, then one that is interrupted: the room, and how playing ended."""
    room, sound = Room(), QueueAudioOutput(sample_rate=RATE, wait_playback_start=True)
    video = LiveKitVideo(studio.open(earlier()))
    runner = AvatarRunner(
        cast(Any, room), audio_recv=sound, video_gen=video, options=video.options(RATE)
    )
    began, ended = asyncio.Queue(), asyncio.Queue()
    sound.on("playback_started", began.put_nowait)
    sound.on("playback_finished", ended.put_nowait)
    await runner.start()
    await sound.capture_frame(tone(0.5))
    sound.flush()
    await asyncio.wait_for(began.get(), PATIENCE_S)
    whole = await asyncio.wait_for(ended.get(), PATIENCE_S)
    await sound.capture_frame(tone(30.0))
    await asyncio.wait_for(began.get(), PATIENCE_S)
    await asyncio.sleep(0.3)
    sound.clear_buffer()
    cut = await asyncio.wait_for(ended.get(), PATIENCE_S)
    await runner.aclose()
    return room, whole, cut


def test_a_runner_shows_speech_to_its_end_and_stops_when_interrupted():
    with Studio() as studio:
        room, whole, cut = asyncio.run(speak_in_a_room(studio))
        assert not studio.sessions[0].is_shown
    assert room.tracks == [rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO]
    assert (whole.playback_position, whole.interrupted) == (pytest.approx(0.5), False)
    assert cut.interrupted
    assert 0 < cut.playback_position < 20


async def stream(studio: Studio) -> list:
    """All that comes of one segment, and what comes before it."""
    session = studio.open(earlier())
    video, found, begun = LiveKitVideo(session), [], False
    async for frame in video:
        found.append(frame)
        if len(found) == 3:
            assert all(isinstance(each, rtc.VideoFrame) for each in found)
            begun = True
            await video.push_audio(tone(0.2))
            await video.push_audio(AudioSegmentEnd())
        if begun and isinstance(frame, AudioSegmentEnd):
            studio.end(session.name)
    return found


def test_the_stream_has_pictures_always_and_sound_while_it_speaks():
    with Studio() as studio:
        found = asyncio.run(asyncio.wait_for(stream(studio), PATIENCE_S))
    picture = next(each for each in found if isinstance(each, rtc.VideoFrame))
    assert (picture.width, picture.height, len(picture.data)) == (64, 64, 3 * 64 * 64)
    assert picture.type == rtc.VideoBufferType.RGB24
    sounds = [each for each in found if isinstance(each, rtc.AudioFrame)]
    heard = np.concatenate([np.frombuffer(each.data, np.int16) for each in sounds])
    np.testing.assert_array_equal(heard, np.frombuffer(tone(0.2).data, np.int16))
    assert {each.sample_rate for each in sounds} == {RATE}
    assert sum(isinstance(each, AudioSegmentEnd) for each in found) == 1
