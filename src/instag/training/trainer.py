"""The one loop that every stage of training runs in."""

import torch

from instag.runtime.device import denormals_flushed
from instag.runtime.progress import Report
from instag.training.density_control import observe
from instag.training.optimizer import Optimiser, only_learning
from instag.training.run_dir import Journal
from instag.training.stages.stage import Stage
from instag.training.tending import tend


@denormals_flushed()
def run(stage: Stage, journal: Journal, report: Report) -> None:
    """Train a stage to its end, or go on from the journal's checkpoint of it. `report` counts steps
    of this stage.

    Ctrl-C leaves a checkpoint behind. Raises TrainingFailed.
    """
    groups = stage.groups()
    only_learning([*stage.subject.head.parameters(), *stage.subject.poses.parameters()], groups)
    optimiser = Optimiser(groups, stage.batch)
    done, pull = journal.resume(stage, optimiser)
    try:
        for step in range(done, stage.steps):
            terms, shown = stage.lose(step)
            values = torch.stack(list(terms.values()))
            values.sum().backward()
            if stage.density and step < stage.density.end:
                pull = observe(pull, shown.rendering, shown.camera, shown.picture)
            optimiser.step(step)
            done = step + 1
            if stage.density:
                pull = tend(
                    stage.gaussians,
                    pull,
                    stage.density,
                    optimiser,
                    done=done,
                    steps=stage.steps,
                    extent=stage.subject.extent,
                    draw=lambda done=done: stage.subject.chance(stage.name, done, "density").choice,
                    whose=f"stage {stage.name!r}",
                )
            journal.note(stage, step, list(terms), values.detach())
            report(done, stage.steps)
            journal.checkpoint_if_due(stage, done, optimiser, pull)
    except KeyboardInterrupt:
        journal.checkpoint(stage, done, optimiser, pull)
        raise
    journal.checkpoint(stage, stage.steps, optimiser, pull)
