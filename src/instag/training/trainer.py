"""Trainer: the one loop that every stage of training runs in, for one person or for many."""

import time
from collections.abc import Callable, Mapping
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from instag.errors import Cancelled
from instag.runtime.memory import free_unused
from instag.runtime.threads import denormals_flushed
from instag.training.checkpoints import Position, part_named
from instag.training.distributed import AGREE_EVERY
from instag.training.people import People
from instag.training.run_dir import RunDir
from instag.training.running_stage import RunningStage, StepResult
from instag.training.stages.stage import Stage
from instag.training.stages.step import Step

PREVIEW_S = 1.0
"""Seconds between two previews."""

StageReport = Callable[[str, int, int], None]
"""Called with (stage, done, total) while training goes on."""
Preview = Callable[[str, int, NDArray[np.uint8]], None]
"""Called now and then with (stage, step, picture): RGB, h x w x 3, of what the step rendered,
before grey where it renders no room."""


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
    def _run_stage(self, running: RunningStage, done: int) -> None:
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

    def _step(self, running: RunningStage, number: int) -> None:
        stage, sampler = running.stage, self.people.sampler
        everyone = sampler.sample(number, stage.name)
        step = Step(person_step=sampler.person_step(number), people=self.people.numbered(everyone))
        result = running.run(number, step, everyone)
        losses: dict[str, Tensor] = {} if result is None else result.losses
        values = torch.stack(list(losses.values())) if losses else None
        self.run_dir.metrics.add(
            stage.name,
            number,
            stage.steps,
            list(losses),
            values,
            splats=sum(len(stage.gaussians(person)) for person in self.people.here),
        )
        if self.preview is not None and result is not None:
            self._show(self.preview, stage, number, result)

    def _show(self, preview: Preview, stage: Stage, step: int, result: StepResult) -> None:
        """A preview where it is time for one; fetching its picture waits for the device."""
        if time.monotonic() - self._previewed < PREVIEW_S:
            return
        picture = stage.shown(result.last).detach().clamp(0, 1).mul(255).round().byte()
        preview(stage.name, step, picture.cpu().numpy())
        self._previewed = time.monotonic()

    def _cancelled(self, done: int) -> bool:
        """Several processes agree on it now and then, as agreeing costs time."""
        wanted = self.cancel is not None and self.cancel.is_set()
        if self.people.group.world == 1:
            return wanted
        return done % AGREE_EVERY == 0 and self.people.group.any(wanted)

    def _save(self, running: RunningStage, done: int) -> None:
        tensors = {f"people/{name}": value for name, value in self.people.state().items()}
        at = Position(stage=running.stage.name, step=done)
        self.run_dir.checkpoints.save(at, tensors | running.state())
