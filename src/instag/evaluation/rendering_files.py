"""The compared frames as files: the rendered and the true ones, as numbered pictures without loss
and as videos with their sound."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from jaxtyping import Float

from instag.errors import BadArgument
from instag.evaluation.held_out import FramePair
from instag.evaluation.metrics_files import TABLE
from instag.evaluation.picture_sheets import write_png
from instag.media.sound_queue import SoundCutter
from instag.media.video_names import muxer_of
from instag.media.writer import EncoderQuality, VideoWriter
from instag.runtime.files import atomic_path, write_atomic
from instag.runtime.untrusted import refuse_link
from instag.types import FPS, SAMPLE_RATE

PREDICTION, TRUTH = "prediction", "truth"
"""Folders of pictures, and names of the videos beside them."""
MARK = ".made-by-instag"
"""The name of an empty file beside pictures that may be replaced, until their report is there."""
QUALITY = EncoderQuality(crf=12)


def written(
    pairs: Iterable[FramePair],
    folder: Path,
    speech: Float[np.ndarray, " samples"],
    metadata: dict[str, str],
) -> Iterator[FramePair]:
    """The pairs, each written as it passes: prediction/00012.png, truth/00012.png, prediction.mp4
    and truth.mp4. What an earlier evaluation wrote is replaced. speech: 16 kHz, of these frames.
    metadata: of the rendered video. Raises BadArgument, DiskFull, NotWritable."""
    names = (PREDICTION, TRUTH)
    for name in names:
        _emptied(folder / name)
    writers: list[VideoWriter] = []
    cutters = [SoundCutter([speech], SAMPLE_RATE, FPS) for _ in names]
    with ExitStack() as opened:
        for pair in pairs:
            pictures = (pair.prediction, pair.truth)
            writers = writers or [
                _opened(opened, folder / f"{name}.mp4", picture, about)
                for name, picture, about in zip(names, pictures, (metadata, {}), strict=True)
            ]
            for name, picture, writer, cutter in zip(
                names, pictures, writers, cutters, strict=True
            ):
                write_png(folder / name / f"{pair.index:05d}.png", picture)
                writer.add(picture.copy(), cutter.next_frame())
            yield pair


def _opened(
    stack: ExitStack, path: Path, picture: np.ndarray, metadata: dict[str, str]
) -> VideoWriter:
    temporary = stack.enter_context(atomic_path(path))
    size = (picture.shape[1], picture.shape[0])
    return stack.enter_context(
        VideoWriter(
            temporary,
            muxer_of(path),
            size,
            sound_rate=SAMPLE_RATE,
            metadata=metadata,
            quality=QUALITY,
        )
    )


def remove_marks(folder: Path) -> None:
    """From a folder with pictures whose report is complete, which tells that they are its own."""
    for name in (PREDICTION, TRUTH):
        (folder / name / MARK).unlink(missing_ok=True)


def _emptied(folder: Path) -> None:
    """The folder without the numbered pictures of an earlier run. Raises BadArgument where they are
    somebody else's."""
    refuse_link(folder)
    earlier = [path for path in folder.glob("*.png") if path.stem.isdigit()]
    if earlier and not (folder / MARK).is_file() and not (folder.parent / TABLE).is_file():
        raise BadArgument(
            f"{folder} holds pictures that no evaluation wrote, such as {earlier[0].name}: they "
            "would be lost. Give another -o."
        )
    write_atomic(folder / MARK, "")
    for path in earlier:
        path.unlink()
