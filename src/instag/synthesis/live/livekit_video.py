"""A live session as the video generator of LiveKit Agents: the agent's speech goes in, pictures and
the speech come out in time (docs/live.md#livekit)."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import final

import numpy as np

from instag.errors import ExtraMissing
from instag.synthesis.live.agent_voice import AgentVoice
from instag.synthesis.live.frame_mailbox import FrameMailbox, MailboxClosed, PictureFrame
from instag.synthesis.live.session import LiveSession
from instag.types import FPS

try:
    from livekit import rtc
    from livekit.agents.voice.avatar import AudioSegmentEnd, AvatarOptions, VideoGenerator
except ImportError as error:
    raise ExtraMissing(
        f"Avatars in LiveKit need {error.name}, which is not installed. Install it: "
        "pip install 'instag[livekit]'"
    ) from error


@final
class LiveKitVideo(VideoGenerator):
    """For an AvatarRunner, in whose event loop it is made.

    video = LiveKitVideo(studio.open(avatar))
    runner = AvatarRunner(room, audio_recv=output, video_gen=video, options=video.options(24_000))
    """

    def __init__(self, session: LiveSession) -> None:
        self._session, self._voice = session, AgentVoice(session)

    def options(self, sample_rate: int) -> AvatarOptions:
        """What the runner asks for. sample_rate: of the agent's speech, Hz."""
        return AvatarOptions(
            video_width=self._session.size,
            video_height=self._session.size,
            video_fps=FPS,
            audio_sample_rate=sample_rate,
            audio_channels=1,
        )

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """The next speech, or its end."""
        if isinstance(frame, rtc.AudioFrame):
            samples = np.frombuffer(frame.data, np.int16).reshape(-1, frame.num_channels)
            self._voice.push(samples, frame.sample_rate)
        else:
            self._voice.end()

    def clear_buffer(self) -> None:
        """Somebody interrupts."""
        self._voice.clear()

    async def __aiter__(
        self,
    ) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        """All pictures, and sound while the agent speaks: its runner counts that as played."""
        mailbox = FrameMailbox()
        self._session.attach(mailbox)
        try:
            with suppress(MailboxClosed):
                while True:
                    frame = await mailbox.next_frame()
                    if isinstance(frame, PictureFrame):
                        yield video_frame(frame)
                        continue
                    said = self._voice.said(frame)
                    if said is not None and len(said.samples):
                        yield rtc.AudioFrame(
                            said.samples.tobytes(), said.rate, 1, len(said.samples)
                        )
                    if said is not None and said.ends:
                        yield AudioSegmentEnd()
        finally:
            self._session.detach(mailbox)


def video_frame(frame: PictureFrame) -> rtc.VideoFrame:
    """A picture as LiveKit takes it."""
    height, width = frame.picture.shape[:2]
    return rtc.VideoFrame(width, height, rtc.VideoBufferType.RGB24, frame.picture.tobytes())
