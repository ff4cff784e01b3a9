"""`instag adapt`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli import options
from instag.cli.device_notes import announce_compilation
from instag.cli.evaluation_summary import numbers, short_form
from instag.cli.given_files import refuse_clip, refuse_prior
from instag.cli.terminal import Terminal, duration
from instag.cli.untested import untested
from instag.training.options import TrainingOptions

if TYPE_CHECKING:
    from instag.data.clip import Clip
    from instag.evaluation.evaluate import Evaluation
    from instag.models.avatar import Avatar
    from instag.training.adapt_plan import AdaptPlan

SHARES = {"face": 0.55, "mouth": 0.4, "fuse": 0.05}
"""Of the time that a head is learned, as measured for `few`."""


def adapt(
    clip: Annotated[Path, typer.Argument(help="A clip that `prepare` wrote.")],
    output: options.NewAvatar,
    training: TrainingOptions,
    terminal: Terminal,
    overwrite: options.Overwrite = False,
    threads: options.Threads = None,
) -> None:
    """Learn a talking head from a clip, and test it on the frames held back."""
    refuse_clip(clip)
    refuse_prior(training.prior)
    note = untested(output, clip, training)
    going_on = not overwrite and note.goes_on()
    options.refuse_existing(output, overwrite or going_on, training.prior)
    options.refuse_ending(output, "an avatar", ".avatar")
    import instag
    from instag.data.clip import Clip
    from instag.runtime.threads import set_threads

    set_threads(threads)
    opened = Clip.open(clip)
    announce_compilation(terminal, training.device)
    started = time.monotonic()
    if going_on:
        terminal.note(f"{output} was learned by a run that was stopped; it is tested now.")
        avatar = instag.Avatar.open(output)
    else:
        note.begin()
        with terminal.stages(f"Learning {output.stem}", shares=SHARES) as report:
            avatar = instag.adapt(
                opened,
                output,
                report=report,
                on_plan=lambda plan: terminal.note(plan_line(plan)),
                **vars(training),
            )
    took = time.monotonic() - started
    print_result(terminal, avatar, opened, output, training.device, took, {})
    note.end()


def print_result(
    terminal: Terminal,
    avatar: "Avatar",
    clip: "Clip",
    output: Path,
    device: str,
    took: float,
    extra: dict[str, object],
) -> None:
    """Test the head on the frames held back, and print what came of it with the extra values.
    took: seconds of learning."""
    evaluation = test_held_out(terminal, avatar, clip, device)
    values: dict[str, object] = {"avatar": output, "adapt_s": round(took, 2), **extra}
    if evaluation is not None:
        values["held_out"] = numbers(evaluation)
    lines = [
        f"{output}: learned in {duration(took)}.",
        *_test_lines(evaluation),
        f"Next: instag speak {output} SOUND -o out.mp4",
    ]
    terminal.result("\n".join(lines), values)


def plan_line(plan: "AdaptPlan") -> str:
    """Which seconds are learned from, which are tested, and which are not used."""
    from instag.observed import FPS

    def seconds(frames: int) -> str:
        return f"{round(frames / FPS, 1):g} s"

    train, test, most = plan.frames.train, plan.frames.test, plan.recipe.pictures
    few = most is not None and most < len(train)
    chosen = f" (of its pictures, the {most} that tell most)" if few else ""
    tested = f"testing on the last {seconds(len(test))}" if test else "testing on none"
    rest = f"; {seconds(plan.unused_frames)} are not used" if plan.unused_frames else ""
    return f"Learning from {seconds(len(train))}{chosen}, {tested}{rest}."


def test_held_out(
    terminal: Terminal, avatar: "Avatar", clip: "Clip", device: str
) -> "Evaluation | None":
    """Measure on the frames that were held back by the avatar's own record; None where there are
    none."""
    from instag.evaluation.evaluate import evaluate
    from instag.evaluation.held_out import held_back

    if not len(held_back(avatar)):
        return None
    with terminal.progress("Testing on the frames held back", "frames") as report:
        return evaluate(avatar, clip, with_speed=False, device=device, report=report)


def _test_lines(evaluation: "Evaluation | None") -> list[str]:
    if evaluation is None:
        return ["No frames were held back to test on."]
    return ["On frames that it was not taught:", *short_form(evaluation)]
