"""`instag create`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from instag.capture.options import CaptureOptions
from instag.cli import options
from instag.cli.clip_summary import summary_lines
from instag.cli.commands.adapt import SHARES, plan_line, print_result
from instag.cli.device_notes import announce_compilation
from instag.cli.given_files import refuse_prior, refuse_video
from instag.cli.terminal import Terminal
from instag.cli.untested import untested
from instag.training.options import TrainingOptions

if TYPE_CHECKING:
    from instag.data.clip import Clip

OBSERVING = 0.25
"""Time to observe 10 s over the time to learn them, `few` on two cores."""


def create(
    video: options.Video,
    output: options.NewAvatar,
    capture: CaptureOptions,
    training: TrainingOptions,
    terminal: Terminal,
    overwrite: options.Overwrite = False,
    threads: options.Threads = None,
) -> None:
    """Learn a talking head from a video: `prepare`, then `adapt`.

    What was observed is kept beside the avatar (me.avatar: me.clip), so that a run that was stopped
    goes on where it was, and another recipe starts at once.
    """
    refuse_video(video)
    refuse_prior(training.prior)
    note = untested(output, output.with_suffix(".clip"), (video.resolve(), capture, training))
    going_on = not overwrite and note.goes_on()
    read = (video, capture.sound, Path(capture.au), training.prior)
    options.refuse_existing(output, overwrite or going_on, *read)
    options.refuse_ending(output, "an avatar", ".avatar")
    import instag
    from instag.creation import OBSERVE
    from instag.runtime.threads import set_threads

    set_threads(threads)
    announce_compilation(terminal, training.device)
    made: list[tuple[Clip, float]] = []

    def on_clip(clip: "Clip") -> None:
        made.append((clip, time.monotonic()))
        note.begin()
        for sentence in summary_lines(clip.info):
            terminal.note(sentence)

    started = time.monotonic()
    if going_on:
        terminal.note(f"{output} was learned by a run that was stopped; it is tested now.")
        opened, clip = instag.Avatar.open(output), instag.Clip.open(output.with_suffix(".clip"))
        print_result(terminal, opened, clip, output, training.device, 0.0, {"clip": clip.folder})
        note.end()
        return
    plain, shares = {OBSERVE: f"Observing {video.name}"}, {OBSERVE: OBSERVING, **SHARES}
    with terminal.stages(f"Learning {output.stem}", plain, shares) as report:
        avatar = instag.create(
            video,
            output,
            capture=capture,
            training=training,
            overwrite=overwrite,
            report=report,
            on_clip=on_clip,
            on_plan=lambda plan: terminal.note(plan_line(plan)),
        )
    (clip, observed), ended = made[0], time.monotonic()
    extra = {
        "clip": clip.folder,
        "prepare_s": round(observed - started, 2),
        "quality": clip.info.quality,
    }
    print_result(terminal, avatar, clip, output, training.device, ended - observed, extra)
    note.end()
