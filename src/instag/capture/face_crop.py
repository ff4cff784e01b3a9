"""The crop: one fixed square around the head for a whole shot, with room for hair and shoulders."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from jaxtyping import UInt8

from instag.capture.shots import SIDE, Shot, Shots, find_shots
from instag.errors import BadArgument, NoFace, SeveralFaces
from instag.media.reader import MediaInfo, Timeline, picture_timeline, probe, skim_frames
from instag.media.timecode import clock
from instag.observed import FPS
from instag.perception.face_detector import FAR, NEAR, FaceDetector
from instag.runtime.progress import Report, silent

SAMPLES_PER_SECOND = 2.5
MAX_SAMPLES = 600
MAX_PENDING = 4
"""Pictures that may wait for the detector."""
DETECTION_SIZE = 960
"""Longest side in pixels of the pictures in which faces are detected."""
FACE_SHARE = 0.5
"""Height of a detected face over the crop's: the other half is for hair and shoulders."""
FACE_CENTER = 0.56
"""Height of the face's centre in the crop, as a share from its top."""
WHOLE_PICTURE_SHARE = 0.85
"""A square picture is not cropped where the crop would be at least this share of it."""
RIVAL_SIZE = 0.6
"""Least height of a second face over the largest one's at which it counts as a second speaker's."""
RIVAL_SHARE = 0.5
"""Least share of the samples that show such a face."""


@dataclass(frozen=True, kw_only=True)
class Face:
    """A detected face, from the brows to the chin: centre and height in pixels."""

    x: float
    y: float
    height: float


class Crop(NamedTuple):
    """A square of the displayed picture, in its pixels: left and top edge, and size."""

    x: float
    y: float
    size: float


