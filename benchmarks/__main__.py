"""Learning by its parts, and speaking, on this machine: python -m benchmarks [--clip CLIP]
[--recipe few] [--device auto] [--json FILE].

A head is learned from the clip (or from a synthetic speaker), its stages are timed part by part,
and it speaks. On two cores it takes some ten minutes with `few`; `--recipe draft` takes four.
"""

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from benchmarks.command_line import parser_of
from benchmarks.machine import circumstances, described, measured
from benchmarks.training_step import StageTimes, measure, table

from benchmarks import speaking
from instag.data.clip import Clip
from instag.runtime.device import device_named
from instag.runtime.memory import keep_freed_memory
from instag.runtime.threads import set_threads
from instag.synthetic import write_clip
from instag.training.adapt_recipe import AdaptRecipe, batched, frames_a_step
from instag.training.recipes import recipe_named
from instag.training.trained_avatar import avatar_of, encoded_torsos


def main() -> None:
    chosen = arguments()
    threads = set_threads(chosen.threads)
    keep_freed_memory()
    device, recipe = device_named(chosen.device), recipe_named(chosen.recipe)
    recipe = batched(recipe, chosen.batch or frames_a_step(recipe, device))
    machine = measured(device)
    conditions = circumstances(machine, threads)
    print(f"{described(device, threads)}, {conditions['date']}")
    print(
        f"{machine.bandwidth / 1e9:.0f} GB/s copied, {machine.rate / 1e12:.2f} TFLOP/s in float32 "
        "products\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        clip = (
            Clip.open(chosen.clip)
            if chosen.clip
            else write_clip(Path(folder) / "speaker.clip", frames=150, size=recipe.size)
        )
        rows, seconds, training, inputs = measure(clip, recipe, device, machine)
        print_learning(recipe, rows, seconds)
        avatar = avatar_of(training, inputs, recipe, {}, encoded_torsos(training))
        spoken = [speaking.measure(avatar, device, batch) for batch in (1, 8, 32)]
    print_speaking(spoken)
    if chosen.json:
        report = conditions | {
            "recipe": recipe.name,
            "size": recipe.size,
            "stages": [asdict(row) for row in rows],
            "course": seconds,
            "speaking": spoken,
        }
        chosen.json.write_text(json.dumps(report, indent=1))


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--recipe", default="few")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def print_learning(recipe: AdaptRecipe, rows: list[StageTimes], seconds: dict[str, float]) -> None:
    print(f"Learning, recipe {recipe.name}, {recipe.size}x{recipe.size}, ms a frame:\n")
    print("\n".join(table(rows)))
    spent = ", ".join(
        f"{name} {value:.1f} s" for name, value in seconds.items() if name != "memory"
    )
    print(
        f"\nThe whole course: {spent}; {seconds['memory'] / 2**30:.2f} GB of the device's memory\n"
    )


def print_speaking(rows: list[dict[str, float]]) -> None:
    print("Speaking, ms a frame and frames/s:\n")
    print(f"| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(f'{value:.3g}' for value in row.values())} |")


if __name__ == "__main__":
    main()
