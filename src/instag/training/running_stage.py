"""RunningStage: what changes while a stage of training runs: the optimizers of what it trains, and
the statistics of density control."""

from collections.abc import Mapping
from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from instag.rendering.gsplat_renderer import GsplatRenderer
from instag.training.checkpoints import part_named
from instag.training.density_control import (
    DensityStats,
    accumulate,
    apply_density_control,
    no_stats,
)
from instag.training.multi_person import part_of
from instag.training.optimizer import Optimizer, set_trainable, update_ema
from instag.training.people import Person
from instag.training.stages.adapt_stage import AdaptStage
from instag.training.stages.stage import Stage, Step, StepOutput
from instag.training.step_recorder import StepRecorder
from instag.training.weight_average import WeightAverage

MOST_COUNTED = 16
"""Rates of what people share grow with the frames of a step (see Optimizer) up to so many: several
people's frames agree more than they add noise."""
FILLED_UP_TO = 4_096
"""Recorded steps have a multiple of so many Gaussians: a few that nobody sees cost less than
another recording after each change."""


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
        self.recorder = step_recorder(stage, self.own)
        self.averages = {
            number: WeightAverage(optimizer.parameters) for number, optimizer in self.own.items()
        }

    def compute_gradients(self, step: Step, everyone: int) -> StepOutput:
        """The output of a step, with the gradients of its losses at the parameters. everyone: how
        many people it has in all processes."""
        if self.recorder is not None:
            recorded = self.recorder.compute(step.person_step)
            if recorded is not None:
                return recorded
        output = self.stage.compute_losses(step)
        share = len(step.people) / everyone
        losses = {
            name: value * share if share < 1 else value for name, value in output.losses.items()
        }
        torch.stack(list(losses.values())).sum().backward()
        return replace(output, losses={name: value.detach() for name, value in losses.items()})

    def update(
        self, number: int, step: Step, output: StepOutput | None, everyone: list[int]
    ) -> None:
        """One update of all parameters from the gradients of a step. everyone: the people of the
        step in all processes, by their numbers."""
        group, sampler = self.people.group, self.people.sampler
        if self.shared is not None:
            group.sum_gradients(self.shared.parameters())
            self.shared.step(step.person_step)
        if (pair := self.stage.averaged()) is not None:
            update_ema(*pair, number + 1)
        if output is not None:
            self._update_own(step, output, len(everyone))
        if group.world > 1:
            group.share(
                [
                    (sampler.rank_of(person, group.world), self.stage.synchronized(person))
                    for person in everyone
                ]
            )

    def _update_own(self, step: Step, output: StepOutput, everyone: int) -> None:
        """Update what each person has alone, then its Gaussians' number."""
        stage, at = self.stage, step.person_step
        for place, person in enumerate(step.people):
            optimizer, density = self.own[person.number], stage.density
            stats = self.stats[person.number]
            if density is not None and at < density.end:
                frames = slice(place * stage.batch, (place + 1) * stage.batch)
                count = len(stage.gaussians(person))
                part = part_of(output.rendering, frames, count, everyone)
                side = person.dataset.size // output.shrunk
                stats = accumulate(stats, part, output.cameras[place], side)
            optimizer.step(at)
            self._average(person, at + 1)
            if density is not None:
                stats = apply_density_control(
                    stage.gaussians(person),
                    stats,
                    density,
                    optimizer,
                    done=at + 1,
                    steps=stage.person_steps,
                    extent=person.extent,
                    draw=lambda person=person: stage.density_rng(person, at).choice,
                    whose=f"the {stage.name} of {person.dataset.clip.folder}",
                    multiple=1 if self.recorder is None else FILLED_UP_TO,
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


def step_recorder(stage: Stage, optimizers: Mapping[int, Optimizer]) -> StepRecorder | None:
    """What records the steps of one head on a GPU whose frames fit there; None for all else."""
    if not isinstance(stage, AdaptStage) or not stage.loader.fits:
        return None
    if stage.people.device.type != "cuda":
        return None
    renderer = stage.people.renderer
    if not isinstance(renderer, GsplatRenderer):
        return None
    return StepRecorder(stage, renderer, optimizers[stage.person.number].parameters)
