"""An evaluation from its inputs to its numbers: an avatar against its clip, or any video against
another."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Bool

from instag.data.clip import Clip
from instag.errors import BadArgument
from instag.evaluation import syncnet
from instag.evaluation.action_units import AuTable, read_openface
from instag.evaluation.held_out import (
    check_same_recording,
    held_back,
    matte_at,
    reconstruct,
    regions_at,
)
from instag.evaluation.measure import Measurement, measure
from instag.evaluation.metric_rows import rows_of
from instag.evaluation.metrics_table import Metrics
from instag.evaluation.not_measured import NotMeasured
from instag.evaluation.paired_videos import open_pair, sound_of
from instag.evaluation.rendering_files import written
from instag.evaluation.speed import Speed, machine, measure_speed
from instag.evaluation.taught_range import outside_taught
from instag.models.avatar import Avatar
from instag.ops import lpips
from instag.runtime.device import device_named
from instag.runtime.progress import Report, silent
from instag.synthesis.speak import provenance
from instag.types import FPS, SAMPLE_RATE
from instag.version import __version__

DIGEST = 8
"""Letters of a digest that reports show."""


@final
@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What was measured, and the same as a table."""

    measured: Measurement
    metrics: Metrics


def evaluate(
    avatar: Avatar | Path | str,
    clip: Clip | Path | str,
    *,
    frames: range | None = None,
    with_speed: bool = True,
    tables: tuple[Path, Path] | None = None,
    device: str = "auto",
    names: bool = False,
    folder: Path | str | None = None,
    report: Report = silent,
) -> Evaluation:
    """Render the frames of the clip that the avatar was not trained on, and measure them against
    the true ones.

    frames: to measure in place of the held-out ones. tables: CSVs of OpenFace for the rendered
    frames and for the whole clip. device: where frames are rendered and compared, as in
    runtime.device.device_named; faces are detected on the CPU. names: name the files in the report,
    which else has only a digest of what was compared. folder: where the rendered and the true
    frames are written, as pictures and videos; nowhere if not given. Raises BadArgument, DiskFull,
    and what Avatar.open and Clip.open raise.
    """
    where = device_named(device)
    path = None if isinstance(avatar, Avatar) else Path(avatar)
    avatar = avatar if isinstance(avatar, Avatar) else Avatar.open(avatar)
    clip = clip if isinstance(clip, Clip) else Clip.open(clip)
    chosen = _to_compare(frames, avatar, str(path or "The avatar"))
    check_same_recording(avatar, clip, chosen)
    samples = SAMPLE_RATE // FPS
    speech = clip.speech()[chosen.start * samples : chosen.stop * samples]
    pairs = reconstruct(avatar, clip, chosen, device=where)
    if folder is not None:
        pairs = written(pairs, Path(folder), speech, provenance(avatar))
    measured = measure(
        pairs,
        regions=partial(regions_at, clip, avatar.info.size),
        mattes=partial(matte_at, clip, avatar.info.size) if clip.has_mattes else None,
        speech=speech,
        lpips=_perception(where),
        syncnet=syncnet.find(),
        tables=_tables(tables, first=chosen.start),
        device=where,
        total=len(chosen),
        report=report,
    )
    speed = measure_speed(avatar, clip, path, where) if with_speed else None
    source = clip.info.source if names else f"video {clip.info.source_sha256[:DIGEST]}"
    held_out = " (not taught)" if frames is None else ""
    about = {
        "prediction": path.name if names and path else "the avatar",
        "truth": f"{source}, frames {chosen.start} to {chosen.stop - 1}{held_out}",
        "recipe": avatar.info.recipe,
        "taught": _taught(avatar),
    }
    outside = outside_taught(avatar, clip.tables(), chosen)
    return _evaluation(measured, about, where, speed=speed, outside=outside)


def _to_compare(frames: range | None, avatar: Avatar, name: str) -> range:
    """The frames that are given, else those that were held back. Raises BadArgument where there
    are none."""
    if frames is not None:
        if not len(frames):
            raise BadArgument(f"{frames} names no frame. Give the first and the last to compare.")
        return frames
    held = held_back(avatar)
    if not len(held):
        raise BadArgument(
            f"{name} was learned from every frame of the clip: none is left to judge it by. Name "
            "some with --frames FIRST:LAST."
        )
    return held


def evaluate_videos(
    prediction: Path | str,
    truth: Path | str,
    *,
    align: Literal["equal", "shorter"] = "equal",
    resize: bool = False,
    tables: tuple[Path, Path] | None = None,
    device: str = "auto",
    names: bool = False,
    report: Report = silent,
) -> Evaluation:
    """Measure a video, or a folder of numbered pictures, against another, frame by frame; the sound
    is the prediction's, else the truth's.

    device: where pictures are compared. names: name the files in the report. Raises what
    `device_named` and `open_pair` raise.
    """
    where = device_named(device)
    pairs = open_pair(prediction, truth, align=align, resize=resize)
    sound = sound_of(prediction)
    measured = measure(
        pairs,
        speech=sound_of(truth) if isinstance(sound, NotMeasured) else sound,
        lpips=_perception(where),
        syncnet=syncnet.find(),
        tables=_tables(tables, first=0),
        device=where,
        total=len(pairs),
        report=report,
    )
    about = {
        name: Path(path).name if names else f"video {_digest(Path(path))}"
        for name, path in (("prediction", prediction), ("truth", truth))
    } | ({"note": " ".join(pairs.notes)} if pairs.notes else {})
    return _evaluation(measured, about, where)


def _evaluation(
    measured: Measurement,
    about: dict[str, str],
    device: torch.device,
    *,
    speed: Speed | None = None,
    outside: Bool[np.ndarray, " f"] | None = None,
) -> Evaluation:
    width, height = measured.size
    about = {
        **about,
        "frames": str(measured.frames),
        "size": f"{width}x{height}",
        "machine": machine(device),
        "made by": f"instag {__version__}",
    }
    rows = rows_of(measured, speed, outside)
    return Evaluation(measured=measured, metrics=Metrics(about=about, rows=rows))


def _digest(path: Path) -> str:
    """What tells a video, or a folder of pictures, from another one, without its name."""
    digest = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        with file.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()[:DIGEST]


def _taught(avatar: Avatar) -> str:
    """How much video the avatar was learned from."""
    span = avatar.info.training.get("train")
    return f"{(span[1] - span[0]) / FPS:.3g} s" if isinstance(span, list) else "unknown"


def _perception(device: torch.device) -> lpips.Lpips | None:
    path = lpips.find_weights()
    return lpips.load(path).to(device) if path else None


def _tables(paths: tuple[Path, Path] | None, *, first: int) -> tuple[AuTable, AuTable] | None:
    """The prediction's rows get the numbers of the frames that they show."""
    if paths is None:
        return None
    prediction, truth = (read_openface(path) for path in paths)
    return prediction.renumbered(int(truth.frames[0]) + first), truth
