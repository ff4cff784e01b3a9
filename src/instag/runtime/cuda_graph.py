"""CUDA graphs: work of constant shape, recorded once on a GPU and then started with one launch.

The fields of a frame are some two hundred small operations; a GPU computes them faster than a
program can launch them one by one.

A recording is lost where another thread uses the GPU in some ways, so threads that work beside
others do it in a block of `using_gpu`, and wait there while one records.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, final

import torch
from torch import Tensor

from instag.runtime.garbage import without_collection

log = logging.getLogger(__name__)

Work = Callable[..., tuple[Tensor, ...]]


class RecordingFailed(RuntimeError):
    """Raised where a GPU did not record work that it did before."""


@final
class RecordingGate:
    """Lets many threads use a GPU, or one record."""

    def __init__(self) -> None:
        self._changed, self._own = threading.Condition(), threading.local()
        self._using, self._recording = 0, False

    @contextmanager
    def using(self) -> Iterator[None]:
        """A block that uses the GPU; blocks may lie in each other."""
        outermost = not getattr(self._own, "uses", False)
        if outermost:
            self._enter()
        try:
            yield
        finally:
            if outermost:
                self._leave()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """A block in which nobody else uses it. A thread that does so itself lets others record
        first, so that two of them do not wait for each other."""
        inside = getattr(self._own, "uses", False)
        if inside:
            self._leave()
        try:
            with self._changed:
                self._changed.wait_for(lambda: not self._using and not self._recording)
                self._recording = True
            try:
                yield
            finally:
                with self._changed:
                    self._recording = False
                    self._changed.notify_all()
        finally:
            if inside:
                self._enter()

    def _enter(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._recording)
            self._using += 1
        self._own.uses = True

    def _leave(self) -> None:
        with self._changed:
            self._using -= 1
            self._changed.notify_all()
        self._own.uses = False


_GATE = RecordingGate()
using_gpu = _GATE.using


@final
class CudaGraph:
    """A function from tensors to a tuple of tensors, without gradients, recorded for the shapes of
    `examples`.

    The function must not wait for the device nor read a value of it. The next call overwrites what
    a call returned, in the order of the stream.
    """

    def __init__(self, work: Work, *examples: Tensor) -> None:
        self._inputs = [example.clone() for example in examples]
        # A graph records work on the current device, by default the first GPU.
        with torch.no_grad(), torch.cuda.device(examples[0].device):
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                # In the first calls libraries choose algorithms and allocate memory.
                for _ in range(3):
                    work(*self._inputs)
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            # What Python would collect meanwhile may be the GPU's.
            with _GATE.recording(), without_collection():
                try:
                    self._outputs = self._recorded(work)
                except torch.cuda.OutOfMemoryError:
                    raise
                except RuntimeError as error:
                    end_allocation(self._graph.pool(), examples[0].device)
                    raise RecordingFailed(str(error)) from error

    def _recorded(self, work: Work) -> tuple[Tensor, ...]:
        # thread_local: otherwise a call to the driver by another thread, such as the video
        # encoder's, would abort the recording.
        # A recording that fails leaves its stream the current one.
        with (
            torch.cuda.stream(torch.cuda.current_stream()),
            torch.cuda.graph(
                self._graph, stream=torch.cuda.Stream(), capture_error_mode="thread_local"
            ),
        ):
            return work(*self._inputs)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        for held, given in zip(self._inputs, inputs, strict=True):
            held.copy_(given)
        self._graph.replay()
        return self._outputs


def end_allocation(pool: Any, device: torch.device) -> None:
    """The allocator still believes in a recording that failed, and would free nothing that
    several streams used. It raises where it does not."""
    with suppress(RuntimeError, AttributeError):
        torch._C._cuda_endAllocateToPool(device.index or 0, pool)


def cuda_graphed(work: Work, *examples: Tensor) -> Work:
    """`work` recorded as a graph where `examples` lie on a GPU, and as it is elsewhere, and
    where the GPU does not record it, which is logged."""
    if examples[0].device.type != "cuda":
        return work
    try:
        return CudaGraph(work, *examples)
    except RecordingFailed as failed:
        log.warning("A part of the GPU's work is slower: it could not be recorded (%s).", failed)
        return work
