"""A live session over WebRTC: a picture and a sound track to the browser, its microphone's from
there (docs/live.md#webrtc)."""

import asyncio
import json
import time
from contextlib import suppress
from fractions import Fraction
from typing import final

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from instag.app.ice_servers import IceServer
from instag.media.pcm import floats, pcm16
from instag.media.pcm_resampler import PcmResampler, mono_frame
from instag.synthesis.live.frame_mailbox import FrameMailbox, MailboxClosed
from instag.synthesis.live.session import LiveSession
from instag.types import FPS, SAMPLE_RATE

VIDEO_CLOCK, SOUND_RATE = 90_000, 48_000
PIECE_S = 0.02
"""Sound of a packet."""
PIECE, FRAME = round(SOUND_RATE * PIECE_S), SOUND_RATE // FPS
FILTER_SAMPLES = 32
"""Silence before the first sample, 16 kHz, so that 40 ms of it always give 40 ms at 48 kHz: what
the resampler's filter holds back would make every packet late by a whole one."""


@final
class SoundTrack(MediaStreamTrack):
    """20 ms after 20 ms, each at its time."""

    kind = "audio"

    def __init__(self, mailbox: FrameMailbox) -> None:
        super().__init__()
        self._mailbox, self._resampler = mailbox, PcmResampler(SOUND_RATE)
        self._samples = self._resampled(np.zeros(FILTER_SAMPLES, np.int16))
        self._sent, self._next_at = 0, 0.0
        self._due: int | None = None

    async def recv(self) -> AudioFrame:
        while len(self._samples) < PIECE:
            try:
                sound = await self._mailbox.next_sound()
            except MailboxClosed:
                self.stop()
                raise MediaStreamError from None
            fresh = self._resampled(pcm16(sound.samples))
            self._samples = np.concatenate([self._samples, fresh])
            # Frames that were dropped took their time all the same: pictures count them too.
            missing = 0 if self._due is None else sound.number - self._due
            self._sent, self._due = self._sent + missing * FRAME, sound.number + 1
            self._next_at = max(self._next_at, time.monotonic() - PIECE_S)
        await asyncio.sleep(max(0.0, self._next_at - time.monotonic()))
        self._next_at += PIECE_S
        if self._due is not None and self._due <= self._mailbox.first:
            self._samples = np.zeros_like(self._samples)
        piece, self._samples = self._samples[:PIECE], self._samples[PIECE:]
        frame = mono_frame(piece, SOUND_RATE)
        frame.pts, frame.time_base = self._sent, Fraction(1, SOUND_RATE)
        self._sent += PIECE
        return frame

    def _resampled(self, samples: np.ndarray) -> np.ndarray:
        return self._resampler(mono_frame(samples, SAMPLE_RATE))


@final
class PictureTrack(MediaStreamTrack):
    """The latest picture, whenever there is one."""

    kind = "video"

    def __init__(self, mailbox: FrameMailbox) -> None:
        super().__init__()
        self._mailbox = mailbox
        self._first: int | None = None

    async def recv(self) -> VideoFrame:
        try:
            found = await self._mailbox.next_picture()
        except MailboxClosed:
            self.stop()
            raise MediaStreamError from None
        self._first = found.number if self._first is None else self._first
        frame = VideoFrame.from_ndarray(found.picture, "rgb24")
        frame.pts = (found.number - self._first) * VIDEO_CLOCK // FPS
        frame.time_base = Fraction(1, VIDEO_CLOCK)
        return frame


@final
class WebRtcLink:
    """One browser's connection to a session."""

    def __init__(self, session: LiveSession, ice_servers: tuple[IceServer, ...] = ()) -> None:
        self._session, self._mailbox = session, FrameMailbox()
        self._peer = peer_with(ice_servers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_attached = False
        self._peer.on("track", self._on_track)
        self._peer.on("datachannel", self._on_channel)
        self._peer.on("connectionstatechange", self._on_change)

    async def answer(self, offer: RTCSessionDescription) -> RTCSessionDescription:
        """Accept a browser's offer. Raises ValueError for one that cannot be accepted."""
        await self._peer.setRemoteDescription(offer)
        self._peer.addTrack(SoundTrack(self._mailbox))
        self._peer.addTrack(PictureTrack(self._mailbox))
        await self._peer.setLocalDescription(await self._peer.createAnswer())
        return self._peer.localDescription

    async def close(self) -> None:
        """Leave the session."""
        self._session.detach(self._mailbox)
        for task in list(self._tasks):
            task.cancel()
        await self._peer.close()

    async def _on_change(self) -> None:
        state = self._peer.connectionState
        if state == "connected" and not self._is_attached:
            self._is_attached = True
            self._session.attach(self._mailbox)
        elif state in ("failed", "closed"):
            await self.close()

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind != "audio":
            return
        for transceiver in self._peer.getTransceivers():
            if transceiver.kind == "audio":
                hear_at_once(transceiver.receiver)
        self._keep(self._hear(track))

    def _on_channel(self, channel: RTCDataChannel) -> None:
        self._keep(self._tell(channel))

    def _keep(self, work) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hear(self, track: MediaStreamTrack) -> None:
        resampler = PcmResampler(SAMPLE_RATE)
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self._session.push_microphone(floats(resampler(frame)))

    async def _tell(self, channel: RTCDataChannel) -> None:
        with suppress(MailboxClosed):
            while True:
                message = await self._mailbox.next_message()
                if channel.readyState == "open":
                    channel.send(json.dumps(message))


def peer_with(ice_servers: tuple[IceServer, ...]) -> RTCPeerConnection:
    """One that asks these servers, and no others."""
    servers = [RTCIceServer(**server.described()) for server in ice_servers]
    return RTCPeerConnection(RTCConfiguration(iceServers=servers))


def hear_at_once(receiver: RTCRtpReceiver) -> None:
    """Aiortc holds four packets of sound back, 80 ms, and has no setting for it: the ear's queue
    evens them out."""
    buffer = getattr(receiver, "_RTCRtpReceiver__jitter_buffer", None)
    if buffer is not None and hasattr(buffer, "_prefetch"):
        buffer._prefetch = 0
