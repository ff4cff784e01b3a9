"""A live head in Chromium: `python -m benchmarks.live_page AVATAR`.

Starts the page's server on this machine and a Chromium without a window, and measures in the page
what a person would see and hear: seconds to the first picture, pictures a second, from pushed sound
and from a microphone to the mouth, from "Be quiet" to rest; how well and how late the mouth follows
the opening that the lip codes of a sound ask for, by how dark it is, and how late the sound is
heard. Needs instag[browser-tests] and a
Chromium; the microphone is a file of tones between silences.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from benchmarks.command_line import parser_of
from benchmarks.mouth_lag import dark_lag_s, lag_s

from instag.app.library import Library, import_avatar
from instag.assets.sample_speech import recording
from instag.models.avatar import Avatar
from instag.perception.face_mesh import FaceMesh
from instag.perception.head_coordinates import INNER_LIPS
from instag.types import SAMPLE_RATE

TIMES = 8
"""How often each latency is measured."""
QUIET_S, LOUD_S = 1.6, 0.8
MOVED = 3.0
"""A mouth moves once it changes this many times as much as it does at rest."""
RESTS = (400, 700)
"""Milliseconds after an interruption in which lips have come to rest."""
LEFT, LEAST_CHANGE = 0.2, 2.0
"""The share of the way to rest that counts as rest; and how far a mouth must be from it when
somebody interrupts, mean of a pixel's 256 steps."""
FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)
WATCH = """(box) => {
  const video = document.querySelector('.stage video');
  const context = new AudioContext({latencyHint: 'interactive'});
  const level = (stream) => {
    const analyser = context.createAnalyser();
    analyser.fftSize = 256;
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(256);
    return () => {
      analyser.getFloatTimeDomainData(samples);
      return Math.max(...samples.map(Math.abs));
    };
  };
  const heard = level(new MediaStream(video.srcObject.getAudioTracks()));
  let spoken = () => 0;
  const side = 24;
  const canvas = Object.assign(document.createElement('canvas'), {width: side, height: side});
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const before = new Float32Array(side * side);
  const seen = window.seen = {frames: [], sound: [], marks: []};
  seen.microphone = () => { spoken = level(instagLive._microphone); };
  setInterval(() => seen.sound.push([performance.now(), heard(), spoken()]), 10);
  const look = (now, about) => {
    const [x, y, w, h] = box.map((share, at) =>
      share * (at % 2 ? video.videoHeight : video.videoWidth));
    pen.drawImage(video, x, y, w, h, 0, 0, side, side);
    const pixels = pen.getImageData(0, 0, side, side).data;
    let change = 0, light = 0;
    const mouth = [];
    for (let at = 1; at < pixels.length; at += 4) {
      change += Math.abs(pixels[at] - before[at >> 2]);
      before[at >> 2] = pixels[at];
      light += pixels[at];
      if ((at >> 2) % 4 === 0) mouth.push(pixels[at]);
    }
    const count = before.length;
    seen.frames.push([about.expectedDisplayTime, change / count, light / count, ...mouth]);
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
}"""
TAKE = """() => {
  const quality = document.querySelector('.stage video').getVideoPlaybackQuality();
  const {totalVideoFrames: decoded, droppedVideoFrames: dropped} = quality;
  const shown = [performance.now(), decoded - dropped, dropped];
  const taken = {frames: seen.frames, sound: seen.sound, marks: seen.marks, shown};
  Object.assign(seen, {frames: [], sound: [], marks: []});
  return taken;
}"""
"""What was noted since the last time. shown: when, and how many pictures until then were shown and
dropped. The page is not called back for each that is shown."""
MARK = "async (work) => { seen.marks.push(performance.now()); await work(); }"


def lips_box(picture: np.ndarray) -> list[float]:
    """Left, top, width and height around the lips, as shares of the picture."""
    mesh = FaceMesh()
    points = mesh.find(picture)
    assert points is not None, "the portrait shows no face"
    lips = points[INNER_LIPS, :2] / (picture.shape[1], picture.shape[0])
    middle, width = lips.mean(0), 1.3 * float(np.ptp(lips[:, 0]))
    return [*(middle - width / 2).tolist(), width, width]


