"""The 68 landmarks of the iBUG scheme by FAN-4, as the TorchScript file of the face-alignment
package (2DFAN4-cd938726ad.zip).

Pre- and postprocessing are that package's: a square of 200 x scale pixels around the face, at 256 x
256, and the peaks of 64 x 64 heatmaps, refined a quarter pixel toward their higher neighbour. Two
things differ: the face's box comes from instag's landmarks in place of a detector (S3FD), and
points are not rounded to whole pixels. Bulat and Tzimiropoulos, "How far are we from solving the 2D
& 3D Face Alignment problem?", ICCV 2017.
"""

from dataclasses import replace
from pathlib import Path
from typing import final

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from instag.assets.checkpoints import load_torchscript
from instag.data.clip import Clip
from instag.errors import AssetDamaged
from instag.runtime.progress import Report, silent
from instag.types import Track

SIZE, MAP_SIZE = 256, 64
"""Sides of the network's input and of its heatmaps, pixels."""
REFERENCE = 195.0
"""Width and height of a box, together, whose scale is 1."""
SHIFT = 0.12
"""Heights of the box by which the square lies above its centre."""
BROWS, CHIN, CHEEKS = (105, 334), 152, (234, 454)
FOREHEAD = 0.2
"""Extent of a detector's box above the brows, over the height from brows to chin."""


@final
class Fan:
    """The network with its pre- and postprocessing. Raises AssetDamaged where the file is no
    TorchScript."""

    def __init__(self, path: Path, device: torch.device) -> None:
        self._network, self._path, self._device = load_torchscript(path, device), path, device

    @torch.inference_mode()
    def __call__(
        self, frame: UInt8[np.ndarray, "h w 3"], landmarks: Float[np.ndarray, "478 d"]
    ) -> Float[np.ndarray, "68 2"]:
        """The points in pixels of an RGB frame; `landmarks` are the face mesh's, in pixels. Raises
        AssetDamaged where the network returns something else."""
        center, side = square_of(landmarks)
        picture = (
            torch.from_numpy(cut(frame, center, side))
            .permute(2, 0, 1)[None]
            .float()
            .to(self._device)
            / 255
        )
        maps = self._network(picture)
        maps = maps[-1] if isinstance(maps, (list, tuple)) else maps
        if not isinstance(maps, Tensor) or tuple(maps.shape) != (1, 68, MAP_SIZE, MAP_SIZE):
            raise AssetDamaged(
                f"{self._path} does not return 68 maps of {MAP_SIZE} x {MAP_SIZE}: it is another "
                "network."
            )
        return peaks(maps[0].float().cpu().numpy()) * (side / MAP_SIZE) + center - side / 2


def fan_landmarks(clip: Clip, track: Track, fan: Fan, report: Report = silent) -> Track:
    """The track with the 68 landmarks that FAN finds in each frame of the clip."""
    points = []
    for index in range(len(clip)):
        points.append(fan(clip.frame(index), track.landmarks[index]))
        report(index + 1, len(clip))
    return replace(track, landmarks68=np.stack(points).astype(np.float32))


def square_of(landmarks: Float[np.ndarray, "478 d"]) -> tuple[Float[np.ndarray, "2"], float]:
    """Centre and side in pixels of the network's square."""
    chin, brows = landmarks[CHIN, 1], landmarks[list(BROWS), 1].mean()
    left, right = sorted(landmarks[list(CHEEKS), 0])
    top = brows - FOREHEAD * (chin - brows)
    width, height = right - left, chin - top
    return np.array([(left + right) / 2, (top + chin) / 2 - SHIFT * height]), float(
        200 * (width + height) / REFERENCE
    )


def cut(
    frame: UInt8[np.ndarray, "h w 3"], center: Float[np.ndarray, "2"], side: float
) -> UInt8[np.ndarray, "256 256 3"]:
    """The square, black where it reaches beyond the frame."""
    start = np.trunc(center - side / 2 + side / SIZE).astype(int)
    end = np.trunc(center + side / 2).astype(int)
    low, high = np.maximum(start, 0), np.minimum(end, frame.shape[1::-1])
    square = np.zeros((end[1] - start[1], end[0] - start[0], 3), np.uint8)
    square[low[1] - start[1] : high[1] - start[1], low[0] - start[0] : high[0] - start[0]] = frame[
        low[1] : high[1], low[0] : high[0]
    ]
    return cv2.resize(square, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)


def peaks(maps: Float[np.ndarray, "p m m"]) -> Float[np.ndarray, "p 2"]:
    """X and y of each map's peak in its pixels, whose centres lie at +0.5."""
    side = maps.shape[-1]
    best = maps.reshape(len(maps), -1).argmax(1)
    points = np.stack([best % side, best // side], -1)
    refined = points.astype(np.float64) + 0.5
    for index, (x, y) in enumerate(points):
        if 0 < x < side - 1 and 0 < y < side - 1:
            grid = maps[index]
            refined[index] += 0.25 * np.sign(
                [grid[y, x + 1] - grid[y, x - 1], grid[y + 1, x] - grid[y - 1, x]]
            )
    return refined
