"""What a page shows and sounds, frame by frame, and what it should."""

from dataclasses import dataclass
from typing import Any, final

import cv2
import numpy as np
import torch

from instag.models.avatar import Avatar
from instag.speech.lips.adapter import SpeakerAdapter
from instag.speech.lips.front_end import LipCodeFrontEnd
from instag.synthesis.live.motion import Moment
from instag.synthesis.live.painter import LiveHead, LivePainter, PlannedFrame
from instag.types import FPS, SAMPLE_RATE

RATE = 100
"""Of the curves that are compared, a second."""
SLOW_S = 1.0
"""A head's own motion is slower than that, lips are quicker."""

BEGIN = """() => {
  const video = document.querySelector('.stage video');
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  const sound = new MediaStream(video.srcObject.getAudioTracks());
  context.createMediaStreamSource(sound).connect(analyser);
  const canvas = Object.assign(document.createElement('canvas'), {width: 32, height: 32});
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const samples = new Float32Array(2048);
  const seen = window.seen = {frames: [], sound: [], stop: false};
  const loudness = () => {
    analyser.getFloatTimeDomainData(samples);
    let power = 0;
    for (const sample of samples) power += sample * sample;
    return Math.sqrt(power / samples.length);
  };
  setInterval(() => seen.stop || seen.sound.push([performance.now() / 1000, loudness()]), 10);
  const look = (now, about) => {
    if (seen.stop) return context.close();
    pen.drawImage(video, 0, 0, 32, 32);
    const pixels = pen.getImageData(0, 0, 32, 32).data;
    const grey = [];
    for (let row = 14; row < 28; row++)
      for (let column = 9; column < 23; column++) grey.push(pixels[4 * (32 * row + column) + 1]);
    seen.frames.push([about.expectedDisplayTime / 1000, loudness(), grey]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}"""
"""Begins to note, for each frame that is shown: when, how loud it is, and the pixels around the
mouth; and each 10 ms how loud it is."""
MOUTH = np.s_[14:28, 9:23]
"""Of a picture of 32 x 32."""
SAMPLED = 2048 / 48_000 / 2
"""Seconds by which a loudness is later than the middle of its samples."""
END = """() => {
  window.seen.stop = true;
  return {frames: window.seen.frames, sound: window.seen.sound};
}"""


def series(seen: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """At 25 a second: how fast the mouth's look changes, of which a nodding head makes little, and
    the loudness."""
    times = np.array([frame[0] for frame in seen["frames"]])
    loud = np.array([frame[1] for frame in seen["frames"]])
    pixels = np.array([frame[2] for frame in seen["frames"]], float)
    speed = np.abs(np.diff(pixels, axis=0)).mean(1)
    even = np.arange(times[1], times[-1], 0.04)
    return np.interp(even, times[1:], speed), np.interp(even, times, loud)


@final
@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How the mouth that was shown agrees with the track that drives it. skew_s: how much later
    than its sound it is shown."""

    correlation: float
    skew_s: float


def agreement(seen: dict[str, Any], avatar: Avatar, waveform: np.ndarray) -> Agreement:
    """Of what was seen while the avatar said the waveform."""
    start = seen["frames"][0][0]
    seconds = seen["frames"][-1][0] - start
    even = start + np.arange(0, seconds, 1 / RATE)
    times = np.array([frame[0] for frame in seen["frames"]])
    pixels = np.array([frame[2] for frame in seen["frames"]], float)
    shown = quick(np.interp(even, times, pixels @ opening_look(avatar)))
    heard_at, levels = np.array(seen["sound"]).T
    heard = np.interp(even, heard_at - SAMPLED, levels)
    of_mouth, correlation = lag(shown, quick(opening_track(avatar, waveform)))
    of_sound, _ = lag(heard, loudness_track(waveform))
    return Agreement(correlation=correlation, skew_s=of_mouth - of_sound)


def opening_track(avatar: Avatar, waveform: np.ndarray) -> np.ndarray:
    """The opening of the lips that the front end finds with all of the sound's future."""
    assert avatar.speaker_adapter is not None
    front_end = LipCodeFrontEnd(SpeakerAdapter.of_state(avatar.speaker_adapter))
    sound = torch.from_numpy(waveform.astype(np.float32))
    codes = front_end.calibrated(sound)(sound)[..., 0] @ front_end.model.aperture
    even = np.arange(0, len(waveform) / SAMPLE_RATE, 1 / RATE)
    return np.interp(even, (np.arange(len(codes)) + 0.5) / FPS, codes.numpy())


def loudness_track(waveform: np.ndarray) -> np.ndarray:
    """How loud it is, from its beginning on."""
    count = SAMPLE_RATE // RATE
    pieces = waveform[: len(waveform) // count * count].reshape(-1, count)
    return np.sqrt(np.square(pieces).mean(1))


def opening_look(avatar: Avatar) -> np.ndarray:
    """What the opening of the mouth adds to the pixels that are noted, in some of the poses."""
    assert avatar.speaker_adapter is not None
    front_end = LipCodeFrontEnd(SpeakerAdapter.of_state(avatar.speaker_adapter))
    aperture, seen = front_end.model.aperture, avatar.speaker_adapter["seen"].float()
    order = (seen @ aperture).argsort()
    head, painter = LiveHead(avatar, torch.device("cpu")), LivePainter(torch.device("cpu"))
    looks = []
    for place in range(0, len(avatar), 3):
        moment = Moment(place=float(place), number=1)
        both = [PlannedFrame(number=0, code=seen[order[rank]], moment=moment) for rank in (0, -1)]
        closed, opened = painter.paint([(head, frame) for frame in both])
        looks.append(noted(opened) - noted(closed))
    head.close()
    look = np.mean(looks, axis=0)
    return look / np.linalg.norm(look)


def noted(picture: np.ndarray) -> np.ndarray:
    """The pixels that the page notes."""
    small = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
    return small[MOUTH][..., 1].astype(float).flatten()


def quick(curve: np.ndarray) -> np.ndarray:
    """Without its slow part."""
    window = np.hanning(round(2 * SLOW_S * RATE) + 1)
    slow = np.convolve(curve, window, "same") / np.convolve(np.ones_like(curve), window, "same")
    return curve - slow


def lag(found: np.ndarray, track: np.ndarray) -> tuple[float, float]:
    """Where in `found` a shorter track begins, seconds, by the best correlation, and that."""
    around = np.lib.stride_tricks.sliding_window_view(found, len(track))
    centered = around - around.mean(1, keepdims=True)
    sizes = np.linalg.norm(centered, axis=1) * np.linalg.norm(track - track.mean())
    fits = centered @ (track - track.mean()) / np.maximum(sizes, 1e-9)
    best = int(np.argmax(fits))
    return best / RATE, float(fits[best])
