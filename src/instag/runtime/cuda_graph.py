"""CUDA graphs: work of constant shape, recorded once on a GPU and then started with one launch.

The fields of a frame are some two hundred small operations; a GPU computes them faster than a
program can launch them one by one.
"""

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor

Work = Callable[..., tuple[Tensor, ...]]


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
            # thread_local: otherwise a call to the driver by another thread, such as the video
            # encoder's, would abort the recording.
            with torch.cuda.graph(
                self._graph, stream=torch.cuda.Stream(), capture_error_mode="thread_local"
            ):
                self._outputs = work(*self._inputs)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        for held, given in zip(self._inputs, inputs, strict=True):
            held.copy_(given)
        self._graph.replay()
        return self._outputs


def cuda_graphed(work: Work, *examples: Tensor) -> Work:
    """`work` recorded as a graph where `examples` lie on a GPU, and as it is elsewhere."""
    return CudaGraph(work, *examples) if examples[0].device.type == "cuda" else work
