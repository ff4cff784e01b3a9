"""The optimizer of a stage: named groups of parameters, each with its own rate over time, whose
rows can come and go."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, fields, replace
from typing import TypeVar, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.adamw import adamw

from instag.models.gaussians import Gaussians, Selection
from instag.ops.tensor_lists import move_each
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


@dataclass(frozen=True, kw_only=True)
class Moments:
    """What Adam remembers of a parameter. step: how often it was updated, as the fused kernel
    counts."""

    step: Float[Tensor, ""]
    exp_avg: Float[Tensor, "*p"]
    exp_avg_sq: Float[Tensor, "*p"]


def no_moments(parameter: nn.Parameter) -> Moments:
    """Of a parameter that was never updated."""
    return Moments(
        step=torch.zeros((), device=parameter.device),
        exp_avg=torch.zeros_like(parameter, requires_grad=False),
        exp_avg_sq=torch.zeros_like(parameter, requires_grad=False),
    )


@final
class Optimizer:
    """Fused AdamW over groups (Adam where the weight decay is 0).

    batch: frames a step. Rates and betas are those for one frame a step; a step of b frames, one
    b-th of the steps, takes b^BATCH_POWER times the rate and remembers b times as little of the
    steps before (Malladi et al., NeurIPS 2022: the power for gradients that are mostly noise is
    1/2).

    It calls torch's function; the class torch.optim.AdamW imports a compiler first, which takes
    seconds.
    """

    def __init__(self, groups: list[Group], batch: int = 1) -> None:
        self.batch, self.gain = batch, batch**BATCH_POWER
        self.groups = {group.name: group for group in groups}
        self._parameters = {group.name: list(group.parameters.values()) for group in groups}
        self.moments: dict[nn.Parameter, Moments] = {}

    def parameters(self) -> list[nn.Parameter]:
        """Of all groups."""
        return [each for parameters in self._parameters.values() for each in parameters]

    @torch.no_grad()
    def step(self, step: int) -> None:
        """One update with the rates of `step`, then gradients are gone."""
        for name, group in self.groups.items():
            self._update(group, self._parameters[name], step)

    def _update(self, group: Group, parameters: list[nn.Parameter], step: int) -> None:
        moving = {each: each.grad for each in parameters if each.grad is not None}
        if not moving:
            return
        for each in moving:
            if each not in self.moments:
                self.moments[each] = no_moments(each)
        remembered = [self.moments[each] for each in moving]
        beta1, beta2 = (beta**self.batch for beta in group.betas)
        adamw(
            list(moving),
            list(moving.values()),
            [each.exp_avg for each in remembered],
            [each.exp_avg_sq for each in remembered],
            [],
            [each.step for each in remembered],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group.rate(step) * self.gain,
            weight_decay=group.weight_decay,
            eps=group.eps,
            maximize=False,
        )
        for each in moving:
            each.grad = None

    @torch.no_grad()
    def select(self, gaussians: Gaussians, selection: Selection) -> None:
        """Keep and add rows of a set of Gaussians; what Adam remembers goes with them, and starts
        at zero for new rows. Where as many are left as there were, all stays in its place."""
        renewed: dict[nn.Parameter, nn.Parameter] = {}
        for name, old in list(gaussians.named_parameters()):
            added = selection.added[name]
            rows = torch.cat([old.detach()[selection.keep], added])
            moments = self.moments.pop(old, None)
            if moments is not None:
                exp_avg, exp_avg_sq = (
                    torch.cat([moment[selection.keep], torch.zeros_like(added)])
                    for moment in (moments.exp_avg, moments.exp_avg_sq)
                )
                moments = replace(moments, exp_avg=exp_avg, exp_avg_sq=exp_avg_sq)
            if len(rows) == len(old):
                new = old
                old.copy_(rows)
            else:
                new = renewed[old] = nn.Parameter(rows)
                setattr(gaussians, name, new)
            if moments is not None:
                self.moments[new] = moments
        self._parameters = {
            name: [renewed.get(each, each) for each in parameters]
            for name, parameters in self._parameters.items()
        }

    @torch.no_grad()
    def forget(self, parameter: nn.Parameter) -> None:
        """Zero what Adam remembers of a parameter that was set by hand (the opacity after a
        reset)."""
        if (moments := self.moments.get(parameter)) is not None:
            moments.exp_avg.zero_()
            moments.exp_avg_sq.zero_()

    def state(self) -> dict[str, Tensor]:
        """Adam's moments, flat: `group.index.moment` -> tensor."""
        return {
            f"{group}.{index}.{name}": value
            for group, parameters in self._parameters.items()
            for index, parameter in enumerate(parameters)
            if parameter in self.moments
            for name, value in vars(self.moments[parameter]).items()
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`, for parameters that already have their restored values and
        shapes."""
        for group, parameters in self._parameters.items():
            for index, parameter in enumerate(parameters):
                start = f"{group}.{index}."
                if f"{start}step" in state:
                    self.moments[parameter] = Moments(
                        **{
                            entry.name: state[start + entry.name].to(parameter.device, copy=True)
                            for entry in fields(Moments)
                        }
                    )


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
    move_each(average.parameters(), module.parameters(), share)
