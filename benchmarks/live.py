"""A live session as a browser would have it: python -m benchmarks.live me.avatar [SOUND]
[--size 256] [--seconds 30] [--port 8899].

Starts `instag serve` in a process of its own and talks to it over WebRTC from here, on the same
machine: aiortc in place of a browser, without a browser's jitter buffers and drawing. Measured:

- microphone -> heard: the sound that comes back, correlated with what the microphone sent;
- microphone -> shown mouth: darkness of the mouth's box in the pictures, correlated with the
  opening of the lips that the front end predicts for the same sound with all of its future;
- push -> first sound, and the first picture after it; interruption -> silence;
- frame intervals, how much later than its sound a picture leaves (`skew`), memory of a session.
"""

import asyncio
import json
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import final

import httpx2
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from benchmarks.command_line import add_speech, parser_of
from benchmarks.mouth_lag import lag_s, mouth_lag_s
from benchmarks.process_memory import memory_mb
from benchmarks.spoken_sound import sound_or_sample

from instag.app.webrtc import hear_at_once
from instag.models.avatar import Avatar
from instag.types import SAMPLE_RATE

RATE, PIECE = 48_000, 960
LOUD = 600
"""Of 32768: a sample that is no silence after the codec."""
LEAD_S = 1.0
"""Silence before the microphone's sound."""


