"""Where the time of a step of the face stage goes: `python benchmarks/training_step.py CLIP [--recipe few] [--steps 200]`.

The course is begun for real and run up to its densest part; then each part of further steps is timed. Times are medians, in milliseconds.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch

from instag.clip import Clip
from instag.compute import denormals_flushed, set_threads
from instag.data.frames import FrameStore
from instag.models.head import new_head
from instag.models.poses import PoseCorrections
from instag.rendering.backends import renderer_for
from instag.training.adapt import extent, face_start, mouth_start
from instag.training.density import densify, no_pull, observe
from instag.training.optim import Optimiser
from instag.training.recipes import recipe_named
from instag.training.stages import face as stage_module
from instag.training.stages.face import FaceStage


class Stopwatch:
    """Seconds by name, for each step."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.spent[name] += time.perf_counter() - began

        return run


@denormals_flushed()
def measure(clip: Clip, recipe: str, views: int, warm: int, steps: int) -> tuple[dict[str, float], int]:
    """Median milliseconds of each part, and the number of splats."""
    plan = recipe_named(recipe)
    generator = torch.Generator().manual_seed(0)
    store = FrameStore(clip, size=plan.size)
    head = new_head(face=face_start(store, plan, generator), mouth=mouth_start(store, plan, generator), speech_channels=store.features.shape[1])
    head.set_speech_level(store.features[:views])
    head.set_expression_range(store.expression[:views])
    size = extent(store, range(views))
    stage = FaceStage(head, PoseCorrections(views), store, range(views), plan.face, renderer_for("cpu"), generator, size, None)
    optimiser, pull = Optimiser(stage.groups()), no_pull(len(stage.gaussians))
    for step in range(warm):
        terms, shown = stage.lose(step)
        torch.stack(list(terms.values())).sum().backward()
        pull = observe(pull, shown.rendering, shown.camera, shown.picture)
        optimiser.step(step)
        if (step + 1) % plan.face.density.every == 0 and step + 1 >= plan.face.density.start:
            selection = densify(stage.gaussians, pull, plan.face.density, step=step + 1, steps=stage.steps, extent=size, generator=generator)
            optimiser.select(stage.gaussians, selection)
            pull = no_pull(len(stage.gaussians))
    for index in range(views):
        store.batch([index], surface=True)
    watch, rows = Stopwatch(), []
    store.batch = watch.timed("read the frame", store.batch)
    stage_module.paint_face = watch.timed("motion and painting", stage_module.paint_face)
    stage._picture_terms = watch.timed("picture terms", stage._picture_terms)
    stage._surface_terms = watch.timed("depth and normals", stage._surface_terms)
    stage._landmarks_missed = watch.timed("landmarks", stage._landmarks_missed)
    for step in range(stage.steps - steps, stage.steps):
        watch.spent.clear()
        began = time.perf_counter()
        terms, shown = stage.lose(step)
        loss = torch.stack(list(terms.values())).sum()
        lost = time.perf_counter()
        loss.backward()
        back = time.perf_counter()
        observe(pull, shown.rendering, shown.camera, shown.picture)
        optimiser.step(step)
        ended = time.perf_counter()
        parts = dict(watch.spent)
        parts["draw and the rest"] = lost - began - sum(parts.values())
        rows.append(parts | {"backward": back - lost, "optimiser": ended - back, "a step": ended - began})
    return {name: 1000 * median(row.get(name, 0.0) for row in rows) for name in rows[-1]}, len(stage.gaussians)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("--recipe", default="few")
    parser.add_argument("--views", type=int, default=125)
    parser.add_argument("--warm", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    threads = set_threads(chosen.threads)
    parts, splats = measure(Clip.open(chosen.clip), chosen.recipe, chosen.views, chosen.warm, chosen.steps)
    print(f"{chosen.recipe}, {splats} splats, {threads} threads, numpy {np.__version__}, torch {torch.__version__}")
    for name, milliseconds in parts.items():
        print(f"{name:<22}{milliseconds:8.1f} ms")


if __name__ == "__main__":
    main()
