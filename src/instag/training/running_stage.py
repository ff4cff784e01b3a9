"""RunningStage: what changes while a stage of training runs: the optimizers of what it trains, and
the statistics of density control."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from instag.ops.tensor_lists import add_each, times_each
from instag.rendering.gsplat_renderer import GsplatRenderer
from instag.training.checkpoints import part_named
from instag.training.density_control import (
    DensityStats,
    accumulate,
    apply_density_control,
    no_stats,
)
from instag.training.optimizer import Optimizer, set_trainable, update_ema
from instag.training.people import Person
from instag.training.stages.stage import Stage
from instag.training.stages.step import Step, StepOutput
from instag.training.step_recorder import RecordedMemory, StepRecorder
from instag.training.weight_average import WeightAverage

MOST_COUNTED = 16
"""Rates of what people share grow with the frames of a step (see Optimizer) up to so many: several
people's frames agree more than they add noise."""
FILLED_UP_TO = 4_096
"""Recorded steps have a multiple of so many Gaussians: a few that nobody sees cost less than
another recording after each change."""


@final
@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a step shows of itself. losses: by name, this process' share of the mean over all people
    of the step. last: the output of the last person."""

    losses: dict[str, Tensor]
    last: StepOutput


@final
class RunningStage:
    """A stage with what changes while it runs."""

    def __init__(self, stage: Stage) -> None:
        people, groups = stage.people, stage.parameter_groups()
        own = [group for of_person in groups.own.values() for group in of_person]
        set_trainable(people.parameters(), [*groups.shared, *own])
        self.stage, self.people = stage, people
        self.shared = (
            Optimizer(groups.shared, min(stage.batch * people.sampler.together, MOST_COUNTED))
            if groups.shared
            else None
        )
        self.own = {
            number: Optimizer(of_person, stage.batch) for number, of_person in groups.own.items()
        }
        self.stats = {person.number: no_stats(stage.gaussians(person)) for person in people.here}
        self.recorders = step_recorders(stage, self.parameters)
        self.averages = {
            number: WeightAverage(optimizer.parameters) for number, optimizer in self.own.items()
        }

    def parameters(self, person: int) -> list[nn.Parameter]:
        """Those that a person's losses train: its own, and what all share."""
        shared = [] if self.shared is None else self.shared.parameters()
        return [*self.own[person].parameters(), *shared]

    def run(self, number: int, step: Step, everyone: list[int]) -> StepResult | None:
        """Compute a step and update all parameters; None where no one of the step is here.
        everyone: the people of the step in all processes, by their numbers."""
        at, share = step.person_step, 1 / len(everyone)
        losses: dict[str, Tensor] = {}
        gradients = SharedGradients(self.shared)
        output: StepOutput | None = None
        for person in step.people:
            output = self.compute_gradients(person, at)
            # What is recorded lies where the next person's frames will.
            values = torch.stack(list(output.losses.values())) * share
            for name, value in zip(output.losses, values.unbind(), strict=True):
                losses[name] = losses[name] + value if name in losses else value
            gradients.take(share)
            self._update_own(person, at, output)
        self._update_shared(number, at, everyone, gradients)
        return None if output is None else StepResult(losses=losses, last=output)

    def compute_gradients(self, person: Person, step: int) -> StepOutput:
        """The output of a person's step, with the gradients of its losses at the parameters."""
        if (recorder := self.recorders.get(person.number)) is not None:
            recorded = recorder.compute(step)
            if recorded is not None:
                return recorded
        output = self.stage.compute_losses(person, step)
        torch.stack(list(output.losses.values())).sum().backward()
        return output.detach()

    def _update_shared(
        self, number: int, step: int, everyone: list[int], gradients: "SharedGradients"
    ) -> None:
        """Update what people share, in all processes alike."""
        group, sampler = self.people.group, self.people.sampler
        if self.shared is not None:
            gradients.give()
            group.sum_gradients(self.shared.parameters())
            self.shared.step(step)
        if (pair := self.stage.averaged()) is not None:
            update_ema(*pair, number + 1)
        if group.world > 1:
            group.share(
                [
                    (sampler.rank_of(person, group.world), self.stage.synchronized(person))
                    for person in everyone
                ]
            )

    def _update_own(self, person: Person, step: int, output: StepOutput) -> None:
        """Update what a person has alone, then its Gaussians' number."""
        stage, optimizer = self.stage, self.own[person.number]
        density, stats = stage.density, self.stats[person.number]
        if density is not None and step < density.end:
            side = person.dataset.size // output.shrunk
            stats = accumulate(stats, output.rendering, output.camera, side)
        optimizer.step(step)
        self._average(person, step + 1)
        if density is not None:
            stats = apply_density_control(
                stage.gaussians(person),
                stats,
                density,
                optimizer,
                done=step + 1,
                steps=stage.person_steps,
                extent=person.extent,
                draw=lambda: stage.density_rng(person, step).choice,
                whose=f"the {stage.name} of {person.dataset.clip.folder}",
                multiple=FILLED_UP_TO if person.number in self.recorders else 1,
            )
        self.stats[person.number] = stats

    def _average(self, person: Person, done: int) -> None:
        """Count the last steps, and after the last of them be their mean."""
        stage, average = self.stage, self.averages[person.number]
        if done > stage.person_steps - stage.averaged_steps:
            average.add()
            if done == stage.person_steps:
                average.apply()

    def state(self) -> dict[str, Tensor]:
        """All of it, flat."""
        parts = {
            "adam": {} if self.shared is None else self.shared.state(),
            **{f"own_adam/{number}": each.state() for number, each in self.own.items()},
            **{f"density/{number}": vars(stats) for number, stats in self.stats.items()},
            **{f"average/{number}": each.state() for number, each in self.averages.items()},
        }
        return {
            f"{part}/{name}": value
            for part, table in parts.items()
            for name, value in table.items()
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """The inverse of `state`, for people that have their restored values already."""
        if self.shared is not None:
            self.shared.restore(part_named(state, "adam/"))
        for number, optimizer in self.own.items():
            optimizer.restore(part_named(state, f"own_adam/{number}/"))
            stats = part_named(state, f"density/{number}/")
            self.stats[number] = DensityStats(
                **{name: value.to(self.people.device) for name, value in stats.items()}
            )
            self.averages[number].restore(part_named(state, f"average/{number}/"))


@final
class SharedGradients:
    """The gradients of what people share, added up person by person."""

    def __init__(self, shared: Optimizer | None) -> None:
        self._parameters = [] if shared is None else shared.parameters()
        self._sums: dict[nn.Parameter, Tensor] = {}

    def take(self, share: float) -> None:
        """Add those that lie at the parameters, times `share`; they are gone there."""
        taken = {each: each.grad for each in self._parameters if each.grad is not None}
        known = [each for each in taken if each in self._sums]
        new = [each for each in taken if each not in self._sums]
        if known:
            sums = [self._sums[each] for each in known]
            add_each(sums, (taken[each] for each in known), share)
        if new:
            shares = times_each((taken[each] for each in new), share)
            self._sums |= zip(new, shares, strict=True)
        for each in taken:
            each.grad = None

    def give(self) -> None:
        """Put the sums at the parameters."""
        for each, total in self._sums.items():
            each.grad = total


def step_recorders(
    stage: Stage, parameters: Callable[[int], list[nn.Parameter]]
) -> dict[int, StepRecorder]:
    """What records the steps of each person on a GPU whose frames fit there. parameters: those
    that a person's losses train now, by its number."""
    renderer, device = stage.people.renderer, stage.people.device
    if device.type != "cuda" or not isinstance(renderer, GsplatRenderer):
        return {}
    memory = RecordedMemory(device)
    return {
        person.number: StepRecorder(
            stage, person, renderer, partial(parameters, person.number), memory
        )
        for person in stage.people.here
        if stage.loaders[person.number].fits
    }
