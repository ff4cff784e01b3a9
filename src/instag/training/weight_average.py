"""WeightAverage: the mean of what a stage trains over its last steps (stochastic weight averaging;
Izmailov et al., UAI 2018).

A short stage ends while its rates are high, and each step still jumps about what it looks for. The
mean of the last ones lies nearer to it, and costs nothing.
"""

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

from instag.ops.tensor_lists import copy_each, move_each


@final
class WeightAverage:
    """The mean of parameters that stay the same ones while it runs."""

    def __init__(self, parameters: Callable[[], list[nn.Parameter]]) -> None:
        self._parameters = parameters
        self._means: list[Tensor] = []
        self._count = 0

    @torch.no_grad()
    def add(self) -> None:
        """Count what the parameters are now."""
        now = [parameter.detach() for parameter in self._parameters()]
        self._count += 1
        if self._count == 1:
            self._means = [each.clone() for each in now]
        else:
            move_each(self._means, now, 1 / self._count)

    @torch.no_grad()
    def apply(self) -> None:
        """Let the parameters be their mean, where something was counted."""
        if self._means:
            copy_each((each.detach() for each in self._parameters()), self._means)

    def state(self) -> dict[str, Tensor]:
        """The means in the parameters' order and how many steps they are of; empty before any."""
        if not self._means:
            return {}
        means = {str(index): mean for index, mean in enumerate(self._means)}
        return {"count": torch.tensor(self._count), **means}

    def restore(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`."""
        if state:
            self._count = int(state["count"])
            self._means = [
                state[str(index)].to(parameter.device, copy=True)
                for index, parameter in enumerate(self._parameters())
            ]
