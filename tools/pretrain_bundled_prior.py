"""Pre-train on a folder of prepared clips and print a table of its stages: python
tools/pretrain_bundled_prior.py CLIPS -o my.prior [--recipe default] [--share 0.1].

CLIPS holds NAME.clip folders, each of another person. What heads gain and lose by such a prior:
docs/experiments/2026-11-learning.md.
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from clip_arguments import add_clips, chosen_clips

from instag.capture.measure_action_units import measure_action_units
from instag.data.clip import Clip
from instag.models.prior import Prior
from instag.runtime.device import device_named
from instag.runtime.memory import keep_freed_memory, peak_memory
from instag.runtime.threads import set_threads
from instag.training.metrics_writer import METRICS, frame_rate
from instag.training.pretrain import pretrain
from instag.training.pretrain_recipes import pretrain_recipe_named
from instag.training.schedules import shortened
from instag.types import SAMPLES


def rows_of(prior: Prior, folder: Path) -> list[str]:
    """A line for each stage: frames a second, seconds, first and last loss."""
    about = prior.info.training
    rows = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    together, batch = int(str(about["together"])), int(str(about["batch"]))
    frames = prior.info.people * batch / -(-prior.info.people // together)
    lines = [
        "| stage | steps | seconds | frames a second | picture's loss, first and last | splats |",
        "|---|---|---|---|---|---|",
    ]
    spent = about["seconds"]
    assert isinstance(spent, dict)
    for stage, seconds in spent.items():
        points = [row for row in rows if row["stage"] == stage]
        pictures = f"{points[0]['photometric']:.4f}, {points[-1]['photometric']:.4f}"
        lines.append(
            f"| {stage} | {points[-1]['step'] + 1} | {seconds} | "
            f"{frame_rate(rows, stage, frames):.0f} | {pictures} | {points[-1]['splats']} |"
        )
    return lines


def thinned(path: Path, frames: int, folder: Path) -> Path:
    """A clip of at most so many frames at even steps of another, in `folder`, for fields that hear
    motion codes: its sound means nothing."""
    clip = Clip.open(path)
    chosen = np.unique(np.linspace(0, len(clip) - 1, min(frames, len(clip))).round().astype(int))
    (folder / path.name).mkdir()
    thin = Clip(folder=folder / path.name, info=clip.info).save_info(
        replace(clip.info, frame_count=len(chosen), test_frames=None)
    )
    for kind in ("frames", "regions", "torso", *(["mattes"] if clip.has_mattes else [])):
        (thin.folder / kind).mkdir()
        for place, index in enumerate(chosen.tolist()):
            shutil.copy(clip.path(kind, index), thin.path(kind, place))
    shutil.copy(clip.folder / "backdrop.png", thin.folder)
    track = clip.track()
    rows = {
        name: getattr(track, name)[chosen]
        for name in ("rotations", "translations", "landmarks", "landmarks68", "found")
    }
    thin.save_track(replace(track, **rows))
    measure_action_units(thin)
    thin.save_speech(clip.speech()[: len(chosen) * SAMPLES])
    return thin.folder


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_clips(parser)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--share", type=float, default=1.0, help="of the recipe's frames")
    parser.add_argument(
        "--frames",
        type=int,
        help="of each clip, at even steps; all if not given; for --speech motion",
    )
    parser.add_argument(
        "--size", type=int, help="side of the picture, pixels; the recipe's if not given"
    )
    parser.add_argument("--speech", default="mel")
    parser.add_argument("--together", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    chosen = parser.parse_args()
    set_threads(chosen.threads)
    keep_freed_memory()
    clips = chosen_clips(chosen)
    recipe = shortened(pretrain_recipe_named(chosen.recipe), chosen.share)
    recipe = replace(recipe, size=chosen.size or recipe.size)
    named = {
        name: getattr(chosen, name) for name in ("speech", "together", "batch", "seed", "device")
    }
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if chosen.frames is not None:
            clips = [thinned(path, chosen.frames, Path(folder)) for path in clips]
        prior = pretrain(clips, chosen.output, recipe=recipe, **named)
    took = time.perf_counter() - began
    print(
        f"{len(clips)} people, {prior.info.training['frames']} frames, {recipe.size} pixels, "
        f"{prior.info.training['device']}: {took:.1f} s in all"
    )
    print("\n".join(rows_of(prior, chosen.output.with_suffix(".training"))))
    memory = f"host {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GB"
    if most := peak_memory(device_named(chosen.device)):
        memory += f", device {most / 2**30:.2f} GB"
    print(f"{memory}; {chosen.output} {chosen.output.stat().st_size / 2**20:.2f} MB")


if __name__ == "__main__":
    main()
