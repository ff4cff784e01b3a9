"""Import of a clip from a folder in the AD-NeRF layout (see layout.py).

What the layout contains is copied; what it lacks, or cannot contain, is observed by our own
capture, with a note for each.
"""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float

from instag.capture.extract_frames import find_landmarks
from instag.capture.geometry.from_mesh import render_surface
from instag.capture.measure_action_units import measure_action_units
from instag.capture.openface import ActionUnits, read_openface
from instag.capture.segmentation.background import build_backdrop
from instag.capture.segmentation.torso import cut_torso
from instag.capture.tracking.fit_head import fit_head
from instag.capture.tracking.world_alignment import align_world
from instag.data.clip import Clip
from instag.data.clip_info import ClipInfo, StageRecord
from instag.errors import BadArgument, BadLayout, NotAnArtefact
from instag.interop.adnerf.audio import copy_features, copy_sound
from instag.interop.adnerf.export_clip import train_test_split
from instag.interop.adnerf.geometry_priors import copy_surface
from instag.interop.adnerf.images import copy_backdrop, copy_torso, read_regions
from instag.interop.adnerf.layout import SIDECAR
from instag.interop.adnerf.poses import for_frames
from instag.interop.adnerf.source import Source, read_frame, scan_folder
from instag.runtime.files import atomic_folder, sweep
from instag.runtime.progress import Report, part, silent
from instag.runtime.untrusted import check_array, in_one_line, parsing, read_text
from instag.types import Track
from instag.version import __version__

STAGES = (
    "video",
    "sound",
    "tracking",
    "action_units",
    "regions",
    "backdrop",
    "poses",
    "torso",
    "surface",
    "features",
)
MOST_LANDMARKS = 2**16
"""Bytes of a file of landmarks."""
LOST = 0.1
"""Reprojection error, in the picture's side, from which poses are of something else."""
FIT_WARNING = 5.0
"""Reprojection error in pixels of a 512-pixel picture from which a note warns."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The clip, and sentences on what was missing and how it was replaced."""

    clip: Clip
    notes: tuple[str, ...]


