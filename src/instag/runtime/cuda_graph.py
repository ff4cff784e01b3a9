"""Replay: work of constant shape, recorded once on a GPU and then asked for with a single launch
(CUDA graphs).

A GPU is done with the fields of one frame sooner than a program can ask it for the next of their
some two hundred small operations.
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

    The function must not wait for the device nor read a value of it. What a call returns is
    overwritten by the next call, in the order of the stream.
    """

    def __init__(self, work: Work, *examples: Tensor) -> None:
        self._inputs = [example.clone() for example in examples]
        # A graph records what is asked of the current device, which is the first GPU unless
        # somebody says otherwise.
        with torch.no_grad(), torch.cuda.device(examples[0].device):
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(
                    3
                ):  # libraries choose their ways and take their memory in the first calls
                    work(*self._inputs)
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            # thread_local: else what another thread asks of the driver meanwhile, such as to code
            # pictures, would break the recording off.
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
    """`work` recorded where `examples` lie on a GPU, and as it is elsewhere."""
    return CudaGraph(work, *examples) if examples[0].device.type == "cuda" else work
