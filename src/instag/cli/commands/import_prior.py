"""`instag import-prior`."""

from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.given_files import refuse_checkpoint
from instag.cli.terminal import Terminal
from instag.speech.registry import check_name


def import_prior(
    face: Annotated[Path, typer.Argument(help="The original's chkpnt_ema_face_latest.pth.")],
    mouth: Annotated[Path, typer.Argument(help="The original's chkpnt_ema_mouth_latest.pth.")],
    output: options.NewPrior,
    terminal: Terminal,
    speech: Annotated[
        str,
        typer.Option(
            "--speech",
            metavar="NAME",
            help="The front end that it was trained with: deepspeech, esperanto or hubert.",
        ),
    ] = "deepspeech",
    overwrite: options.Overwrite = False,
) -> None:
    """Make a prior of the original's pre-trained weights. Nothing in the files is run."""
    check_name(speech)
    options.refuse_existing(output, overwrite, face, mouth)
    options.refuse_ending(output, "a prior", ".prior")
    for weights in (face, mouth):
        refuse_checkpoint(weights)
    from instag.interop.instag_checkpoints import import_prior as imported

    prior = imported(face, mouth, front_end=speech)
    prior.save(output)
    terminal.result(
        f"{output}: hears {speech}.",
        {"prior": output, "speech": speech, "speech_channels": prior.conditioning.channels},
    )
