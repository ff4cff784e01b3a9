"""The footage of a Clip: its frames, the landmarks seen in them, and its sound, taken from a video
in one pass each."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from instag.capture.face_crop import Crop
from instag.capture.shots import Shot
from instag.data.clip import Clip, write_arrays
from instag.errors import NotAnArtefact, TooShort
from instag.media.reader import Square, read_frames, read_sound
from instag.media.timecode import clock
from instag.perception.face_mesh import FaceMesh, Landmarks, fill_gaps, longest_seen
from instag.perception.skin_flow import SkinFlow
from instag.runtime.progress import Report, silent
from instag.types import FPS

SAMPLE_RATE = 16_000
SHORTEST_S = 2.0
UNDER_WAY = 8
"""Frames that may wait for a worker."""

Seen = tuple[np.ndarray | None, np.ndarray]
"""Landmarks [478 3] of a frame, if there is a face, and the motion [skin 2] of its skin from the
frame before, in pixels."""


def extract_frames(
    clip: Clip, video: Path, crop: Crop, shot: Shot, report: Report = silent
) -> Shot:
    """Write frames/ and landmarks.npz from one shot of a video, decoding it once; returns the part
    that the clip holds.

    That is the shot, or its longest part in which no gap without a face is too long to be filled.
    While one thread finds the landmarks, another writes the pictures. Raises TooShort, NoFace,
    FaceLost, and what `read_frames` raises.
    """
    x, y, side = (2 * int(length / 2) for length in crop)
    square = Square(x=x, y=y, side=side, size=clip.info.width)
    seen: list[Seen] = []
    waiting: deque[tuple[Future[Seen], Future[None]]] = deque()
    flow = SkinFlow()

    def take() -> None:
        landmarks, written = waiting.popleft()
        seen.append(landmarks.result())
        written.result()

    with FaceMesh() as mesh, ThreadPoolExecutor(1) as finder, ThreadPoolExecutor(1) as writer:
        for index, image in enumerate(
            read_frames(video, square=square, start=shot.first, seconds=shot.end / FPS)
        ):
            waiting.append(
                (
                    finder.submit(_look, mesh, flow, image),
                    writer.submit(clip.save_frame, index, image),
                )
            )
            if len(waiting) >= UNDER_WAY:
                take()
            report(index + 1, max(len(shot), index + 1))
        while waiting:
            take()
    if len(seen) < SHORTEST_S * FPS:
        raise TooShort(
            f"{video} shows a face without a cut for {len(seen) / FPS:.1f} s at most, from "
            f"{clock(shot.first)} to {clock(shot.first + len(seen))}; "
            f"at least {SHORTEST_S:g} s are needed, and 5 s or more make a good head. Record a "
            "longer video."
        )
    first, end = longest_seen(np.array([points is not None for points, _ in seen]))
    if end - first < SHORTEST_S * FPS:
        first, end = 0, len(seen)
    _save_landmarks(clip, seen[first:end], str(video))
    _keep_frames(clip, first, end, len(seen))
    return Shot(first=shot.first + first, end=shot.first + end)


def _keep_frames(clip: Clip, first: int, end: int, count: int) -> None:
    """Leave the frames from `first` to before `end` of `count`, numbered from 0."""
    for index in [*range(first), *range(end, count)]:
        clip.path("frames", index).unlink()
    for index in range(first, end if first else 0):
        clip.path("frames", index).replace(clip.path("frames", index - first))


def find_landmarks(clip: Clip, source: str, report: Report = silent) -> Landmarks:
    """Write landmarks.npz of a clip whose frames are there, and return what is in it; `source`
    names them in messages. Raises NoFace, FaceLost."""
    flow = SkinFlow()
    seen = []
    with FaceMesh() as mesh:
        for index in range(len(clip)):
            seen.append(_look(mesh, flow, clip.frame(index)))
            report(index + 1, len(clip))
    return _save_landmarks(clip, seen, source)


def _save_landmarks(clip: Clip, seen: list[Seen], source: str) -> Landmarks:
    """Write landmarks.npz, gaps filled. Raises NoFace, FaceLost."""
    points, motion = zip(*seen, strict=True)
    landmarks = fill_gaps(list(points), np.stack(motion), source)
    write_arrays(
        clip.folder / "landmarks.npz",
        points=landmarks.points,
        found=landmarks.found,
        flow=landmarks.flow,
    )
    return landmarks


def _look(mesh: FaceMesh, flow: SkinFlow, image: UInt8[np.ndarray, "h w 3"]) -> Seen:
    points = mesh.find(image)
    return points, flow.step(image, points)


def read_landmarks(clip: Clip) -> Landmarks:
    """The landmarks that `extract_frames` left. Raises NotAnArtefact."""
    path = clip.folder / "landmarks.npz"
    if not path.is_file():
        raise NotAnArtefact(
            f"{path} is missing. Run the stage again: instag prepare VIDEO -o {clip.folder} --from "
            "video"
        )
    with np.load(path) as stored:
        return Landmarks(points=stored["points"], found=stored["found"], flow=stored["flow"])


def extract_audio(clip: Clip, video: Path, delay_ms: int) -> None:
    """Write speech.wav: the video's sound at 16 kHz from the clip's first frame on, `delay_ms` cut
    from its start, as long as the frames.

    Raises NoSound, and what `read_sound` raises.
    """
    waveform = read_sound(video, SAMPLE_RATE)
    shift = clip.info.first_frame * SAMPLE_RATE // FPS + round(delay_ms * SAMPLE_RATE / 1000)
    waveform = waveform[shift:] if shift >= 0 else np.pad(waveform, (-shift, 0))
    length = len(clip) * SAMPLE_RATE // FPS
    clip.save_speech(np.pad(waveform[:length], (0, max(0, length - len(waveform)))))
