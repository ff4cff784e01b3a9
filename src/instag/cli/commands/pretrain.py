"""`instag pretrain`."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.given_files import refuse_clip
from instag.cli.terminal import Terminal, duration
from instag.speech.registry import check_name
from instag.training.options import PretrainingOptions


def pretrain(
    clips: Annotated[
        list[Path],
        typer.Argument(help="Clips that `prepare` wrote, each of another person; of any lengths."),
    ],
    output: options.NewPrior,
    training: PretrainingOptions,
    terminal: Terminal,
    overwrite: options.Overwrite = False,
    threads: options.Threads = None,
) -> None:
    """Learn from several people what faces and mouths do with a voice: a prior for `adapt --prior`.

    For several GPUs: torchrun --nproc-per-node 4 -m instag pretrain ...
    """
    first = os.environ.get("RANK", "0") == "0"
    terminal = Terminal(quiet=terminal.quiet or not first, as_json=terminal.as_json)
    for clip in clips:
        refuse_clip(clip)
    check_name(training.speech)
    options.refuse_existing(output, overwrite)
    options.refuse_ending(output, "a prior", ".prior")
    import instag
    from instag.runtime.threads import set_threads

    set_threads(threads)
    started = time.monotonic()
    with terminal.stages(f"Learning {output.stem}") as report:
        prior = instag.pretrain(clips, output, report=report, **vars(training))
    took = time.monotonic() - started
    if first:
        values = {
            "prior": output,
            "seconds": round(took, 2),
            "people": prior.info.people,
            **prior.info.training,
        }
        terminal.result(
            f"{output}: learned from {len(clips)} people in {duration(took)}.\n"
            f"Next: instag adapt CLIP --prior {output} -o me.avatar",
            values,
        )
