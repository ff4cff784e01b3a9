"""ClipDataset: observed frames as training and evaluation want them: pictures, regions, camera,
speech and expression, read when asked for. It computes nothing of its own.

Decoded frames are kept, as bytes in the host's memory, up to a limit; beyond it the ones used
longest ago are read again. A frame can be cut to a window of constant size around the head, so that
nothing is rendered or compared where nothing happens.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from instag.data.clip import Clip
from instag.data.clip_tables import ClipTables
from instag.data.frame_batch import CropWindow, FrameBatch
from instag.data.head_mask import head_alpha_uint8
from instag.data.kept_frames import KeptFrames
from instag.ops.rotations import viewmats
from instag.runtime.device_copy import to_device_async
from instag.speech.windows import windows
from instag.types import EXPRESSION_UNITS, HEAD_REGIONS, Camera, Condition, Region

MEMORY = 768 * 2**20
"""Bytes of decoded frames that are kept."""
READ_BYTES = 8
"""Of a pixel: picture, regions, background and the head's alpha."""
SMALLEST_EXTENT, LARGEST_EXTENT = 0.1, 0.3


class ClipDataset:
    """The frames of a Clip at one picture size. What a batch holds, and every table of numbers,
    lies on `device`.

    tables: the clip's. features: speech features or lip codes of each frame
    (`data.speech_features`). memory: bytes of decoded frames that are kept. mouth_opening: height
    of the inner lips in each frame, pixels.
    """

    def __init__(
        self,
        clip: Clip,
        tables: ClipTables,
        *,
        size: int,
        features: Float[Tensor, "f channels steps"] | Float[np.ndarray, "f channels steps"],
        device: torch.device | str = "cpu",
        memory: int = MEMORY,
    ) -> None:
        self.clip, self.size, self.memory = clip, size, memory
        self.device = torch.device(device)
        track, units = tables.track, tables.action_units
        self.scale = size / clip.info.width
        self.focal = track.focal * self.scale
        self.identity = torch.from_numpy(track.identity).float()
        landmarks68 = torch.from_numpy(track.landmarks68).float() * self.scale
        self.lips_boxes = squares_around(landmarks68[:, 48:60], self.size).to(self.device)
        self.mouth_opening = inner_lips_height(landmarks68)
        self.expression_units = EXPRESSION_UNITS
        still = np.zeros(len(clip), np.float32)
        self.expression = torch.from_numpy(
            np.stack([units.get(name, still) for name in self.expression_units], axis=1)
        ).to(self.device)
        self.mouth_unit = torch.from_numpy(units.get("AU25", still).copy())
        self.features = (
            features if isinstance(features, Tensor) else torch.from_numpy(np.array(features))
        ).to(self.device)
        self.backdrop = self._resized(tables.backdrop)
        self.viewmats = viewmats(
            torch.from_numpy(track.rotations).float(), torch.from_numpy(track.translations).float()
        ).to(self.device)
        self._kept = KeptFrames(memory)

    def __len__(self) -> int:
        return len(self.clip)

    def extent(self, train: range) -> float:
        """Of the scene, metres: 1.1 x the largest distance of a camera from the mean camera; kept
        within what a person who sits still or turns far would give."""
        views = self.viewmats[train.start : train.stop]
        centers = -(views[:, :3, :3].mT @ views[:, :3, 3:])[..., 0]
        largest = float((centers - centers.mean(0)).norm(dim=1).max())
        return min(max(1.1 * largest, SMALLEST_EXTENT), LARGEST_EXTENT)

    def unit(self, name: str) -> Float[Tensor, " f"]:
        """Intensity of one of `expression_units`, on the device."""
        return self.expression[:, self.expression_units.index(name)]

    def condition(self, indices: Int[Tensor, " b"]) -> Condition:
        """Speech windows and expressions of some frames."""
        return Condition(
            speech=windows(self.features, indices), expression=self.expression[indices]
        )

    def camera(self, indices: Int[Tensor, " b"], window: CropWindow | None = None) -> Camera:
        """Cameras of the whole picture, or of a window of it."""
        window = window or self.whole(indices)
        Ks = torch.zeros(len(indices), 3, 3, device=self.device)
        Ks[:, 0, 0] = Ks[:, 1, 1] = self.focal
        Ks[:, 0, 2] = self.size / 2 - window.left
        Ks[:, 1, 2] = self.size / 2 - window.top
        Ks[:, 2, 2] = 1
        return Camera(
            viewmats=self.viewmats[indices], Ks=Ks, width=window.width, height=window.height
        )

    def whole(self, indices: Int[Tensor, " b"]) -> CropWindow:
        """Windows of whole pictures."""
        nothing = torch.zeros_like(indices)
        return CropWindow(left=nothing, top=nothing, width=self.size, height=self.size)

    def boxes(self, frames: Sequence[int], *labels: Region) -> Int[Tensor, "f 4"]:
        """Left, top, right, bottom of what shows any of the labels in each frame; all zero where
        nothing does. Pixels at this size."""
        found = np.zeros((len(frames), 4), np.int64)
        for row, index in enumerate(frames):
            shown = np.isin(self.regions(index), [int(label) for label in labels])
            columns, rows = np.flatnonzero(shown.any(0)), np.flatnonzero(shown.any(1))
            if len(columns):
                found[row] = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        return torch.from_numpy(found).to(self.device)

    def regions(self, index: int) -> UInt8[np.ndarray, "h w"]:
        """Region numbers of a frame at this size, in the host's memory; nothing else of the frame
        is read."""
        return self._labels(self.clip.regions(index))

    def head_windows(self, frames: Sequence[int]) -> CropWindow:
        """Windows around the head of each frame."""
        return self.windows_around(self.boxes(frames, *HEAD_REGIONS), self.size // 20)

    def lips_windows(self, frames: Sequence[int]) -> CropWindow:
        """Windows around the lips of each frame."""
        boxes = self.lips_boxes[torch.tensor(frames, device=self.device)]
        return self.windows_around(boxes, self.size // 20)

    def windows_around(self, boxes: Int[Tensor, "f 4"], margin: int) -> CropWindow:
        """Windows of one size that hold each box and a margin; the size is a multiple of 16 or the
        whole picture."""
        extent = (boxes[:, 2:] - boxes[:, :2]).max(0).values + 2 * margin
        width, height = (min(self.size, -(-side // 16) * 16) for side in extent.tolist())
        center = (boxes[:, 2:] + boxes[:, :2]) // 2
        return CropWindow(
            left=(center[:, 0] - width // 2).clamp(0, self.size - width),
            top=(center[:, 1] - height // 2).clamp(0, self.size - height),
            width=width,
            height=height,
        )

    def batch(
        self, indices: list[int], window: CropWindow | None = None, *, surface: bool = False
    ) -> FrameBatch:
        """Read a batch. `window` holds a row for each of `indices`; where it lies on the host,
        nothing waits for the device."""
        frames = to_device_async(torch.tensor(indices), self.device)
        window = window or self.whole(frames)
        cuts = [
            tuple(
                part[top : top + window.height, left : left + window.width]
                for part in self._frame(index, surface)
            )
            for index, left, top in zip(
                indices, window.left.tolist(), window.top.tolist(), strict=True
            )
        ]
        window = window.to(self.device)
        stacked = [
            to_device_async(torch.from_numpy(np.stack(parts)), self.device)
            for parts in zip(*cuts, strict=True)
        ]
        return FrameBatch(
            indices=frames,
            image=stacked[0],
            regions=stacked[1],
            background=stacked[2],
            alpha=stacked[3],
            lips=self.lips(frames, window),
            camera=self.camera(frames, window),
            condition=self.condition(frames),
            depth=stacked[4].float() if surface else None,
            normal=stacked[5].float() / 127 if surface else None,
            surface_valid=stacked[4] > 0 if surface else None,
        )

    def each(
        self, frames: Sequence[int], *, surface: bool = False
    ) -> Iterator[tuple[np.ndarray, ...]]:
        """Frame by frame, in order, whole: picture, regions, background, the head's alpha and,
        where asked for, depth and normals. Threads read ahead."""
        readers = torch.get_num_threads()
        if readers == 1:
            yield from (self._frame(index, surface) for index in frames)
            return
        with ThreadPoolExecutor(readers) as pool:
            waiting = deque(
                pool.submit(self._frame, index, surface) for index in frames[: 2 * readers]
            )
            for index in range(len(frames)):
                yield waiting.popleft().result()
                if index + 2 * readers < len(frames):
                    waiting.append(pool.submit(self._frame, frames[index + 2 * readers], surface))

    def read_ahead(self, frames: Sequence[int]) -> None:
        """Begin to read frames while something else is prepared; as many as are kept. What cannot
        be read is an error where it is used."""
        readers, kept = torch.get_num_threads(), self.memory // (READ_BYTES * self.size**2)
        if readers == 1:
            return
        pool = ThreadPoolExecutor(readers)
        for index in frames[:kept]:
            pool.submit(self._frame, index, False)
        pool.shutdown(wait=False)

    def frame(self, index: int) -> tuple[np.ndarray, ...]:
        """Picture, regions, background and the head's alpha of a frame, whole, on the host."""
        return self._frame(index, False)

    def torso(self, index: int) -> UInt8[np.ndarray, "h w 4"]:
        """A torso frame at this size, RGBA, colours not multiplied by alpha."""
        return self._resized(self.clip.torso(index))

    def lips(self, frames: Int[Tensor, " b"], window: CropWindow) -> Bool[Tensor, "b h w"]:
        """The square around the lips of each frame, as a mask of a window."""
        box = self.lips_boxes[frames]
        x = torch.arange(window.width, device=self.device) + window.left[:, None]
        y = torch.arange(window.height, device=self.device) + window.top[:, None]
        across = (x >= box[:, 0:1]) & (x < box[:, 2:3])
        down = (y >= box[:, 1:2]) & (y < box[:, 3:4])
        return down[:, :, None] & across[:, None, :]

    def _frame(self, index: int, surface: bool) -> tuple[np.ndarray, ...]:
        return self._kept.get((index, surface), lambda: self._read(index, surface))

    def _read(self, index: int, surface: bool) -> tuple[np.ndarray, ...]:
        image = self._resized(self.clip.frame(index))
        regions = self._labels(self.clip.regions(index))
        torso = self._resized(premultiplied(self.clip.torso(index)))
        background = over_backdrop(torso, self.backdrop)
        alpha = head_alpha_uint8(
            self._resized(self.clip.matte(index)) if self.clip.has_mattes else None, regions
        )
        if not surface:
            return image, regions, background, alpha
        prior = self.clip.surface(index)
        depth = self._labels(np.where(prior.valid, prior.depth, 0).astype(np.float32)).astype(
            np.float16
        )
        normal = self._labels((prior.normal * 127).round().astype(np.int8))
        return image, regions, background, alpha, depth, normal

    def _resized(self, image: UInt8[np.ndarray, "h w *c"]) -> UInt8[np.ndarray, "h2 w2 *c"]:
        if image.shape[0] == self.size:
            return image
        return cv2.resize(
            image,
            (self.size, self.size),
            interpolation=cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR,
        )

    def _labels(self, image: np.ndarray) -> np.ndarray:
        return (
            image
            if image.shape[0] == self.size
            else cv2.resize(image, (self.size, self.size), interpolation=cv2.INTER_NEAREST)
        )


def squares_around(points: Float[Tensor, "f p 2"], size: int) -> Int[Tensor, "f 4"]:
    """The square around each frame's points: left, top, right, bottom in pixels, within the
    picture. Of points 48-59: the lips box (docs/method.md#observation)."""
    low, high = points.min(1).values, points.max(1).values
    center, half = (low + high) / 2, (high - low).max(1, keepdim=True).values / 2
    return torch.cat([(center - half).floor(), (center + half).ceil()], dim=1).clamp(0, size).long()


def inner_lips_height(landmarks68: Float[Tensor, "f 68 2"]) -> Float[Tensor, " f"]:
    """From the highest to the lowest of the inner lips (points 60-67), pixels."""
    inner = landmarks68[:, 60:68, 1]
    return inner.max(1).values - inner.min(1).values


def premultiplied(rgba: UInt8[np.ndarray, "h w 4"]) -> UInt8[np.ndarray, "h w 4"]:
    """Colours multiplied by alpha."""
    alpha = rgba[..., 3:].astype(np.uint16)
    return np.concatenate(
        [((rgba[..., :3] * alpha + 127) // 255).astype(np.uint8), rgba[..., 3:]], axis=-1
    )


def over_backdrop(
    torso: UInt8[np.ndarray, "h w 4"], backdrop: UInt8[np.ndarray, "h w 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """A premultiplied torso over the backdrop."""
    rest = 255 - torso[..., 3:].astype(np.uint16)
    return (torso[..., :3] + (backdrop * rest + 127) // 255).clip(0, 255).astype(np.uint8)
