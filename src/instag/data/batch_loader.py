"""BatchLoader: the batches that the steps of a stage take, cut to its windows, in time and on its
device.

What fits lies on the device, cut, as bytes; a batch is then one gather a table. What does not fit
is read while the step before is computed.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from instag.data.clip_dataset import ClipDataset, CropWindow, FrameBatch
from instag.runtime.device_copy import to_device_async
from instag.runtime.memory import available_memory
from instag.types import Camera

SHARE = 0.25
"""Of the memory that is free on the device: what the tables may take."""
PIECE = 64
"""Frames that the host holds while the tables are filled."""
PLAIN, WITH_SURFACE = 9, 5
"""Bytes of a pixel in the tables: picture, regions, background, the head's alpha and the lips'
mask; depth and normals."""


@final
class BatchLoader:
    """Batches of some frames, each cut to its row of `windows`. `sample` returns the rows of a
    step; it is called a step ahead.

    table_bytes: that the tables may take; None for a SHARE of what is free.
    """

    def __init__(
        self,
        dataset: ClipDataset,
        frames: Sequence[int],
        windows: CropWindow,
        sample: Callable[[int], list[int]],
        *,
        table_bytes: int | None = None,
    ) -> None:
        self.dataset, self.frames, self.windows, self.sample = dataset, frames, windows, sample
        self._indices = torch.tensor(frames, device=dataset.device)
        self._cameras = dataset.camera(self._indices, windows)
        pixels = windows.width * windows.height * len(frames)
        self.fits = pixels * (PLAIN + WITH_SURFACE) <= (
            SHARE * available_memory(dataset.device) if table_bytes is None else table_bytes
        )
        self._on_host = windows.to(torch.device("cpu"))
        self._tables: dict[str, Tensor] = {}
        self._reader = None if self.fits else ThreadPoolExecutor(1)
        self._next: tuple[int, bool, Future[tuple[FrameBatch, Tensor]]] | None = None

    def __call__(self, step: int, *, surface: bool = False) -> tuple[FrameBatch, Int[Tensor, " b"]]:
        """The batch of a step, and its rows. surface: with the geometry priors."""
        if self.fits:
            rows = to_device_async(torch.tensor(self.sample(step)), self.dataset.device)
            return self.gathered(rows, surface=surface), rows
        ready = self._next
        loaded = (
            ready[2].result()
            if ready is not None and ready[:2] == (step, surface)
            else self._read(step, surface)
        )
        assert self._reader is not None
        self._next = step + 1, surface, self._reader.submit(self._read, step + 1, surface)
        return loaded

    def _read(self, step: int, surface: bool) -> tuple[FrameBatch, Int[Tensor, " b"]]:
        rows = self.sample(step)
        on_host = torch.tensor(rows)
        frames = self.dataset.batch(
            [self.frames[row] for row in rows], self._on_host.rows(on_host), surface=surface
        )
        return frames, to_device_async(on_host, self.dataset.device)

    def gathered(self, rows: Int[Tensor, " b"], *, surface: bool = False) -> FrameBatch:
        """The batch of some rows, on the device; of frames that fit there alone."""
        if "image" not in self._tables:
            self._fill(surface=False)
        if surface and "depth" not in self._tables:
            self._fill(surface=True)
        tables = self._tables
        camera = Camera(
            viewmats=self._cameras.viewmats[rows],
            Ks=self._cameras.Ks[rows],
            width=self.windows.width,
            height=self.windows.height,
        )
        indices = self._indices[rows]
        frames = FrameBatch(
            indices=indices,
            image=tables["image"][rows],
            regions=tables["regions"][rows],
            background=tables["background"][rows],
            alpha=tables["alpha"][rows],
            lips=tables["lips"][rows],
            camera=camera,
            condition=self.dataset.condition(indices),
            depth=None,
            normal=None,
            surface_valid=None,
        )
        if not surface:
            return frames
        depth = tables["depth"][rows]
        return replace(
            frames,
            depth=depth.float(),
            normal=tables["normal"][rows].float() / 127,
            surface_valid=depth > 0,
        )

    def _fill(self, *, surface: bool) -> None:
        """Read, cut and put on the device all frames; a piece at a time, so that the host holds
        them once."""
        names = ("depth", "normal") if surface else ("image", "regions", "background", "alpha")
        tables: dict[str, Tensor] = {}
        waiting: list[tuple[np.ndarray, ...]] = []
        lefts, tops = self._on_host.left.tolist(), self._on_host.top.tolist()
        for row, parts in enumerate(self.dataset.each(self.frames, surface=surface)):
            cut = (
                slice(tops[row], tops[row] + self.windows.height),
                slice(lefts[row], lefts[row] + self.windows.width),
            )
            waiting.append(tuple(part[cut] for part in (parts[4:] if surface else parts)))
            if len(waiting) == PIECE or row + 1 == len(self.frames):
                for name, cuts in zip(names, zip(*waiting, strict=True), strict=True):
                    piece = torch.from_numpy(np.stack(cuts))
                    if name not in tables:
                        tables[name] = torch.empty(
                            (len(self.frames), *piece.shape[1:]),
                            dtype=piece.dtype,
                            device=self.dataset.device,
                        )
                    tables[name][row + 1 - len(waiting) : row + 1] = piece.to(self.dataset.device)
                waiting = []
        self._tables |= tables
        if not surface:
            self._tables["lips"] = self.dataset.lips(self._indices, self.windows)
