"""`instag features`: speech features of a sound file, or of the original's files of features, as a
file of numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli import options
from instag.cli.terminal import Terminal, exit_on_error
from instag.errors import BadArgument

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from instag.runtime.progress import Report


def features(
    sound: Annotated[
        Path,
        typer.Argument(
            help=(
                "A sound file, a video with sound, or features that the original's scripts "
                "stored (.npy)."
            ),
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The file to write; SOUND with .npy if not given.",
            show_default=False,
        ),
    ] = None,
    speech: options.Speech = "mel",
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Write the speech features of a sound file: one window for each frame of a 25 fps video."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    output = sound.with_suffix(".npy") if output is None else output
    with exit_on_error("Nothing was written."):
        _refuse_existing(output, overwrite)
        from instag.data.instag_features import read_instag_features

        if sound.suffix == ".npy":
            found = read_instag_features(sound, speech)
            frames, channels, steps = found.shape
            shape = _write(output, (frames, channels, steps), iter([found]))
        else:
            with terminal.progress(f"Hearing {sound.name}", "frames") as report:
                shape = _hear(sound, output, speech, device, report)
        terminal.result(
            f"{output}: {' x '.join(map(str, shape))}",
            {"features": output, "shape": list(shape), "speech": speech},
        )


def _hear(
    sound: Path, output: Path, speech: str, device: str, report: "Report"
) -> tuple[int, int, int]:
    """Compute piece by piece, and write each as it comes: an hour of sound needs no more memory
    than its waveform."""
    import torch

    from instag.media.reader import read_sound
    from instag.runtime.device import device_named
    from instag.speech.chunking import chunks, frame_count
    from instag.speech.registry import create

    front_end = create(speech, device=str(device_named(device)))
    waveform = torch.from_numpy(read_sound(sound))
    shape = (frame_count(waveform), front_end.channels, front_end.steps)

    def counted() -> "Iterator[Tensor]":
        done = 0
        for piece in chunks(waveform, front_end):
            yield piece
            done += len(piece)
            report(done, shape[0])

    return _write(output, shape, counted())


def _write(
    output: Path, shape: tuple[int, int, int], pieces: "Iterator[Tensor]"
) -> tuple[int, int, int]:
    import numpy as np

    from instag.runtime.files import atomic_path

    with atomic_path(output) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "<f4", "fortran_order": False, "shape": shape}
        )
        for piece in pieces:
            file.write(piece.contiguous().numpy().astype("<f4", copy=False).data)
    return shape


def _refuse_existing(output: Path, overwrite: bool) -> None:
    """Raises BadArgument."""
    if output.is_dir():
        raise BadArgument(f"{output} is a folder. Give the name of a file to write.")
    if output.exists() and not overwrite:
        raise BadArgument(
            f"{output} exists already. Give another -o, or --overwrite to replace it."
        )
