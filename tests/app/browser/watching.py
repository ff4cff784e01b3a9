"""What a page shows and sounds, frame by frame."""

from typing import Any

import numpy as np

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
  const seen = window.seen = {frames: [], stop: false};
  const look = (now, about) => {
    if (seen.stop) return context.close();
    pen.drawImage(video, 0, 0, 32, 32);
    const pixels = pen.getImageData(0, 0, 32, 32).data;
    analyser.getFloatTimeDomainData(samples);
    let power = 0;
    for (const sample of samples) power += sample * sample;
    const grey = [];
    for (let row = 14; row < 28; row++)
      for (let column = 9; column < 23; column++) grey.push(pixels[4 * (32 * row + column) + 1]);
    seen.frames.push([about.expectedDisplayTime / 1000, Math.sqrt(power / samples.length), grey]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}"""
"""Begins to note, for each frame that is shown: when, how loud it is, and the pixels around the
mouth."""
END = "() => { window.seen.stop = true; return {frames: window.seen.frames}; }"


def series(seen: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """At 25 a second: how fast the mouth's look changes, of which a nodding head makes little, and
    the loudness."""
    times = np.array([frame[0] for frame in seen["frames"]])
    loud = np.array([frame[1] for frame in seen["frames"]])
    pixels = np.array([frame[2] for frame in seen["frames"]], float)
    speed = np.abs(np.diff(pixels, axis=0)).mean(1)
    even = np.arange(times[1], times[-1], 0.04)
    return np.interp(even, times[1:], speed), np.interp(even, times, loud)