@final
class Microphone(MediaStreamTrack):
    """A sound, 20 ms after 20 ms, then silence."""

    kind = "audio"

    def __init__(self, samples: np.ndarray) -> None:
        super().__init__()
        self._samples, self._sent, self.began = samples, 0, 0.0

    async def recv(self) -> AudioFrame:
        if not self._sent:
            self.began = time.monotonic()
        # A microphone gives a piece when its last sample is there.
        due = self.began + (self._sent + PIECE) / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        piece = self._samples[self._sent : self._sent + PIECE]
        piece = np.pad(piece, (0, PIECE - len(piece)))
        frame = AudioFrame.from_ndarray(piece[None], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += PIECE
        return frame


@final
class Browser:
    """Keeps when sounds and pictures came."""

    def __init__(self) -> None:
        self.sounds: list[tuple[float, np.ndarray]] = []
        self.pictures: list[tuple[float, np.ndarray]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self, client: httpx2.AsyncClient, path: str, microphone: Microphone) -> None:
        self.peer = RTCPeerConnection()
        self.peer.on("track", self._on_track)
        self.peer.addTrack(microphone)
        self.peer.addTransceiver("video", direction="recvonly")
        self.peer.createDataChannel("state")
        await self.peer.setLocalDescription(await self.peer.createOffer())
        offer = {"sdp": self.peer.localDescription.sdp, "type": "offer"}
        answer = (await client.post(f"{path}/offer", json=offer)).json()
        await self.peer.setRemoteDescription(RTCSessionDescription(**answer))

    def _on_track(self, track: MediaStreamTrack) -> None:
        for transceiver in self.peer.getTransceivers():
            if transceiver.kind == "audio":
                hear_at_once(transceiver.receiver)
        self._tasks.append(asyncio.ensure_future(self._take(track)))

    async def _take(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            now = time.monotonic()
            if track.kind == "audio":
                assert isinstance(frame, AudioFrame)
                self.sounds.append((now, frame.to_ndarray()[0, ::2].copy()))
            else:
                assert isinstance(frame, VideoFrame)
                grey = frame.to_ndarray(format="gray")
                self.pictures.append((now, grey))


def sound_track(browser: Browser, began: float, until: float) -> np.ndarray:
    """What was heard, by its time since the microphone began, at 48 kHz: a piece is heard from the
    moment at which it came."""
    track = np.zeros(round((until - began) * RATE), np.float32)
    for at, samples in browser.sounds:
        start = round((at - began) * RATE)
        if 0 <= start < len(track) - len(samples):
            track[start : start + len(samples)] = samples
    return track


async def converse(address: str, process: int, avatar: Avatar, sound: np.ndarray):
    """One session from its beginning to its end; prints and returns what was measured."""
    result: dict[str, object] = {}
    async with httpx2.AsyncClient(base_url=address, timeout=120) as client:
        name = (await client.get("/api/avatars")).json()["avatars"][0]["id"]

        async def opened() -> str:
            answer = await client.post("/api/sessions", json={"avatar": name})
            answer.raise_for_status()
            return f"/api/sessions/{answer.json()['id']}"

        path, lead = await opened(), np.zeros(round(LEAD_S * SAMPLE_RATE), np.float32)
        said = np.concatenate([lead, sound])
        resampler = AudioResampler("s16", "mono", RATE)
        frame = AudioFrame.from_ndarray((said * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = SAMPLE_RATE
        pieces = [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
        microphone, browser = Microphone(np.concatenate(pieces)), Browser()
        asked = time.monotonic()
        await browser.connect(client, path, microphone)
        while not browser.pictures:
            await asyncio.sleep(0.005)
        result["first_picture_ms"] = 1e3 * (browser.pictures[0][0] - asked)
        memory = [memory_mb(process)]
        cpu = [cpu_s(process)]
        begun = time.monotonic()
        await asyncio.sleep(len(said) / SAMPLE_RATE + 1)
        cpu.append(cpu_s(process))
        result["cpu_share"] = (cpu[1] - cpu[0]) / (time.monotonic() - begun)
        metrics = (await client.get("/api/metrics")).json()
        result |= {"metrics": metrics["sessions"][0], "parts_ms": metrics["parts_ms"]}
        began, until = microphone.began, time.monotonic()
        sent = np.concatenate(pieces).astype(np.float32)
        result["microphone_to_heard_ms"] = 1e3 * lag_s(
            sound_track(browser, began, until), sent, RATE
        )
        shown = [(at - began, picture) for at, picture in browser.pictures]
        late, fit = mouth_lag_s(avatar, shown, said)
        result |= {"microphone_to_mouth_ms": 1e3 * late, "mouth_correlation": fit}
        times = np.array([at for at, _ in browser.pictures])
        between = 1e3 * np.diff(times)
        result["received_fps"] = (len(times) - 1) / (times[-1] - times[0])
        result["received_interval_ms"] = {
            f"p{share}": float(np.percentile(between, share)) for share in (50, 95, 99)
        }
        memory.append(memory_mb(process))
        await asyncio.sleep(1)
        result |= await pushed(client, path, browser, sound)
        result["memory_mb"] = {"begin": round(memory[0]), "end": round(memory[1])}
        try:
            other = await opened()
        except httpx2.HTTPStatusError as error:
            result["second_session"] = error.response.json()["detail"]
        else:
            second = Browser()
            await second.connect(client, other, Microphone(np.zeros(PIECE, np.int16)))
            await asyncio.sleep(3)
            result["second_session"] = {"memory_mb": round(memory_mb(process) - memory[1])}
            await second.peer.close()
        await browser.peer.close()
    return result


async def pushed(client: httpx2.AsyncClient, path: str, browser: Browser, sound: np.ndarray):
    """Push and interrupt, some times: medians, ms."""
    begun, stopped, content = [], [], (sound * 32767).astype("<i2").tobytes()
    headers = {"Content-Type": "audio/pcm;rate=16000"}
    for _ in range(5):
        asked = time.monotonic()
        answer = await client.post(f"{path}/audio", content=content, headers=headers)
        answer.raise_for_status()
        loud: list[float] = []
        while not loud and time.monotonic() < asked + 20:
            await asyncio.sleep(0.1)
            loud = [at for at, each in browser.sounds if at > asked and np.abs(each).max() > LOUD]
        onset = int(np.argmax(np.abs(sound) > LOUD / 32768)) / SAMPLE_RATE
        begun.append(loud[0] - asked - onset)
        await asyncio.sleep(1.5)
        asked = time.monotonic()
        await client.post(f"{path}/interrupt")
        await asyncio.sleep(1)
        loud = [at for at, each in browser.sounds if at > asked and np.abs(each).max() > LOUD]
        stopped.append(max([at - asked for at in loud], default=0.0))
    return {
        "push_to_sound_ms": 1e3 * float(np.median(begun)),
        "interrupt_to_silence_ms": 1e3 * float(np.median(stopped)),
        "interrupt_to_silence_worst_ms": 1e3 * max(stopped),
    }


def cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    parser = parser_of(__doc__)
    add_speech(parser)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--look-ahead", type=float, default=0.2)
    parser.add_argument("--port", type=int, default=8899)
    given = parser.parse_args()
    sound = sound_or_sample(given.sound)
    count = round(given.seconds * SAMPLE_RATE)
    sound = np.tile(sound, -(-count // len(sound)))[:count]
    command = [sys.executable, "-m", "instag", "serve", str(given.avatar), "--json"]
    command += ["--port", str(given.port), "--size", str(given.size)]
    command += ["--look-ahead", str(given.look_ahead)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = json.loads(server.stdout.readline())["address"]
        wait_for_server(address)
        avatar = Avatar.open(given.avatar)
        found = asyncio.run(converse(address, server.pid, avatar, sound))
        print(json.dumps(found, indent=1))
    finally:
        server.terminate()
        server.wait()


def wait_for_server(address: str) -> None:
    for _ in range(200):
        try:
            httpx2.get(address)
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    main()
