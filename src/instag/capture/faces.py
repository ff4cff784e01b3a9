"""The crop: one still square around the head for a whole video, with room for hair and shoulders."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from instag.capture.quiet import native_notes_hidden
from instag.errors import BadArgument, NoFace, SeveralFaces
from instag.media import MediaInfo, probe, read_frames
from instag.progress import Report, silent

SAMPLES_PER_SECOND = 2.5
MOST_SAMPLES = 200
DETECTION_SIZE = 960
"""Longest side in pixels of the pictures that are searched."""
FACE_SHARE = 0.5
"""Height of a detected face over the crop's: hair and shoulders get the other half."""
FACE_CENTRE = 0.56
"""Where a face's centre lies in the crop, from its top."""
WHOLE_FROM = 0.85
"""A square picture whose wished crop is at least this much of it is kept whole."""
RIVAL_SIZE = 0.6
"""A second face of this much of the largest one's height is as near the camera."""
RIVAL_SHARE = 0.5
"""Share of the samples in which a rival must be seen to be a second speaker."""


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


def find_crop(video: Path | str, *, seconds: float | None = None, report: Report = silent) -> Crop:
    """Look for the speaker's face in sparse frames of a video and frame the head.

    Raises NoFace, SeveralFaces, and what `read_frames` raises.
    """
    video = Path(video)
    info = probe(video)
    length = min(info.seconds or seconds or 0.0, seconds or np.inf)
    rate = min(SAMPLES_PER_SECOND, MOST_SAMPLES / max(length, 1.0))
    scale = min(1.0, DETECTION_SIZE / max(info.width, info.height))
    samples = [[_scaled(face, 1 / scale) for face in faces] for faces in _search(video, rate, scale, seconds, max(1, round(length * rate)), report)]
    seen = [faces for faces in samples if faces]
    if len(seen) < max(1, 0.05 * len(samples)):
        raise NoFace(
            f"No face in {len(samples) - len(seen)} of {len(samples)} frames of {video} that were looked at. "
            "Use a video that shows one face from the front, or point to it with --crop x,y,size."
        )
    rivals = sum(len(faces) > 1 and faces[1].height >= RIVAL_SIZE * faces[0].height for faces in seen)
    if rivals >= max(2, RIVAL_SHARE * len(seen)):
        raise SeveralFaces(f"Two faces of like size in {rivals} of {len(samples)} frames of {video} that were looked at. Choose one with --crop x,y,size.")
    return frame_head([faces[0] for faces in seen], info)


def frame_head(faces: list[Face], info: MediaInfo) -> Crop:
    """The crop that holds the head in all samples, inside the picture; the whole picture where it is framed so already."""
    table = np.array([[face.x, face.y, face.height] for face in faces])
    x, y, height = np.median(table, axis=0)
    near = np.hypot(table[:, 0] - x, table[:, 1] - y) < 1.5 * height
    table = table[near]
    low, high = table[:, :2].min(0), table[:, :2].max(0)
    side = min(info.width, info.height)
    size = np.median(table[:, 2]) / FACE_SHARE + max(0.0, (high - low).max() - 0.3 * height)
    if info.width == info.height and size >= WHOLE_FROM * side:
        return Crop(0, 0, side)
    size = min(size, side)
    centre_x, centre_y = (low + high) / 2
    left = np.clip(centre_x - size / 2, 0, info.width - size)
    top = np.clip(centre_y - FACE_CENTRE * size, 0, info.height - size)
    return Crop(*(2 * int(length / 2) for length in (left, top, size)))


def check_crop(crop: Crop, info: MediaInfo) -> None:
    """Raises BadArgument where a crop does not lie in the picture."""
    if crop.size < 64 or crop.x < 0 or crop.y < 0 or crop.x + crop.size > info.width + 1 or crop.y + crop.size > info.height + 1:
        raise BadArgument(
            f"--crop {crop.x:g},{crop.y:g},{crop.size:g} does not lie in the picture, which has {info.width} x {info.height} pixels; the size is at least 64."
        )


def _search(video: Path, rate: float, scale: float, seconds: float | None, total: int, report: Report) -> Iterator[list[Face]]:
    """Faces in each sample, largest first, in pixels of the scaled picture."""
    from mediapipe.python.solutions.face_detection import FaceDetection

    with native_notes_hidden():
        far, near = (FaceDetection(model_selection=model, min_detection_confidence=0.5) for model in (1, 0))
        for detector in (far, near):
            detector.process(np.zeros((64, 64, 3), np.uint8))
    last = time.monotonic()
    with far, near:
        for index, image in enumerate(read_frames(video, fps=rate, scale=scale, seconds=seconds)):
            faces = _faces(far, image) or _faces(near, image)
            yield sorted(faces, key=lambda face: -face.height)
            if time.monotonic() - last > 0.2:
                last = time.monotonic()
                report(index + 1, max(total, index + 1))


def _faces(detector, image: UInt8[np.ndarray, "h w 3"]) -> list[Face]:
    height, width = image.shape[:2]
    boxes = [found.location_data.relative_bounding_box for found in detector.process(image).detections or []]
    return [Face(x=(box.xmin + box.width / 2) * width, y=(box.ymin + box.height / 2) * height, height=box.height * height) for box in boxes]


def _scaled(face: Face, factor: float) -> Face:
    return Face(x=face.x * factor, y=face.y * factor, height=face.height * factor)
