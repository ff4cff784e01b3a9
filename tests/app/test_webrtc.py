"""WebRTC: a client of this process gets sound and pictures, and its microphone is said."""

import asyncio
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("aiortc", reason="the extra `app` is not installed")

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av.audio.frame import AudioFrame
from fastapi import HTTPException

from instag.app import webrtc
from instag.app.avatar_shelf import GivenAvatars
from instag.app.ice_servers import IceServer
from instag.app.live_desk import LiveDesk
from instag.app.offer import Offer
from instag.app.webrtc import SoundTrack, WebRtcLink, hear_at_once
from instag.synthesis.live.frame_mailbox import FrameMailbox
from instag.synthesis.live.session import LiveSession
from instag.synthesis.live.studio import Studio
from models.baking import EARLIER, earlier

LOUD = 3_000


class Tone(MediaStreamTrack):
    """A microphone that hears a tone."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(0.02)
        time_s = (self._sent + np.arange(960)) / 48_000
        samples = (np.sin(2 * np.pi * 500 * time_s) * 12_000).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples[None], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._sent, Fraction(1, 48_000)
        self._sent += 960
        return frame


async def talk(studio: Studio) -> tuple[list, list[int], list[str]]:
    session = studio.open(earlier())
    link, client = WebRtcLink(session), RTCPeerConnection()
    pictures, loudness, messages, taking = [], [], [], []
    done = asyncio.Event()

    @client.on("track")
    def on_track(track) -> None:
        async def take() -> None:
            while True:
                try:
                    frame = await track.recv()
                except MediaStreamError:
                    return
                if track.kind == "video":
                    pictures.append((frame.pts, frame.width))
                else:
                    loudness.append(int(np.abs(frame.to_ndarray()).max()))
                if len(pictures) > 8 and max(loudness, default=0) > LOUD and messages:
                    done.set()

        taking.append(asyncio.ensure_future(take()))

    client.addTrack(Tone())
    client.addTransceiver("video", direction="recvonly")
    client.createDataChannel("state").on("message", messages.append)
    await client.setLocalDescription(await client.createOffer())
    answer = await link.answer(client.localDescription)
    await client.setRemoteDescription(RTCSessionDescription(sdp=answer.sdp, type=answer.type))
    try:
        await asyncio.wait_for(done.wait(), 40)
    finally:
        await client.close()
        await link.close()
    assert not session.is_shown
    return pictures, loudness, messages


def test_a_browser_sees_hears_and_is_heard():
    with Studio() as studio:
        pictures, loudness, messages = asyncio.run(talk(studio))
    steps = np.diff([time for time, _ in pictures])
    assert set(steps % 3_600) == {0}
    assert pictures[0][1] == 64
    assert max(loudness) > LOUD
    assert '"state"' in messages[0]


def test_an_interruption_silences_what_was_not_sent():
    async def heard() -> list[int]:
        mailbox = FrameMailbox()
        track = SoundTrack(mailbox)
        mailbox.sound(0, np.full(640, 0.5, np.float32))
        before = await track.recv()
        mailbox.cleared(1)
        mailbox.silence(1)
        await asyncio.sleep(0)
        after = await track.recv()
        return [int(np.abs(frame.to_ndarray()).max()) for frame in (before, after)]

    loud, quiet = asyncio.run(heard())
    assert loud > LOUD
    assert quiet == 0


def test_aiortc_still_holds_back_what_we_let_through():
    """The attribute that `hear_at_once` sets is private."""

    async def held_back() -> tuple[int, int]:
        peer = RTCPeerConnection()
        receiver = peer.addTransceiver("audio").receiver
        buffer = vars(receiver)["_RTCRtpReceiver__jitter_buffer"]
        before = buffer._prefetch
        hear_at_once(receiver)
        await peer.close()
        return before, buffer._prefetch

    assert asyncio.run(held_back()) == (4, 0)


class CountedLink:
    """A link that answers and leaves after others had their turn."""

    open: ClassVar[set["CountedLink"]] = set()

    def __init__(self, session: LiveSession, ice_servers: tuple[IceServer, ...]) -> None:
        self.open.add(self)

    async def answer(self, offer: RTCSessionDescription) -> RTCSessionDescription:
        await asyncio.sleep(0)
        return offer

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.open.discard(self)


def test_of_offers_that_come_together_one_link_is_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(webrtc, "WebRtcLink", CountedLink)
    offer = Offer(sdp="v=0\r\n")

    async def connect(desk: LiveDesk) -> None:
        session = desk.studio.open(earlier())
        await asyncio.gather(*(desk.connect(session, offer) for _ in range(10)))
        assert len(CountedLink.open) == 1
        await desk.end(session)
        assert not CountedLink.open
        with pytest.raises(HTTPException, match="no such session"):
            await desk.connect(session, offer)
        assert not CountedLink.open

    with Studio() as studio:
        asyncio.run(connect(LiveDesk(studio, GivenAvatars([EARLIER]))))
