"""Where the time of a training step goes: python -m benchmarks.training_step CLIP [--recipe few]
[--device auto] [--batch 16].

Each stage is run up to near its end for real; then the parts of further steps are timed, each
waited for by itself, and whole steps, in which the device works while the program goes on. Medians,
in ms a frame.
"""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final
from unittest.mock import patch

import torch
from benchmarks.command_line import parser_of
from benchmarks.machine import Machine, measured

from instag.data.batch_loader import BatchLoader
from instag.data.clip import Clip
from instag.data.splits import split
from instag.models.conditioning_encoders import SpeechEncoder
from instag.models.face_field import MotionField
from instag.models.head import Face, Mouth
from instag.models.mouth_field import MouthField
from instag.rendering.registry import renderer_for
from instag.runtime.device import device_named, wait_for
from instag.runtime.memory import keep_freed_memory, peak_memory
from instag.runtime.threads import denormals_flushed, set_threads
from instag.training.adapt import stages_of
from instag.training.adapt_inputs import AdaptInputs, load_inputs
from instag.training.adapt_recipe import AdaptRecipe, batched, frames_a_step
from instag.training.density_control import accumulate, densify
from instag.training.head_start import head_training
from instag.training.recipes import recipe_named
from instag.training.run_dir import RunDir
from instag.training.running_stage import RunningStage
from instag.training.stages.adapt_stage import AdaptStage, HeadTraining
from instag.training.trainer import Trainer

PARTS = {
    "read": [(BatchLoader, "__call__")],
    "encode": [(Face, "point_features_at"), (Mouth, "encode"), (SpeechEncoder, "forward")],
    "motion": [(MotionField, "deform"), (MouthField, "shift")],
}
"""What is timed by itself while a step runs: the methods of each part."""
STEPS = 20
"""Of each measurement."""


@dataclass(frozen=True, kw_only=True)
class StageTimes:
    """ms a frame of each part, of a whole step, and the least that the machine needs for its
    numbers."""

    stage: str
    splats: int
    batch: int
    parts: dict[str, float]
    step: float
    floor: float