def microphone(path: Path) -> None:
    """Speech between silences, again and again."""
    speech = recording("speech_two").waveform
    loud = speech[np.argmax(np.abs(speech) > 0.1) :][: round(LOUD_S * SAMPLE_RATE)]
    write_wav(path, np.concatenate([np.zeros(round(QUIET_S * SAMPLE_RATE)), loud]))


def write_wav(path: Path, waveform: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((waveform * 32767).astype("<i2").tobytes())


@contextmanager
def server(library: Path) -> Iterator[str]:
    """The address of a page's server, in a process of its own."""
    command = [sys.executable, "-m", "instag", "app", "--library", str(library), "--port", "0"]
    with subprocess.Popen(
        [*command, "--no-browser", "--json"], stdout=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        assert process.stdout is not None
        try:
            address = json.loads(process.stdout.readline())["address"]
            urllib.request.urlopen(address).read()
            yield address
        finally:
            process.terminate()


def mouth_motion(seen: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """When each picture is shown (ms), and how far its mouth is from the one before."""
    rows = np.array(seen["frames"])[1:]
    return rows[:, 0], rows[:, 1]


def at_rest_ms(times: np.ndarray, mouths: np.ndarray, stop: float) -> float:
    """Milliseconds from `stop` until a mouth [f p] looks as it does half a second after; NaN where
    it looked like that before too.

    Pictures are projected on the change from those around `stop` to those after: the head goes on
    moving, which is not that change.
    """
    speaking, resting = (
        mouths[(times > stop + start) & (times <= stop + end)].mean(0)
        for start, end in ((-120, 40), RESTS)
    )
    change = speaking - resting
    if np.abs(change).mean() < LEAST_CHANGE:
        return float("nan")
    left = (mouths - resting) @ change / (change @ change)
    moving = (times > stop) & (times <= stop + RESTS[1]) & (left > LEFT)
    shown_until = np.append(times[1:], times[-1])
    return float(max(shown_until[moving].max() - stop, 0.0)) if moving.any() else 0.0


def first_after(times: np.ndarray, values: np.ndarray, start: float, least: float) -> float:
    """Milliseconds from `start` to the first value above `least`; NaN where none comes in 1.5 s."""
    later = (times > start) & (times < start + 1500) & (values > least)
    return float(times[later][0] - start) if later.any() else float("nan")


def onsets(times: np.ndarray, levels: np.ndarray) -> list[float]:
    """When a sound begins after 0.8 s of silence."""
    found, last = [], -np.inf
    for at, level in zip(times, levels, strict=True):
        if level > 0.02:
            if at - last > 800:
                found.append(float(at))
            last = at
    return found[1:]


def described(values: list[float]) -> str:
    known = np.array([value for value in values if np.isfinite(value)])
    if not len(known):
        return "not measured"
    return f"median {np.median(known):.0f} ms, p90 {np.quantile(known, 0.9):.0f} (n {len(known)})"


def follow(page: Any, avatar: Avatar) -> None:
    """Let the head say eight seconds."""
    said = recording("speech_two").waveform[: 8 * SAMPLE_RATE].astype(np.float32)
    page.evaluate(play(said))
    page.wait_for_timeout(10_000)
    seen = page.evaluate(TAKE)
    start, frames, sound = seen["marks"][-1], np.array(seen["frames"]), np.array(seen["sound"])
    late, fit = dark_lag_s(avatar, (frames[:, 0] - start) / 1e3, -frames[:, 2], said)
    fine = np.arange(0, 1e3 * len(said) / SAMPLE_RATE + 1e3)
    heard = np.interp(fine, sound[:, 0] - start, sound[:, 1])
    of_sound = lag_s(heard, np.abs(said[:: SAMPLE_RATE // 1000]), 1e3)
    print(f"mouth and the track that drives it: correlation {fit:.2f}, {1e3 * late:.0f} ms later")
    print(f"picture behind its sound: {1e3 * (late - of_sound):.0f} ms")


def painted(address: str) -> tuple[float, int, int]:
    """When, and how many pictures the server painted and skipped until then."""
    with urllib.request.urlopen(f"{address}api/metrics") as answer:
        session = json.loads(answer.read())["sessions"][0]
    return time.monotonic(), session["frames"], session["skipped"]


def play(waveform: np.ndarray) -> str:
    """The script that pushes a sound and notes when."""
    samples = (waveform * 32767).astype(int).tolist()
    file = f"{{samples: new Int16Array({samples}), rate: {SAMPLE_RATE}}}"
    return f"({MARK})(() => instagLive.playFile({file}))"


def measure(page: Any, address: str, identifier: str, box: list[float], avatar: Avatar) -> None:
    page.goto(f"{address}#/talk/{identifier}")
    begun = page.evaluate("performance.now()")
    page.locator("button.start").click()
    while not page.evaluate("document.querySelector('.stage video').videoWidth"):
        page.wait_for_timeout(20)
    print(f"to the first picture: {page.evaluate('performance.now()') - begun:.0f} ms")
    page.evaluate(WATCH, box)
    page.wait_for_timeout(4_000)
    idle = mouth_motion(page.evaluate(TAKE))[1]
    still = MOVED * float(np.quantile(idle, 0.9))
    pushed, heard, quiet_sound, quiet_mouth = [], [], [], []
    phrase = play(recording("speech_two").waveform[8_000:40_000])
    hush = f"({MARK})(() => instagLive.interrupt())"
    for _ in range(TIMES):
        page.evaluate(phrase)
        page.wait_for_timeout(1_300)
        page.evaluate(hush)
        page.wait_for_timeout(1_500)
        seen = page.evaluate(TAKE)
        times, moved = mouth_motion(seen)
        sound = np.array(seen["sound"])
        start, stop = seen["marks"][-2:]
        pushed.append(first_after(times, moved, start, still))
        heard.append(first_after(sound[:, 0], sound[:, 1], start, 0.02))
        after = (sound[:, 0] > stop) & (sound[:, 1] > 0.01)
        quiet_sound.append(float(sound[after, 0].max() - stop) if after.any() else 0.0)
        mouths = np.array(seen["frames"])[1:, 3:]
        quiet_mouth.append(at_rest_ms(times, mouths, stop))
    print(f"pushed sound to a moving mouth: {described(pushed)}")
    print(f"pushed sound to sound that is heard: {described(heard)}")
    print(f"be quiet to silence: {described(quiet_sound)}")
    print(f"be quiet to a resting mouth: {described(quiet_mouth)}")
    follow(page, avatar)
    page.get_by_role("button", name="Microphone").click()
    page.wait_for_timeout(500)
    page.evaluate("seen.microphone()")
    begun, server_begun = page.evaluate(TAKE)["shown"], painted(address)
    page.wait_for_timeout(int(1000 * (QUIET_S + LOUD_S) * (TIMES + 1)))
    seen, server_ended = page.evaluate(TAKE), painted(address)
    times, moved = mouth_motion(seen)
    sound = np.array(seen["sound"])
    spoken = onsets(sound[:, 0], sound[:, 2])
    to_mouth = [first_after(times, moved, each, still) for each in spoken]
    to_ear = [first_after(sound[:, 0], sound[:, 1], each, 0.02) for each in spoken]
    print(f"microphone to shown mouth: {described(to_mouth)}")
    print(f"microphone to sound that is heard: {described(to_ear)}")
    gaps = np.diff([frame[0] for frame in seen["frames"]])
    took, shown, dropped = np.subtract(seen["shown"], begun)
    print(f"pictures: {1000 * shown / took:.2f} a second shown, {dropped:.0f} dropped by the page")
    took, painted_, skipped = np.subtract(server_ended, server_begun)
    print(f"the server: {painted_ / took:.2f} a second painted, {skipped:.0f} skipped")
    print(f"of them noticed: {1000 * len(gaps) / gaps.sum():.2f} a second", end=", interval ")
    print(f"p50 {np.median(gaps):.0f} p99 {np.quantile(gaps, 0.99):.0f} ms")
    print(f"since the beginning: {page.evaluate('instagLive.stats()')}")


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = parser_of(__doc__)
    parser.add_argument("avatar", type=Path)
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        library = Library(folder / "library")
        sent = library.incoming / "sent.avatar"
        shutil.copy(given.avatar, sent)
        entry = import_avatar(library, sent, given.avatar.stem)
        portrait = cv2.imread(str(library.picture(entry.id)))
        assert portrait is not None
        microphone(folder / "microphone.wav")
        file = f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}"
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, file])
        with server(library.folder) as address:
            page = browser.new_page()
            box = lips_box(cv2.cvtColor(portrait, cv2.COLOR_BGR2RGB))
            measure(page, address, entry.id, box, Avatar.open(given.avatar))
        browser.close()


if __name__ == "__main__":
    main()
