"""ProcessGroup: the processes that train together, each with people of its own (torch.distributed;
`torchrun` starts them)."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar, final

import torch
import torch.distributed as dist
from torch import Tensor, nn

T = TypeVar("T")

AGREE_EVERY = 50
"""Steps after which several processes agree on something: agreeing costs time."""


@final
@dataclass(frozen=True, kw_only=True)
class ProcessGroup:
    """This process among `world` ones. A process alone exchanges nothing."""

    rank: int = 0
    world: int = 1

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """The gradients of all processes added up, in each; a parameter without one counts as
        zero."""
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        if self.world == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        together = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(together)
        for gradient, part in zip(
            gradients, together.split([gradient.numel() for gradient in gradients]), strict=True
        ):
            gradient.copy_(part.view_as(gradient))

    @torch.no_grad()
    def share(self, tensors: Sequence[tuple[int, Iterable[Tensor]]]) -> None:
        """Give every process the values of one process' tensors: pairs of that process' rank and
        the tensors."""
        if self.world == 1:
            return
        every = [(source, tensor) for source, some in tensors for tensor in some]
        # One sum, to which all but one process give zeros, takes the place of a broadcast for each
        # source.
        flat = torch.cat(
            [
                tensor.flatten() if source == self.rank else tensor.new_zeros(tensor.numel())
                for source, tensor in every
            ]
        )
        dist.all_reduce(flat)
        for (source, tensor), part in zip(
            every, flat.split([tensor.numel() for _, tensor in every]), strict=True
        ):
            if source != self.rank:
                tensor.copy_(part.view_as(tensor))

    def gather(self, value: T) -> list[T]:
        """A value of each process, in the order of their ranks."""
        if self.world == 1:
            return [value]
        found: list[T | None] = [None] * self.world
        dist.all_gather_object(found, value)
        return found  # pyright: ignore[reportReturnType]

    def any(self, value: bool) -> bool:
        """Whether it holds in some process."""
        return any(self.gather(value))

    def wait(self) -> None:
        """Until all processes are here."""
        self.gather(None)


def started_by_torchrun() -> bool:
    """Whether this process is one of several that torchrun started."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


def first_of_machine() -> bool:
    """Whether this process does what processes of one machine must not do at once."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


@contextmanager
def process_group(device: torch.device) -> Iterator[ProcessGroup]:
    """This process among the others where torchrun started several."""
    if not started_by_torchrun():
        yield ProcessGroup()
        return
    mine = not dist.is_initialized()
    if mine:
        dist.init_process_group(
            backend_for(device, processes=int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
        )
    try:
        yield ProcessGroup(rank=dist.get_rank(), world=dist.get_world_size())
    finally:
        if mine:
            dist.destroy_process_group()


def backend_for(device: torch.device, processes: int) -> str:
    """What so many processes of this machine exchange tensors with: NCCL where each has a GPU of
    its own; it refuses to have two on one, gloo does not."""
    return "nccl" if device.type == "cuda" and processes <= torch.cuda.device_count() else "gloo"


def own_device(device: torch.device) -> torch.device:
    """Of this machine's GPUs the one of this process; where there are more processes than GPUs,
    they share them."""
    if device.type == "cuda" and device.index is None and started_by_torchrun():
        device = torch.device(
            "cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count()
        )
        torch.cuda.set_device(device)
    return device
