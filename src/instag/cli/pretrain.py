"""`instag pretrain` and `import-prior`: universal motion fields, learned from several people or
taken from the original's checkpoints."""

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.terminal import Terminal, duration, exit_on_error
from instag.errors import BadArgument

SAME_COMMAND = "Run the same command again: it goes on where it was."


class PretrainRecipe(StrEnum):
    """How long a prior is learned."""

    DRAFT = "draft"
    DEFAULT = "default"
    REFERENCE = "reference"


Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="The prior to write, for example my.prior.", show_default=False
    ),
]


def pretrain(
    clips: Annotated[
        list[Path],
        typer.Argument(
            help="Clips that `prepare` wrote, each of another person; of any lengths.",
            show_default=False,
        ),
    ],
    output: Output,
    recipe: Annotated[
        PretrainRecipe,
        typer.Option(
            "--recipe",
            help="draft: 256x256 and short. reference: the paper's.",
            rich_help_panel=options.TRAINING,
        ),
    ] = PretrainRecipe.DEFAULT,
    speech: options.Speech = "mel",
    share_speech: Annotated[
        bool | None,
        typer.Option(
            help="One speech network for all personalized fields; on for esperanto and hubert.",
            show_default=False,
            rich_help_panel=options.TRAINING,
        ),
    ] = None,
    together: Annotated[
        int | None,
        typer.Option(
            help="People in a step.", min=1, show_default=False, rich_help_panel=options.TRAINING
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            help="Frames of each in a step.",
            min=1,
            show_default=False,
            rich_help_panel=options.TRAINING,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Learn from several people what faces and mouths do with a voice: a prior for `adapt --prior`.

    For several GPUs: torchrun --nproc-per-node 4 -m instag pretrain ...
    """
    import os

    first = os.environ.get("RANK", "0") == "0"
    terminal = Terminal(quiet=quiet or not first, as_json=as_json)
    with exit_on_error(SAME_COMMAND):
        _refuse_existing(output, overwrite)
        from instag.runtime.device import set_threads
        from instag.training.pretrain import pretrain as work

        set_threads(threads)
        started = time.monotonic()
        with terminal.stages(f"Learning {output.stem}") as report:
            chosen = {
                "recipe": recipe.value,
                "speech": speech,
                "share_speech": share_speech,
                "together": together,
                "batch": batch,
            }
            prior = work(clips, output, seed=seed, device=device, report=report, **chosen)
        took = time.monotonic() - started
        if first:
            values = {
                "prior": output,
                "seconds": round(took, 2),
                "people": prior.info.people,
                **prior.info.training,
            }
            terminal.result(
                f"{output}: learned from {len(clips)} people in {duration(took)}.\nNext: instag "
                f"adapt CLIP --prior {output} -o me.avatar",
                values,
            )


def import_prior(
    face: Annotated[
        Path, typer.Argument(help="The original's chkpnt_ema_face_latest.pth.", show_default=False)
    ],
    mouth: Annotated[
        Path, typer.Argument(help="The original's chkpnt_ema_mouth_latest.pth.", show_default=False)
    ],
    output: Output,
    speech: Annotated[
        str,
        typer.Option(
            "--speech",
            metavar="NAME",
            help="What it was trained to hear: deepspeech, esperanto or hubert.",
        ),
    ] = "deepspeech",
    overwrite: options.Overwrite = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Make a prior of the original's pre-trained weights. Nothing in the files is run."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error("Nothing was written."):
        _refuse_existing(output, overwrite)
        from instag.interop.instag_checkpoints import import_prior as work

        prior = work(face, mouth, front_end=speech)
        prior.save(output)
        terminal.result(
            f"{output}: hears {speech}.",
            {"prior": output, "speech": speech, "speech_channels": prior.conditioning.channels},
        )


def _refuse_existing(output: Path, overwrite: bool) -> None:
    """Raises BadArgument."""
    if output.is_dir():
        raise BadArgument(f"{output} is a folder. Give the name of a file to write.")
    if output.exists() and not overwrite:
        raise BadArgument(
            f"{output} exists already. Give another -o, or --overwrite to replace it."
        )