@final
@dataclass(frozen=True, kw_only=True)
class ScanResult:
    """The result of one pass over a video: its shots, and the faces in each `every`-th frame
    (largest first, in pixels of the displayed picture). timeline: of the picture."""

    video: Path
    info: MediaInfo
    timeline: Timeline
    shots: Shots
    every: int
    faces: tuple[tuple[Face, ...], ...]

    def within(self, shot: Shot) -> list[tuple[Face, ...]]:
        """The samples within a shot."""
        return list(self.faces[-(-shot.first // self.every) : -(-shot.end // self.every)])

    def choose(self, number: int | None, crop: Crop | None = None) -> Shot:
        """The shot with this number, counted from 1; without a number, the shot that shows a face
        (in the crop) for longest. Raises BadArgument."""
        shots = self.shots.shots
        if number is None:
            return max(
                shots,
                key=lambda shot: (
                    sum(any(_lies_in(face, crop) for face in faces) for faces in self.within(shot)),
                    len(shot),
                ),
            )
        if not 1 <= number <= len(shots):
            known = ", ".join(f"{place}: {shot}" for place, shot in enumerate(shots, 1))
            raise BadArgument(
                f"--shot {number}: {self.video} has {len(shots)} (by number: {known}). Give one of "
                "these, or leave --shot out."
            )
        return shots[number - 1]


def scan_video(
    video: Path | str,
    *,
    window: tuple[float, float] = (0.0, math.inf),
    report: Report = silent,
) -> ScanResult:
    """Find a video's cuts, and the faces in some of its frames, in one decoding pass. window: the
    part in which shots are wanted, in seconds. Raises BadArgument where the video ends before it,
    and what `skim_frames` raises."""
    video, seconds = Path(video), None if math.isinf(window[1]) else window[1]
    info = probe(video)
    timeline = picture_timeline(video)
    shown = timeline.picture_seconds
    stated = shown if 0 < shown < 0.9 * info.seconds else info.seconds
    length = max(1.0, min(stated or seconds or 0.0, seconds or np.inf))
    every = max(1, round(FPS / min(SAMPLES_PER_SECOND, MAX_SAMPLES / length)))
    scale = min(1.0, DETECTION_SIZE / max(info.width, info.height))
    far, near = FaceDetector(FAR), FaceDetector(NEAR)
    searched: list[Future[tuple[Face, ...]]] = []
    last = time.monotonic()

    def search(picture: UInt8[np.ndarray, "h w 3"]) -> tuple[Face, ...]:
        found = sorted(_faces(far, picture) or _faces(near, picture), key=lambda face: -face.height)
        return tuple(_scaled(face, 1 / scale) for face in found)

    def shrunk() -> Iterator[UInt8[np.ndarray, "n n 3"]]:
        nonlocal last
        for index, (small, picture) in enumerate(
            skim_frames(
                video, small=SIDE, every=every, scale=scale, seconds=seconds, timeline=timeline
            )
        ):
            if picture is not None:
                searched.append(finder.submit(search, picture))
                if len(searched) > MAX_PENDING:
                    searched[-1 - MAX_PENDING].result()
            if time.monotonic() - last > 0.2:
                last = time.monotonic()
                report(index + 1, max(round(length * FPS), index + 1))
            yield small

    with ThreadPoolExecutor(1) as finder:
        shots = _cut_out(find_shots(shrunk()), *window, video)
    faces = tuple(each.result() for each in searched)
    return ScanResult(
        video=video, info=info, timeline=timeline, shots=shots, every=every, faces=faces
    )


def _cut_out(found: Shots, first_s: float, end_s: float, video: Path) -> Shots:
    """The shots within a part of the video. Raises BadArgument."""
    first, end = round(first_s * FPS), math.inf if math.isinf(end_s) else round(end_s * FPS)
    shots = [
        Shot(first=max(shot.first, first), end=int(min(shot.end, end)))
        for shot in found.shots
        if shot.end > first and shot.first < end
    ]
    if not shots:
        raise BadArgument(
            f"--from {clock(first)}: {video} ends at {clock(found.shots[-1].end)}. Give an earlier "
            "time."
        )
    return replace(found, shots=tuple(shots))


def find_crop(scan: ScanResult, shot: Shot) -> Crop:
    """The crop around the head of the speaker in a shot. Raises NoFace, SeveralFaces."""
    samples = scan.within(shot)
    with_face = [faces for faces in samples if faces]
    where = f"{scan.video}" if len(scan.shots.shots) == 1 else f"{scan.video} from {shot}"
    if len(with_face) < max(1, 0.05 * len(samples)):
        raise NoFace(
            f"No face in {len(samples) - len(with_face)} of {len(samples)} frames of "
            f"{where} that were searched. Use a video that shows one face from the front, or point "
            "to it with --crop x,y,size."
        )
    rivals = sum(
        len(faces) > 1 and faces[1].height >= RIVAL_SIZE * faces[0].height for faces in with_face
    )
    if rivals >= max(2, RIVAL_SHARE * len(with_face)):
        raise SeveralFaces(
            f"Two faces of like size in {rivals} of {len(samples)} frames of "
            f"{where} that were searched. Choose one with --crop x,y,size."
        )
    return frame_head([faces[0] for faces in with_face], scan.info)


def frame_head(faces: list[Face], info: MediaInfo) -> Crop:
    """The crop that contains the head in all samples and lies in the picture; the whole picture
    where that is framed in this way already."""
    table = np.array([[face.x, face.y, face.height] for face in faces])
    x, y, height = np.median(table, axis=0)
    near = np.hypot(table[:, 0] - x, table[:, 1] - y) < 1.5 * height
    table = table[near]
    low, high = table[:, :2].min(0), table[:, :2].max(0)
    side = min(info.width, info.height)
    size = np.median(table[:, 2]) / FACE_SHARE + max(0.0, (high - low).max() - 0.3 * height)
    if info.width == info.height and size >= WHOLE_PICTURE_SHARE * side:
        return Crop(0, 0, side)
    size = min(size, side)
    center_x, center_y = (low + high) / 2
    left = np.clip(center_x - size / 2, 0, info.width - size)
    top = np.clip(center_y - FACE_CENTER * size, 0, info.height - size)
    return Crop(*(2 * int(length / 2) for length in (left, top, size)))


def check_crop(crop: Crop, info: MediaInfo) -> None:
    """Raises BadArgument where a crop does not lie in the picture."""
    if (
        crop.size < 64
        or crop.x < 0
        or crop.y < 0
        or crop.x + crop.size > info.width + 1
        or crop.y + crop.size > info.height + 1
    ):
        raise BadArgument(
            f"--crop {crop.x:g},{crop.y:g},{crop.size:g} does not lie in the picture, which has "
            f"{info.width} x {info.height} pixels; the size is at least 64."
        )


def _faces(detector: FaceDetector, image: UInt8[np.ndarray, "h w 3"]) -> list[Face]:
    boxes = [found.box for found in detector(image)]
    return [
        Face(
            x=float(box[0] + box[2]) / 2,
            y=float(box[1] + box[3]) / 2,
            height=float(box[3] - box[1]),
        )
        for box in boxes
    ]


def _scaled(face: Face, factor: float) -> Face:
    return Face(x=face.x * factor, y=face.y * factor, height=face.height * factor)


def _lies_in(face: Face, crop: Crop | None) -> bool:
    return crop is None or (0 <= face.x - crop.x < crop.size and 0 <= face.y - crop.y < crop.size)
