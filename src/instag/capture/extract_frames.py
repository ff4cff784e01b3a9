"""Extraction of a Clip's frames, landmarks and sound from a video."""

from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from instag.capture.face_crop import Crop
from instag.capture.shots import Shot
from instag.data.clip import Clip
from instag.errors import TooShort
from instag.media.reader import (
    Notice,
    SoundChoice,
    Square,
    Timeline,
    read_frames,
    stream_sound,
    unnoticed,
)
from instag.media.sound_queue import SampleQueue
from instag.media.timecode import clock
from instag.observed import FPS, LANDMARKS, SAMPLE_RATE
from instag.perception.face_mesh import FaceMesh, Landmarks, fill_gaps, longest_tracked_part
from instag.perception.skin_flow import SkinFlow
from instag.runtime.array_files import read_arrays, write_arrays
from instag.runtime.progress import Report, silent
from instag.runtime.untrusted import check_array

MIN_DURATION_S = 2.0
MAX_PENDING = 8
"""Frames that may wait for a worker."""

Detected = tuple[np.ndarray | None, np.ndarray]
"""Landmarks [478 3] of a frame, None without a face, and the motion [skin 2] of its skin from the
frame before; both in pixels."""


def extract_frames(
    clip: Clip,
    video: Path,
    crop: Crop,
    shot: Shot,
    report: Report = silent,
    notice: Notice = unnoticed,
    timeline: Timeline | None = None,
) -> Shot:
    """Write frames/ and landmarks.npz from one shot of a video in one decoding pass; returns the
    part of the shot that the clip contains.

    That is the longest part in which every gap without a face is short enough to interpolate. One
    thread finds landmarks while another writes pictures. timeline: the video's, where it is known.
    Raises TooShort, NoFace, FaceLost, and what `read_frames` raises.
    """
    x, y, side = (2 * int(length / 2) for length in crop)
    images = read_frames(
        video,
        square=Square(x=x, y=y, side=side, size=clip.info.width),
        start=shot.first,
        seconds=shot.end / FPS,
        notice=notice,
        timeline=timeline,
    )
    detected = _detect_and_write(clip, images, len(shot), report)
    if len(detected) < MIN_DURATION_S * FPS:
        raise TooShort(
            f"{video} shows a face without a cut for {len(detected) / FPS:.1f} s at most, from "
            f"{clock(shot.first)} to {clock(shot.first + len(detected))}; "
            f"at least {MIN_DURATION_S:g} s are needed, and 5 s or more make a good head. Record a "
            "longer video."
        )
    first, end = longest_tracked_part(np.array([points is not None for points, _ in detected]))
    if end - first < MIN_DURATION_S * FPS:
        first, end = 0, len(detected)
    _save_landmarks(clip, detected[first:end], str(video))
    _keep_frames(clip, first, end, len(detected))
    return Shot(first=shot.first + first, end=shot.first + end)


def _detect_and_write(
    clip: Clip, images: Iterable[UInt8[np.ndarray, "h w 3"]], expected: int, report: Report
) -> list[Detected]:
    """What is found in each frame, which is also written into the clip. expected: how many there
    will be, about."""
    detected: list[Detected] = []
    pending: deque[tuple[Future[Detected], Future[None]]] = deque()
    mesh, flow = FaceMesh(), SkinFlow()

    def collect() -> None:
        landmarks, written = pending.popleft()
        detected.append(landmarks.result())
        written.result()

    with ThreadPoolExecutor(1) as finder, ThreadPoolExecutor(1) as writer:
        for index, image in enumerate(images):
            pending.append(
                (
                    finder.submit(_detect, mesh, flow, image),
                    writer.submit(clip.save_frame, index, image),
                )
            )
            if len(pending) >= MAX_PENDING:
                collect()
            report(index + 1, max(expected, index + 1))
        while pending:
            collect()
    return detected


def _keep_frames(clip: Clip, first: int, end: int, count: int) -> None:
    """Keep the frames from `first` to before `end` of `count`, renumbered from 0; delete the
    others."""
    for index in [*range(first), *range(end, count)]:
        clip.path("frames", index).unlink()
    for index in range(first, end if first else 0):
        clip.path("frames", index).replace(clip.path("frames", index - first))


def find_landmarks(clip: Clip, source: str, report: Report = silent) -> Landmarks:
    """Find the landmarks in a clip's frames and write landmarks.npz. `source` names the frames in
    messages. Raises NoFace, FaceLost."""
    flow = SkinFlow()
    detected = []
    mesh = FaceMesh()
    for index in range(len(clip)):
        detected.append(_detect(mesh, flow, clip.frame(index)))
        report(index + 1, len(clip))
    return _save_landmarks(clip, detected, source)


def _save_landmarks(clip: Clip, detected: list[Detected], source: str) -> Landmarks:
    """Interpolate gaps and write landmarks.npz. Raises NoFace, FaceLost."""
    points, motion = zip(*detected, strict=True)
    landmarks = fill_gaps(list(points), np.stack(motion), source)
    write_arrays(
        clip.folder / "landmarks.npz",
        points=landmarks.points,
        found=landmarks.found,
        flow=landmarks.flow,
    )
    return landmarks


def _detect(mesh: FaceMesh, flow: SkinFlow, image: UInt8[np.ndarray, "h w 3"]) -> Detected:
    points = mesh.find(image)
    return points, flow.step(image, points)


def read_landmarks(clip: Clip) -> Landmarks:
    """The landmarks that `extract_frames` wrote. Raises NotAnArtefact."""
    path, frames = clip.folder / "landmarks.npz", len(clip)
    with clip.reading(path):
        stored = read_arrays(path)
        return Landmarks(
            points=check_array("points", stored["points"], (frames, LANDMARKS, 3)),
            found=check_array("found", stored["found"], (frames,), "b"),
            flow=check_array("flow", stored["flow"], (frames, None, 2), unknown=True),
        )


def extract_audio(
    clip: Clip,
    video: Path,
    delay_ms: int,
    notice: Notice = unnoticed,
    choice: SoundChoice | None = None,
) -> None:
    """Write speech.wav: the video's sound at 16 kHz from the clip's first frame on, as long as the
    frames. Where the sound lags the frames, `delay_ms` is positive and cut from its start. choice:
    as `find_sound` returned it.

    Raises NoSound, and what `read_sound` raises.
    """
    shift = clip.info.first_frame * SAMPLE_RATE // FPS + round(delay_ms * SAMPLE_RATE / 1000)
    length = len(clip) * SAMPLE_RATE // FPS
    waveform = _sound_between(video, max(0, shift), max(0, shift + length), notice, choice)
    waveform = np.pad(waveform, (max(0, -shift), 0))[:length]
    clip.save_speech(np.pad(waveform, (0, length - len(waveform))))


def _sound_between(
    video: Path, start: int, end: int, notice: Notice, choice: SoundChoice | None
) -> Float[np.ndarray, " samples"]:
    """Those samples of a video's sound that exist; what comes after them is not read."""
    queue, passed = SampleQueue(), 0
    with closing(stream_sound(video, SAMPLE_RATE, choice=choice, notice=notice)) as pieces:
        for piece in pieces:
            queue.push(piece[max(0, start - passed) : max(0, end - passed)])
            passed += len(piece)
            if passed >= end:
                break
    return queue.take(len(queue))
