"""Sync-C and Sync-D: SyncNet's confidence that lips and speech belong together, and the distance of
their embeddings.

Computed as in syncnet_python, the source of published numbers, with two differences: the face's box
comes from landmarks in place of a detector, and crops are not compressed before they are measured.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.syncnet import CROP, FRAMES, STEPS, WIDTH, SyncNet
from instag.speech.mfcc import mfcc
from instag.types import FPS

MAX_OFFSET = 15
"""Frames by which speech is shifted either way in search of the best match."""
CROP_SCALE = 0.4
MEDIAN_FRAMES = 13
"""Window of the median that smooths the face's box."""
GREY = 110
"""Colour outside the picture."""
STEPS_PER_FRAME = 100 // FPS
BATCH = 16


@dataclass(frozen=True, kw_only=True)
class Sync:
    """SyncNet's measure of one person's speech.

    offset: frames (40 ms) by which the picture lags behind the sound at the best match; positive
    where the sound comes first. confidence: Sync-C, the median over all offsets of the mean
    distance minus the least; higher is better. distance: Sync-D, the least mean distance; lower is
    better. by_offset: the mean distance at each offset from -15 to 15. frames: how many windows
    were compared.
    """

    offset: int
    confidence: float
    distance: float
    by_offset: Float[np.ndarray, " 31"]
    frames: int