class Stopwatch:
    """Seconds by name."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.spent: dict[str, float] = defaultdict(float)

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, waited for; what it calls that is timed itself does not count twice."""

        def run_timed(*arguments: Any, **named: Any) -> Any:
            wait_for(self.device)
            before, began = sum(self.spent.values()), time.perf_counter()
            result = work(*arguments, **named)
            wait_for(self.device)
            self.spent[name] += time.perf_counter() - began - (sum(self.spent.values()) - before)
            return result

        return run_timed

    @contextmanager
    def watching(self, stage: AdaptStage) -> Iterator[None]:
        """Time the parts of a stage while the block runs."""
        renderer = type(stage.people.renderer)
        patches = [
            patch.object(owner, name, self._method(part, getattr(owner, name)))
            for part, places in PARTS.items()
            for owner, name in places
        ]
        patches.append(patch.object(renderer, "render", self._method("rasterize", renderer.render)))
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in reversed(patches):
                each.stop()

    def _method(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments, **named: self.timed(name, method)(*arguments, **named)


Timed = Callable[[str, Callable[..., Any]], Callable[..., Any]]


@final
class LateSteps:
    """Further steps of a stage near its end, whose Gaussians stay as many as they are."""

    def __init__(self, stage: AdaptStage) -> None:
        self.stage, self.person, running = stage, stage.person, RunningStage(stage)
        self._optimizer = running.own[self.person.number]
        self._stats = running.stats[self.person.number]
        self._number = stage.steps - 3 * STEPS - 1

    def take(self, count: int, timed: Timed = lambda name, work: work) -> None:
        """Take some steps. timed: gets the name of a part and what computes it."""
        for _ in range(count):
            self._take_one(timed)
            self._number += 1

    def _take_one(self, timed: Timed) -> None:
        output = timed("loss", self.stage.compute_losses)(self.person, self._number)
        timed("backward", torch.stack(list(output.losses.values())).sum().backward)()
        if self.stage.density:
            add, size = timed("density", accumulate), self.person.dataset.size
            self._stats = add(self._stats, output.rendering, output.camera, size)
        timed("optimizer", self._optimizer.step)(self._number)

    def choose_changes(self) -> None:
        """Choose how density control would change the Gaussians, without changing them."""
        assert self.stage.density is not None
        densify(
            self.stage.gaussians(self.person),
            self._stats,
            self.stage.density,
            step=self.stage.steps,
            steps=self.stage.steps,
            extent=self.person.extent,
            generator=self.stage.rng(self.person, 0, "benchmark").choice,
        )


@denormals_flushed()
def times_of(stage: AdaptStage, machine: Machine) -> StageTimes:
    """Time a stage near its end."""
    late, device = LateSteps(stage), stage.people.device
    late.take(STEPS)
    whole = ms_of(lambda: late.take(STEPS), device) / STEPS
    watch, rows = Stopwatch(device), []
    with watch.watching(stage):
        for _ in range(STEPS):
            watch.spent.clear()
            late.take(1, watch.timed)
            rows.append(dict(watch.spent))
    parts = {name: 1e3 * statistics.median(row.get(name, 0.0) for row in rows) for name in rows[-1]}
    if stage.density:
        changes = [ms_of(late.choose_changes, device) for _ in range(3)]
        parts["density"] += statistics.median(changes) / stage.density.every
    return StageTimes(
        stage=stage.name,
        splats=len(stage.gaussians(stage.person)),
        batch=stage.batch,
        parts={name: value / stage.batch for name, value in parts.items()},
        step=whole / stage.batch,
        floor=floor_of(stage, machine) / stage.batch,
    )


def ms_of(work: Callable[[], None], device: torch.device) -> float:
    """How long some work takes, waited for, ms."""
    wait_for(device)
    began = time.perf_counter()
    work()
    wait_for(device)
    return 1e3 * (time.perf_counter() - began)


def floor_of(stage: AdaptStage, machine: Machine) -> float:
    """ms of a step if each number were moved once and the matrix products ran as fast as they can.

    Counted: the networks' products, forward and twice backward; activations, written and read
    forward and backward; parameters with their gradient and Adam's two moments; pictures and their
    gradients, with the bytes they are compared with.
    """
    count = len(stage.gaussians(stage.person))
    frames, windows = stage.batch, stage.loader.windows
    face = stage.name != "mouth"
    gates, network = (
        (36 * 32 + 32 * 32 + 36 * 16 + 16 * 6, 74 * 64 + 64 * 64 + 64 * 11)
        if face
        else (0, 71 * 32 + 32 * 32 + 32 * 7 + 39 * 16 + 16 * 16 + 16)
    )
    widths = 38 + 64 + 64 + 11 if face else 71 + 32 + 32 + 7 + 39 + 33
    operations = 3 * 2 * count * (gates + frames * network)
    pixels = frames * windows.width * windows.height
    moved = (
        4
        * (
            4 * frames * count * widths
            + 2 * frames * count * 14 * 2
            + 4 * count * (14 + 12)
            + 4 * pixels * 8
        )
        + pixels * 13
    )
    return machine.floor(moved=moved, operations=operations)


def measure(
    clip: Clip,
    recipe: AdaptRecipe,
    device: torch.device,
    machine: Machine,
    *,
    views: int = 125,
    seed: int = 0,
) -> tuple[list[StageTimes], dict[str, float], HeadTraining, AdaptInputs]:
    """Train a head stage by stage. Returns the times of each stage near its end, the seconds and
    most bytes of the whole course, and the trained head with its inputs."""
    chosen = split(len(clip), n_views=min(views, len(clip)))
    began = time.perf_counter()
    inputs = load_inputs(clip, recipe, chosen, front_end="mel", device=device)
    training = head_training(inputs, recipe, None, renderer_for(device), seed)
    people = training.people
    rows, seconds = [], {"start": time.perf_counter() - began}
    with tempfile.TemporaryDirectory() as folder:
        for name, make in stages_of(training, inputs, recipe, None).items():
            wait_for(device)
            began = time.perf_counter()
            Trainer(people, {name: make}, RunDir(Path(folder) / name, {})).run()
            wait_for(device)
            seconds[name] = time.perf_counter() - began
            state = {key: value.clone() for key, value in people.state().items()}
            rows.append(times_of(make(), machine))
            people.load_state(state)
    return rows, seconds | {"memory": float(peak_memory(device))}, training, inputs


def table(rows: list[StageTimes]) -> list[str]:
    """Lines of a table in Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row.parts))
    lines = [
        f"| stage (splats, frames a step) | {' | '.join(names)} | sum | a frame | floor | x floor "
        "|",
        "|---|" + "---|" * (len(names) + 4),
    ]
    for row in rows:
        numbers = [row.parts.get(name, 0.0) for name in names] + [
            sum(row.parts.values()),
            row.step,
            row.floor,
        ]
        lines.append(
            f"| {row.stage} ({row.splats:,}, {row.batch}) | "
            + " | ".join(f"{number:.3g}" for number in numbers)
            + f" | {row.step / row.floor:.0f} |"
        )
    return lines


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("clip")
    parser.add_argument("--recipe", default="few")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--views", type=int, default=125)
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    set_threads(chosen.threads)
    keep_freed_memory()
    device, recipe = device_named(chosen.device), recipe_named(chosen.recipe)
    recipe = batched(recipe, chosen.batch or frames_a_step(recipe, device))
    machine = measured(device)
    rows, seconds, *_ = measure(Clip.open(chosen.clip), recipe, device, machine, views=chosen.views)
    print(
        f"{machine.name}: {machine.bandwidth / 1e9:.0f} GB/s, {machine.rate / 1e12:.2f} TFLOP/s "
        "(float32)"
    )
    print("\n".join(table(rows)))
    print(
        ", ".join(
            f"{name} {value / 2**30:.2f} GB" if name == "memory" else f"{name} {value:.1f} s"
            for name, value in seconds.items()
        )
    )


if __name__ == "__main__":
    main()
