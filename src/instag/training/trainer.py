"""Trainer: the one loop that every stage of training runs in, for one person or for many."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from instag.errors import Cancelled
from instag.rendering.gsplat_renderer import GsplatRenderer
from instag.runtime.memory import free_unused
from instag.runtime.threads import denormals_flushed
from instag.training.density_control import (
    DensityStats,
    accumulate,
    apply_density_control,
    no_stats,
)
from instag.training.multi_person import part_of
from instag.training.optimizer import Optimizer, set_trainable, update_ema
from instag.training.people import People
from instag.training.run_dir import METRICS_EVERY, Position, RunDir, part_named
from instag.training.stages.adapt_stage import AdaptStage
from instag.training.stages.stage import Stage, Step, StepOutput
from instag.training.step_recorder import StepRecorder

MOST_COUNTED = 16
"""Rates of what people share grow with the frames of a step (see Optimizer) up to so many: several
people's frames agree more than they add noise."""
FILLED_UP_TO = 4_096
"""Recorded steps have a multiple of so many Gaussians: a few that nobody sees cost less than
another recording after each change."""
PREVIEW_S = 1.0
"""Seconds between two previews."""

StageReport = Callable[[str, int, int], None]
"""Called with (stage, done, total) while training goes on."""
Preview = Callable[[str, int, NDArray[np.uint8]], None]
"""Called now and then with (stage, step, picture): RGB, h x w x 3, of what the step rendered."""


@runtime_checkable
class CancelToken(Protocol):
    """What a threading.Event offers: once it is set, training stops."""

    def is_set(self) -> bool: ...


def silent_stages(stage: str, done: int, total: int) -> None:
    """The report that shows nothing."""


@final
class Trainer:
    """Runs stages one after another, or what of them a checkpoint leaves to do; all processes
    together. A stage is made when its turn comes, from what earlier ones trained."""

    def __init__(
        self,
        people: People,
        stages: Mapping[str, Callable[[], Stage]],
        run_dir: RunDir,
        *,
        report: StageReport = silent_stages,
        preview: Preview | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        self.people, self.stages, self.run_dir = people, stages, run_dir
        self.report, self.preview, self.cancel = report, preview, cancel
        self._previewed = 0.0

    def run(self) -> dict[str, float]:
        """Returns the seconds that each stage took. Ctrl-C leaves a checkpoint behind where there
        is one process, a set cancel token always does. Raises Cancelled, TrainingFailed."""
        names, spent = list(self.stages), {}
        at, state = self.run_dir.begin(names)
        if at is not None:
            with self.run_dir.restoring(at):
                self.people.load_state(part_named(state, "people/"))
        for name in names[names.index(at.stage) if at else 0 :]:
            began = time.perf_counter()
            running = RunningStage(self.stages[name]())
            done = 0
            if at is not None and at.stage == name:
                with self.run_dir.restoring(at):
                    running.restore(state)
                done, state = at.step, {}
            self._run_stage(running, done)
            del running
            free_unused(self.people.device)
            spent[name] = round(time.perf_counter() - began, 1)
        return spent

    @denormals_flushed()
    def _run_stage(self, running: "RunningStage", done: int) -> None:
        stage = running.stage
        try:
            for number in range(done, stage.steps):
                self._step(running, number)
                done = number + 1
                self.report(stage.name, done, stage.steps)
                if self._cancelled(done):
                    self._save(running, done)
                    raise Cancelled(
                        f"Training was cancelled in stage {stage.name!r} after {done} of "
                        f"{stage.steps} steps. Run the same again: it goes on from there."
                    )
                if done == stage.steps or self.run_dir.checkpoints.due(done):
                    self._save(running, done)
        except KeyboardInterrupt:
            if self.people.group.world == 1:
                self._save(running, done)
            raise

    def _step(self, running: "RunningStage", number: int) -> None:
        stage, sampler = running.stage, self.people.sampler
        everyone = sampler.sample(number, stage.name)
        step = Step(person_step=sampler.person_step(number), people=self.people.numbered(everyone))
        output = running.compute_gradients(step, len(everyone)) if step.people else None
        losses: dict[str, Tensor] = {} if output is None else output.losses
        values = torch.stack(list(losses.values())) if losses else None
        running.update(number, step, output, everyone)
        self.run_dir.metrics.add(
            stage.name,
            number,
            stage.steps,
            list(losses),
            None if values is None else values.detach(),
            splats=sum(len(stage.gaussians(person)) for person in self.people.here),
        )
        if self.preview is not None and output is not None:
            self._show(self.preview, stage.name, number, output)

    def _show(self, preview: Preview, stage: str, step: int, output: StepOutput) -> None:
        """A preview where it is time for one; fetching its picture waits for the device."""
        if time.monotonic() - self._previewed < PREVIEW_S:
            return
        picture = output.picture[0].detach().clamp(0, 1).mul(255).round().byte()
        preview(stage, step, picture.cpu().numpy())
        self._previewed = time.monotonic()

    def _cancelled(self, done: int) -> bool:
        """Several processes agree on it now and then, as agreeing costs time."""
        wanted = self.cancel is not None and self.cancel.is_set()
        if self.people.group.world == 1:
            return wanted
        return done % METRICS_EVERY == 0 and self.people.group.any(wanted)

    def _save(self, running: "RunningStage", done: int) -> None:
        tensors = {f"people/{name}": value for name, value in self.people.state().items()}
        at = Position(stage=running.stage.name, step=done)
        self.run_dir.checkpoints.save(at, tensors | running.state())


@final
class RunningStage:
    """What changes while a stage runs: optimizers, and the statistics of density control."""

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

    def state(self) -> dict[str, Tensor]:
        """All of it, flat."""
        parts = {
            "adam": {} if self.shared is None else self.shared.state(),
            **{f"own_adam/{number}": each.state() for number, each in self.own.items()},
            **{f"density/{number}": vars(stats) for number, stats in self.stats.items()},
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