def import_clip(folder: Path | str, output: Path | str, *, report: Report = silent) -> Imported:
    """Write the clip `output`, whole or not at all. `report` gets thousandths of the work.

    Raises BadLayout (nothing usable, or contradictions), BadArgument (the output is there already),
    NoSound, NoFace, TableMismatch, DiskFull.
    """
    folder, output = Path(folder), Path(output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise BadArgument(f"{output} exists already. Give another -o, or remove it.")
    source, notes = scan_folder(folder)
    _check_sidecar(source)
    sweep(output.parent)
    with atomic_folder(output) as work:
        clip = _build(source, Clip(folder=work, info=_info(source)), notes, report)
    return Imported(clip=Clip(folder=output, info=clip.info), notes=tuple(notes))


def _check_sidecar(source: Source) -> None:
    """What our own export kept beside the layout is read once before it is copied. Raises
    BadLayout."""
    try:
        if source.sidecar is None:
            return
        own = Clip.open(source.sidecar)
        own.track()
        if (own.folder / "backdrop.png").is_file():
            own.backdrop()
        if (own.folder / "features" / "mel.npy").is_file():
            own.features("mel")
        for index in range(len(own)):
            if own.path("surface", index).is_file():
                own.surface(index)
    except NotAnArtefact as error:
        what, sidecar = str(error).partition(" Make ")[0], source.folder / SIDECAR
        raise BadLayout(
            f"{what} Remove {sidecar}: the rest of {source.folder} is imported without it."
        ) from error


def _info(source: Source) -> ClipInfo:
    """The content of clip.json: the sidecar's, else what the folder shows."""
    test_ids = _test_frames_at_end(source)
    if source.sidecar is not None:
        own = Clip.open(source.sidecar)
        unchanged = test_ids == len(train_test_split(own)[1])
        return own.info if unchanged else replace(own.info, test_frames=test_ids)
    digest = hashlib.sha256()
    for number in (source.ids[0], source.ids[len(source.ids) // 2], source.ids[-1]):
        digest.update(source.pictures[number].read_bytes())
    return ClipInfo(
        source=in_one_line(source.folder.resolve().name),
        source_sha256=digest.hexdigest(),
        width=source.size,
        height=source.size,
        frame_count=len(source.ids),
        crop=(0.0, 0.0, float(source.size)),
        test_frames=test_ids,
    )


def _test_frames_at_end(source: Source) -> int | None:
    """The number of test frames, where they are the last ones; the layout can scatter them, a clip
    cannot."""
    test_ids = sorted(source.transforms.test_ids & set(source.ids)) if source.transforms else []
    if not test_ids or test_ids != list(range(test_ids[0], source.ids[-1] + 1)):
        return None
    return len(test_ids)


def _build(source: Source, clip: Clip, notes: list[str], report: Report) -> Clip:
    """Fill the folder, part after part; clip.json, which makes it a clip, comes last."""
    count = len(source.ids)
    for index, number in enumerate(source.ids):
        _copy_frame(clip, index, source.pictures[number], source.size)
        report(int(50 * (index + 1) / count), 1000)
    notes += copy_sound(source.folder, clip, start=source.ids.start)
    units = _read_action_units(source)
    notes += copy_features(
        source.folder, source.sidecar, source.ids, clip, max(source.pictures) + 1
    )
    track, fitting = _track(source, clip, part(report, 0.05, 0.35))
    notes += fitting
    clip = Clip(folder=clip.folder, info=replace(clip.info, focal=track.focal))
    clip.save_track(track)
    notes += read_regions(source.folder, source.ids, clip, part(report, 0.35, 0.6))
    notes += _or_else(
        copy_backdrop(source.folder, source.sidecar, clip), lambda: build_backdrop(clip)
    )
    notes += _or_else(
        copy_torso(source.folder, source.ids, clip), lambda: cut_torso(clip, part(report, 0.6, 0.8))
    )
    notes += _action_units(units, source, clip)
    notes += _or_else(
        copy_surface(source.folder, source.sidecar, source.ids, clip),
        lambda: render_surface(clip, part(report, 0.8, 0.95)),
    )
    made_by = f"instag {__version__}, imported from {source.folder.resolve().name}"
    stages = clip.info.stages or {
        name: StageRecord(made_by=made_by, settings={}, seconds=0.0) for name in STAGES
    }
    report(1000, 1000)
    return clip.save_info(replace(clip.info, stages=stages))


def _or_else(missing: str | list[str], replacement: Callable[[], object]) -> list[str]:
    """Replace what was missing, and say so. A list of notes means that nothing was."""
    if isinstance(missing, list):
        return missing
    replacement()
    return [missing]


def _copy_frame(clip: Clip, index: int, picture: Path, side: int) -> None:
    """Copy JPEG files; encode other pictures. Raises BadLayout where it is not of this side."""
    target = clip.path("frames", index)
    target.parent.mkdir(exist_ok=True)
    frame = read_frame(picture, side)
    if picture.suffix.lower() in (".jpg", ".jpeg"):
        shutil.copyfile(picture, target)
        return
    clip.save_frame(index, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


def _track(source: Source, clip: Clip, report: Report) -> tuple[Track, list[str]]:
    """The layout's poses with our landmarks and our resting face, aligned with its world; our
    tracker's where it has no poses."""
    notes: list[str] = []
    size = (source.size, source.size)
    if source.sidecar is not None:
        for name in ("landmarks.npz", "track.npz"):
            if (source.sidecar / name).is_file():
                shutil.copyfile(source.sidecar / name, clip.folder / name)
        own = clip.track()
    else:
        landmarks = find_landmarks(clip, str(source.folder), part(report, 0.0, 0.8))
        own = fit_head(landmarks, *size, part(report, 0.8, 1.0))
    if source.transforms is not None:
        matrices, focal = for_frames(source.transforms, source.ids), source.transforms.focal
        if source.sidecar is None:
            aligned = align_world(own, matrices, focal, size)
            if not aligned.error < LOST * source.size:
                raise BadLayout(
                    f"The poses in {source.folder} are not of the face in its pictures: they "
                    f"disagree by {aligned.error:.0f} pixels. Remove transforms_*.json and "
                    "track_params.pt to have the face tracked by instag."
                )
            own = replace(own, identity=aligned.identity)
            if aligned.error > FIT_WARNING * source.size / 512:
                notes.append(
                    f"The poses and the faces disagree by {aligned.error:.1f} pixels on the whole; "
                    "a head learned from them will be soft."
                )
            if not 0.5 < aligned.unit < 2:
                notes.append(
                    f"The poses' unit is {1 / aligned.unit:.3g} m; heads are learned best in "
                    "metres, as the family's process.py writes them."
                )
        own = replace(
            own,
            rotations=matrices[:, :3, :3].astype(np.float32),
            translations=matrices[:, :3, 3].astype(np.float32),
            focal=focal,
        )
    points, missing = _landmarks68(source, own)
    if missing:
        notes.append(
            f"{missing} of {len(source.ids)} frames have no 68 landmarks (ori_imgs/N.lms): ours "
            "stand there."
        )
    return replace(own, landmarks68=points), notes


def _landmarks68(source: Source, own: Track) -> tuple[Float[np.ndarray, "f 68 2"], int]:
    """The layout's landmarks, ours where it has none, and in how many frames that is. Raises
    BadLayout."""
    points, missing = own.landmarks68.astype(np.float32).copy(), 0
    for index, number in enumerate(source.ids):
        path = source.folder / "ori_imgs" / f"{number}.lms"
        if not path.is_file():
            missing += 1
            continue
        remedy = "Find the landmarks again."
        with parsing(path, "68 rows of two numbers", remedy, error=BadLayout):
            lines = read_text(path, MOST_LANDMARKS).splitlines()
            points[index] = check_array("the table", np.loadtxt(lines, dtype=np.float64), (68, 2))
    return points, missing


def _read_action_units(source: Source) -> ActionUnits | None:
    """Before the costly passes: a table that does not fit ends the import. Raises TableMismatch."""
    path = source.folder / "au.csv"
    return read_openface(path, source.ids.stop, part=True) if path.is_file() else None


def _action_units(read: ActionUnits | None, source: Source, clip: Clip) -> list[str]:
    if read is None:
        measure_action_units(clip)
        return ["There is no au.csv: action units were measured from our landmarks."]
    cut = slice(source.ids.start, source.ids.stop)
    clip.save_action_units(
        {name: values[cut] for name, values in read.units.items()}, read.success[cut]
    )
    return []
