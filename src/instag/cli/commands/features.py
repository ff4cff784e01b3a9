"""`instag features`: speech features of a sound file, or of the original's files of features, as a
file of numbers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli import options
from instag.cli.given_files import refuse_sound
from instag.cli.terminal import Terminal
from instag.speech.registry import check_name

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
            )
        ),
    ],
    terminal: Terminal,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write; SOUND with .npy if not given."),
    ] = None,
    speech: options.Speech = "mel",
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
) -> None:
    """Write the speech features of a sound file: one window for each frame of a 25 fps video."""
    check_name(speech)
    refuse_sound(sound)
    output = sound.with_suffix(".npy") if output is None else output
    options.refuse_existing(output, overwrite, sound)
    if sound.suffix == ".npy":
        shape = _convert(sound, output, speech)
    else:
        with terminal.progress(f"Hearing {sound.name}", "frames") as report:
            shape = _compute(sound, output, speech, device, report)
    terminal.result(
        f"{output}: {' x '.join(map(str, shape))}",
        {"features": output, "shape": list(shape), "speech": speech},
    )


def _convert(stored: Path, output: Path, speech: str) -> tuple[int, int, int]:
    from instag.data.given_features import read_instag_features

    found = read_instag_features(stored, speech)
    frames, channels, steps = found.shape
    return _write(output, (frames, channels, steps), iter([found]))


def _compute(
    sound: Path, output: Path, speech: str, device: str, report: "Report"
) -> tuple[int, int, int]:
    """Compute piece by piece, and write each as it comes: memory does not grow with the sound."""
    from instag.media.reader import find_sound
    from instag.media.sound_pieces import SoundPieces
    from instag.runtime.device import device_named
    from instag.speech.chunking import chunks_of
    from instag.speech.feature_stream import frames_of
    from instag.speech.registry import create

    fresh, choice = create(speech, device=str(device_named(device))), find_sound(sound)
    heard = SoundPieces(sound, choice)
    front_end = fresh.calibrated_by(heard.tensors())
    shape = (frames_of(heard.samples), front_end.channels, front_end.steps)

    def counted() -> "Iterator[Tensor]":
        done = 0
        for piece in chunks_of(SoundPieces(sound, choice).tensors(), front_end):
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
