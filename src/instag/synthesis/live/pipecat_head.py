"""A live session as a processor of Pipecat: speech of a text-to-speech service goes in; pictures
and the speech come out in time (docs/live.md#pipecat)."""

import asyncio
from typing import final

import numpy as np

from instag.errors import ExtraMissing
from instag.synthesis.live.agent_voice import AgentVoice, SaidSound
from instag.synthesis.live.frame_mailbox import FrameMailbox, MailboxClosed, PictureFrame
from instag.synthesis.live.session import LiveSession
from instag.types import FPS

try:
    from pipecat.frames.frames import (
        CancelFrame,
        EndFrame,
        Frame,
        InterruptionFrame,
        OutputImageRawFrame,
        StartFrame,
        TTSAudioRawFrame,
        TTSStoppedFrame,
    )
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
except ImportError as error:
    raise ExtraMissing(
        f"Avatars in Pipecat need {error.name}, which is not installed. Install it: "
        "pip install 'instag[pipecat]'"
    ) from error


@final
class PipecatHead(FrameProcessor):
    """Stands between the text-to-speech service and the output of a transport.

    pipeline = Pipeline([..., tts, PipecatHead(studio.open(avatar)), transport.output()])
    """

    def __init__(self, session: LiveSession) -> None:
        super().__init__()
        self._session, self._voice = session, AgentVoice(session)
        self._stops: list[TTSStoppedFrame] = []
        self._mailbox: FrameMailbox | None = None
        self._showing: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Speech is kept back, and goes on with its pictures as it is said."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            samples = np.frombuffer(frame.audio, np.int16).reshape(-1, frame.num_channels)
            self._voice.push(samples, frame.sample_rate)
            return
        if isinstance(frame, TTSStoppedFrame) and self._voice.end():
            self._stops.append(frame)
            return
        if isinstance(frame, InterruptionFrame):
            self._stops.clear()
            self._voice.clear()
        elif isinstance(frame, EndFrame):
            await self._until_said()
            await self._hide()
        elif isinstance(frame, CancelFrame):
            await self._hide()
        await self.push_frame(frame, direction)
        if isinstance(frame, StartFrame):
            self._show()

    async def cleanup(self) -> None:
        """Leave the session."""
        await super().cleanup()
        await self._hide()

    def _show(self) -> None:
        self._mailbox = FrameMailbox()
        self._session.attach(self._mailbox)
        self._showing = self.create_task(self._push_all(self._mailbox))

    async def _hide(self) -> None:
        if self._mailbox is not None:
            self._session.detach(self._mailbox)
        if self._showing is not None:
            showing, self._showing = self._showing, None
            await self.cancel_task(showing)

    async def _until_said(self) -> None:
        """The last words are heard before the pipeline ends."""
        self._voice.end()
        while self._voice.speaks and not self._session.closed:
            await asyncio.sleep(1 / FPS)

    async def _push_all(self, mailbox: FrameMailbox) -> None:
        try:
            while True:
                frame = await mailbox.next_frame()
                if isinstance(frame, PictureFrame):
                    await self.push_frame(image_frame(frame))
                elif (said := self._voice.said(frame)) is not None:
                    await self._push_sound(said)
        except MailboxClosed:
            await self.push_error("The live session has ended.")

    async def _push_sound(self, said: SaidSound) -> None:
        if len(said.samples):
            await self.push_frame(TTSAudioRawFrame(said.samples.tobytes(), said.rate, 1))
        if said.ends and self._stops:
            await self.push_frame(self._stops.pop(0))


def image_frame(frame: PictureFrame) -> OutputImageRawFrame:
    """A picture as Pipecat takes it."""
    height, width = frame.picture.shape[:2]
    return OutputImageRawFrame(frame.picture.tobytes(), (width, height), "RGB")
