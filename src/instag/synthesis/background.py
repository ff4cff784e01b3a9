"""Backgrounds: what lies behind a speaking head."""

import os
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import final

import numpy as np
import torch
from jaxtyping import UInt8
from numba import njit
from torch import Tensor

from instag.models.avatar import Avatar
from instag.runtime.closable import Closable
from instag.runtime.device_copy import to_device_async
from instag.synthesis.head_renderer import FrameInputs

HOST_LIMIT, DEVICE_LIMIT = 256 * 2**20, 2 * 2**30
"""Bytes of frames that are kept: some 340 of 512 x 512 on a host, all that an avatar has on a
GPU."""
DECODERS = 8
"""Threads, at most, that decode for a GPU. A CPU has one: a core that decodes does not render."""


class Background(Closable):
    """Gives the pictures behind the head for batches of frames."""

    def prefetch(self, inputs: FrameInputs) -> None:
        """These frames will be rendered soon."""

    @abstractmethod
    def __call__(self, inputs: FrameInputs) -> UInt8[Tensor, "b h w 3"]:
        """One picture for each frame, on the device that renders."""

    def close(self) -> None:
        """No more frames will be rendered. Most hold nothing."""


@final
class PlainBackground(Background):
    """One picture behind every frame, without a torso."""

    def __init__(self, picture: UInt8[np.ndarray, "h w 3"], device: torch.device) -> None:
        self._picture = torch.from_numpy(np.ascontiguousarray(picture)).to(device)

    @classmethod
    def of_color(
        cls, color: tuple[int, int, int], size: int, device: torch.device
    ) -> "PlainBackground":
        """One colour, RGB 0..255. size: side of the frames, pixels."""
        return cls(np.full((size, size, 3), color, np.uint8), device)

    def __call__(self, inputs: FrameInputs) -> UInt8[Tensor, "b h w 3"]:
        return self._picture.repeat(len(inputs), 1, 1, 1)


@final
class BackgroundCache(Background):
    """The torso frames of an avatar over its backdrop, decoded ahead of need and kept as bytes on
    the device that renders.

    least: frames that are kept in any case, so that those named to `prefetch` are still there when
    they are needed.
    """

    def __init__(
        self, avatar: Avatar, device: torch.device, *, least: int, limit: int | None = None
    ) -> None:
        self._avatar, self._device = avatar, device
        on_host = device.type == "cpu"
        limit = limit if limit is not None else HOST_LIMIT if on_host else DEVICE_LIMIT
        self._most = max(least, limit // avatar.backdrop.nbytes)
        self._kept: OrderedDict[int, Future[np.ndarray] | Tensor] = OrderedDict()
        self._decoders = ThreadPoolExecutor(
            1 if on_host else max(1, min(DECODERS, os.cpu_count() or 1)), "instag-torso"
        )

    def __len__(self) -> int:
        """Frames that are kept, or being decoded."""
        return len(self._kept)

    def prefetch(self, inputs: FrameInputs) -> None:
        self.decode_ahead(inputs.torso)

    def __call__(self, inputs: FrameInputs) -> UInt8[Tensor, "b h w 3"]:
        return self.frames(inputs.torso)

    def close(self) -> None:
        self._decoders.shutdown(cancel_futures=True)

    def decode_ahead(self, indices: Iterable[int]) -> None:
        """Start to decode torso frames; those used longest ago are dropped for them."""
        for index in indices:
            if index in self._kept:
                self._kept.move_to_end(index)
                continue
            if len(self._kept) >= self._most:
                self._kept.popitem(last=False)
            self._kept[index] = self._decoders.submit(self._decoded, index)

    def frames(self, indices: list[int]) -> UInt8[Tensor, "b h w 3"]:
        """The torso frames with these numbers over the backdrop, on the device."""
        self.decode_ahead(indices)
        return torch.stack([self._frame(index) for index in indices])

    def _frame(self, index: int) -> UInt8[Tensor, "h w 3"]:
        frame = self._kept.get(index)
        if frame is None or isinstance(frame, Future):
            frame = to_device_async(
                torch.from_numpy(self._decoded(index) if frame is None else frame.result()),
                self._device,
            )
            if index in self._kept:
                self._kept[index] = frame
        return frame

    def _decoded(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        return over_backdrop(self._avatar.torso(index), self._avatar.backdrop)


def over_backdrop(
    torso: UInt8[np.ndarray, "h w 4"], backdrop: UInt8[np.ndarray, "h w 3"]
) -> UInt8[np.ndarray, "h w 3"]:
    """A torso (colours not multiplied by alpha) over the backdrop: the bytes of
    data.clip_dataset.over_backdrop, in one pass and in any thread. Raises ValueError where their
    sizes differ."""
    if torso.shape != (*backdrop.shape[:2], 4) or backdrop.shape[2:] != (3,):
        raise ValueError(f"a torso of {torso.shape} does not fit a backdrop of {backdrop.shape}")
    picture = np.empty_like(backdrop)
    _composite(np.ascontiguousarray(torso), np.ascontiguousarray(backdrop), picture)
    return picture


@njit(cache=True, nogil=True)
def _composite(torso, backdrop, picture):
    """Bytes rounded to nearest after each of the two products."""
    height, width, _ = picture.shape
    for y in range(height):
        for x in range(width):
            alpha = np.int32(torso[y, x, 3])
            if alpha == 0 or alpha == 255:  # most of them; the same bytes without a product
                source = torso if alpha else backdrop
                picture[y, x, 0], picture[y, x, 1] = source[y, x, 0], source[y, x, 1]
                picture[y, x, 2] = source[y, x, 2]
                continue
            for channel in range(3):
                front = (np.int32(torso[y, x, channel]) * alpha + 127) // 255
                rest = (np.int32(backdrop[y, x, channel]) * (255 - alpha) + 127) // 255
                picture[y, x, channel] = min(255, front + rest)
