"""The optimizer of a stage: named groups of parameters, each with its own rate over time, whose
rows can come and go."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from instag.models.gaussians import Gaussians, Selection
from instag.training.schedules import Rate

BATCH_POWER = 0.5
"""How rates grow with the frames of a step."""
EMA_DECAY = 0.995
"""Share of the average that a step leaves, however many frames it has."""

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Group:
    """Parameters that share a rate. betas, eps and weight decay as in torch.optim.AdamW."""

    name: str
    parameters: dict[str, nn.Parameter]
    rate: Rate
    betas: tuple[float, float] = (0.9, 0.99)
    eps: float = 1e-8
    weight_decay: float = 0.0


class Optimizer:
    """Fused AdamW over groups (Adam where the weight decay is 0).

    batch: frames a step. Rates and betas are those for one frame a step; a step of b frames, one
    b-th of the steps, takes b^BATCH_POWER times the rate and remembers b times as little of the
    steps before (Malladi et al., NeurIPS 2022: the power for gradients that are mostly noise is
    1/2).
    """

    def __init__(self, groups: list[Group], batch: int = 1) -> None:
        self.gain = batch**BATCH_POWER
        self.groups = {group.name: group for group in groups}
        self.adam = torch.optim.AdamW(
            [
                {
                    "params": list(group.parameters.values()),
                    "betas": tuple(beta**batch for beta in group.betas),
                    "eps": group.eps,
                    "weight_decay": group.weight_decay,
                    "lr": group.rate(0) * self.gain,
                    "name": group.name,
                }
                for group in groups
            ],
            fused=True,
        )

    def parameters(self) -> list[nn.Parameter]:
        """Of all groups."""
        return [each for entry in self.adam.param_groups for each in entry["params"]]

    def step(self, step: int) -> None:
        """One update with the rates of `step`, then gradients are gone."""
        for entry in self.adam.param_groups:
            entry["lr"] = self.groups[entry["name"]].rate(step) * self.gain
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)

    @torch.no_grad()
    def select(self, gaussians: Gaussians, selection: Selection) -> None:
        """Keep and add rows of a set of Gaussians; what Adam remembers goes with them, and starts
        at zero for new rows."""
        renewed: dict[int, nn.Parameter] = {}
        for name, old in list(gaussians.named_parameters()):
            new = nn.Parameter(torch.cat([old.detach()[selection.keep], selection.added[name]]))
            setattr(gaussians, name, new)
            renewed[id(old)] = new
            memory = self.adam.state.pop(old, None)
            if memory:
                for moment in ("exp_avg", "exp_avg_sq"):
                    memory[moment] = torch.cat(
                        [memory[moment][selection.keep], torch.zeros_like(selection.added[name])]
                    )
                self.adam.state[new] = memory
        for entry in self.adam.param_groups:
            entry["params"] = [
                renewed.get(id(parameter), parameter) for parameter in entry["params"]
            ]

    @torch.no_grad()
    def forget(self, parameter: nn.Parameter) -> None:
        """Zero what Adam remembers of a parameter that was set by hand (the opacity after a
        reset)."""
        memory = self.adam.state.get(parameter)
        if memory:
            memory["exp_avg"].zero_()
            memory["exp_avg_sq"].zero_()

    def state(self) -> dict[str, Tensor]:
        """Adam's moments, flat: `group.index.moment` -> tensor."""
        return {
            f"{entry['name']}.{index}.{moment}": value
            for entry in self.adam.param_groups
            for index, parameter in enumerate(entry["params"])
            for moment, value in self.adam.state.get(parameter, {}).items()
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`, for parameters that already have their restored values and
        shapes."""
        for entry in self.adam.param_groups:
            for index, parameter in enumerate(entry["params"]):
                start = f"{entry['name']}.{index}."
                memory = {
                    key[len(start) :]: value.to(parameter.device, copy=True)
                    for key, value in state.items()
                    if key.startswith(start)
                }
                if memory:
                    self.adam.state[parameter] = memory


def set_trainable(parameters: Iterable[nn.Parameter], groups: Iterable[Group]) -> None:
    """Of these parameters, ask for gradients of those that some group trains, and of no others."""
    trained = {id(parameter) for group in groups for parameter in group.parameters.values()}
    for parameter in parameters:
        parameter.requires_grad_(id(parameter) in trained)


def ema_of(module: M) -> M:
    """A copy to begin an average with, which asks for no gradient. Over the steps of a field's
    training the average is steadier than the last step; a prior keeps it
    (docs/method.md#pre-training)."""
    return deepcopy(module).requires_grad_(False)


@torch.no_grad()
def update_ema(average: nn.Module, module: nn.Module, step: int) -> None:
    """Move the average toward what the module is after `step` steps; in the first ones by more,
    since its start means nothing."""
    share = 1 - min(EMA_DECAY, step / (step + 9))
    torch._foreach_lerp_(list(average.parameters()), list(module.parameters()), share)  # pyright: ignore[reportPrivateImportUsage]