@final
class SyncNetTracker:
    """Embeddings of the face in a stream of frames: `add` each frame, then call `embeddings`.

    It keeps some twenty pictures in memory, for any length of the stream.
    """

    def __init__(self, network: SyncNet) -> None:
        self._network = network
        self._pictures: list[UInt8[np.ndarray, "h w 3"]] = []
        self._boxes: list[Float[np.ndarray, " 3"]] = []
        self._crops: list[UInt8[np.ndarray, "224 224 3"]] = []
        self._embeddings: list[Float[Tensor, "windows 1024"]] = []
        self._faceless: list[int] = []
        self._count = self._cropped = 0

    def add(
        self, picture: UInt8[np.ndarray, "h w 3"], points: Float[np.ndarray, "n _"] | None
    ) -> None:
        """The next frame, RGB, and the landmarks of the whole face in it, x and y in pixels first;
        None where no face was found."""
        self._pictures.append(picture)
        self._boxes.append(_box(points))
        self._count += 1
        if len(self._pictures) > MEDIAN_FRAMES // 2:
            self._crop_next()

    def embeddings(self) -> Float[Tensor, "windows 1024"] | NotMeasured:
        """One embedding for every five successive frames. Call it after the last frame."""
        while self._pictures:
            self._crop_next()
        if self._faceless:
            return NotMeasured(
                f"no face in {len(self._faceless)} of {self._count} frames, first in frame "
                f"{self._faceless[0]}, and none within 6 frames of them"
            )
        self._embed_crops()
        if not self._embeddings:
            return NotMeasured(
                f"{self._count} frames are too few: SyncNet needs {FRAMES} at a time"
            )
        return torch.cat(self._embeddings)

    def _crop_next(self) -> None:
        first = max(0, self._cropped - MEDIAN_FRAMES // 2)
        box = _median(self._boxes[first : self._cropped + MEDIAN_FRAMES // 2 + 1])
        picture = self._pictures.pop(0)
        if np.isnan(box).any():
            self._faceless.append(self._cropped)
        elif not self._faceless:
            self._crops.append(face_crop(picture, box))
        self._cropped += 1
        if len(self._crops) == BATCH + FRAMES - 1:
            self._embed_crops()

    @torch.no_grad()
    def _embed_crops(self) -> None:
        if len(self._crops) < FRAMES:
            return
        crops = torch.from_numpy(np.stack(self._crops)).flip(3).permute(0, 3, 1, 2).float()
        self._embeddings.append(self._network.embed_faces(crops))
        self._crops = self._crops[1 - FRAMES :]


@torch.no_grad()
def embed_speech(
    network: SyncNet, speech: Float[np.ndarray, " samples"]
) -> Float[Tensor, "windows 1024"]:
    """Embeddings of 0.2 s of 16 kHz speech from the start of each frame on, as many as fit."""
    coefficients = torch.from_numpy(mfcc(speech)).T
    if coefficients.shape[1] < STEPS:
        return torch.zeros(0, WIDTH)
    windows = coefficients.unfold(1, STEPS, STEPS_PER_FRAME).transpose(0, 1)
    return torch.cat([network.embed_speech(piece) for piece in windows.split(8 * BATCH)])


def compare(lips: Float[Tensor, "m width"], speech: Float[Tensor, "n width"]) -> Sync | NotMeasured:
    """Match the embeddings of each window of frames with those of speech up to 15 frames earlier
    and later.

    Embeddings beyond the ends are zero, as in syncnet_python: Sync-C of a few seconds
    depends on them.
    """
    windows = min(len(lips), len(speech))
    if windows <= MAX_OFFSET:
        return NotMeasured(
            f"{windows} windows are too few to try offsets of {MAX_OFFSET} frames: SyncNet needs a "
            "second of video with its sound"
        )
    padded = torch.nn.functional.pad(speech[:windows], (0, 0, MAX_OFFSET, MAX_OFFSET))
    shifted = (padded[shift : shift + windows] for shift in range(2 * MAX_OFFSET + 1))
    distances = torch.stack(
        [torch.nn.functional.pairwise_distance(lips[:windows], other).mean() for other in shifted]
    )
    least = int(distances.argmin())
    return Sync(
        offset=MAX_OFFSET - least,
        confidence=float(distances.median() - distances[least]),
        distance=float(distances[least]),
        by_offset=distances.flip(0).numpy(),
        frames=windows,
    )


def measure(
    pictures: Iterable[UInt8[np.ndarray, "h w 3"]],
    points: Iterable[Float[np.ndarray, "n _"] | None],
    speech: Float[np.ndarray, " samples"],
    network: SyncNet | NotMeasured,
) -> Sync | NotMeasured:
    """Sync-C and Sync-D of a stream of RGB frames at 25 fps, the landmarks in each, and their 16
    kHz sound in [-1, 1].

    Raises ValueError where there are not as many points as pictures.
    """
    if isinstance(network, NotMeasured):
        return network
    reader = SyncNetTracker(network)
    for picture, face in zip(pictures, points, strict=True):
        reader.add(picture, face)
    lips = reader.embeddings()
    return lips if isinstance(lips, NotMeasured) else compare(lips, embed_speech(network, speech))


def face_crop(
    picture: UInt8[np.ndarray, "h w 3"], box: Float[np.ndarray, " 3"]
) -> UInt8[np.ndarray, "224 224 3"]:
    """SyncNet's input from a face whose box has its centre at x, y and half its longer side s (box
    = x, y, s, in pixels).

    A square 2.8 s wide: 1.4 s to either side, from the top of the box to 0.8 s below it. Grey
    outside the picture.
    """
    x, y, half = box
    left, right, top, bottom = (
        int(np.floor(edge))
        for edge in (
            x - half * (1 + CROP_SCALE),
            x + half * (1 + CROP_SCALE),
            y - half,
            y + half * (1 + 2 * CROP_SCALE),
        )
    )
    canvas = np.full((max(1, bottom - top), max(1, right - left), 3), GREY, np.uint8)
    inside = picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    row, column = max(-top, 0), max(-left, 0)
    if inside.size:
        canvas[row : row + inside.shape[0], column : column + inside.shape[1]] = inside
    return cv2.resize(canvas, (CROP, CROP)).astype(np.uint8, copy=False)


def _box(points: Float[np.ndarray, "n _"] | None) -> Float[np.ndarray, " 3"]:
    """Centre and half the longer side of the box around a face; NaN where there is none."""
    if points is None or not np.isfinite(points[:, :2]).all():
        return np.full(3, np.nan)
    low, high = points[:, :2].min(0).astype(np.float64), points[:, :2].max(0).astype(np.float64)
    return np.array([*(low + high) / 2, (high - low).max() / 2])


def _median(boxes: list[Float[np.ndarray, " 3"]]) -> Float[np.ndarray, " 3"]:
    """The median of the boxes that are not NaN; NaN without any."""
    found = [box for box in boxes if np.isfinite(box).all()]
    return np.median(found, axis=0) if found else np.full(3, np.nan)
