"""Export of a clip in the AD-NeRF layout, for the trainers that read it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from instag.capture.backends import COEFFICIENTS
from instag.data.clip import Clip
from instag.data.features_path import PUBLISHED
from instag.data.splits import TEST_FRAMES
from instag.data.surface import Surface
from instag.errors import BadArgument, NotAnArtefact
from instag.interop.adnerf.colors import to_parsing
from instag.interop.adnerf.layout import SIDECAR, Layout
from instag.interop.adnerf.poses import write_track_params, write_transforms
from instag.runtime.files import atomic_path, write_atomic
from instag.runtime.parallel import in_order
from instag.runtime.progress import Report, silent
from instag.runtime.untrusted import check_array
from instag.speech.windows import STEPS
from instag.types import BLINK, BLINK_LIMIT, Region, Track

JPEG = [
    cv2.IMWRITE_JPEG_QUALITY,
    98,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]
SURFACE_FRAMES = 250
"""Frames with geometry priors, 2.6 MB each: the 10 s that InsTaG adapts on by default."""
FEATURE_FILES = {
    "deepspeech": "aud_ds.npy",
    "esperanto": "aud_eo.npy",
    "hubert": "aud_hu.npy",
    "ave": "aud_ave.npy",
}
OPEN_EYES = 0.7
"""AU45 up to which eyes are open: lids of people who look at a camera wander so far."""
LEAST_BETWEEN = 0.02
"""Share of frames with half-closed eyes below which an export warns."""
PRIOR_NAME = "sapiens_instag"
"""InsTaG reads the last of sapiens/*/sapiens_* in the alphabet."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The result of an export. train, test: frames of each split. notes: sentences on what other
    trainers will not find."""

    folder: Path
    frames: int
    train: range
    test: range
    notes: tuple[str, ...]


def export_clip(
    clip: Clip,
    folder: Path | str,
    *,
    layout: Layout = Layout.INSTAG,
    surface_frames: int = SURFACE_FRAMES,
    report: Report = silent,
) -> Exported:
    """Write all of a complete clip. The transforms, without which no trainer starts, come last.

    surface_frames: how many frames of geometry priors, from the start (layout `instag` alone).
    Raises BadArgument, NotAnArtefact, DiskFull.
    """
    folder = Path(folder)
    _check_target(folder, clip)
    tables = clip.tables()
    clip.speech()  # what is copied as it is, is read once before anything is written
    track, backdrop = tables.track, tables.backdrop
    count = len(clip)
    train, test = train_test_split(clip)
    priors = min(surface_frames, len(train)) if layout is Layout.INSTAG else 0
    _copy_sidecar(clip, folder)

    def work(index: int) -> int:
        _write_frame(clip, folder, index, track, backdrop, layout)
        if index < priors:
            _write_priors(folder, index, clip.surface(index))
        return index

    for index in in_order(work, range(count)):
        report(index + 1, count)
    write_atomic(
        folder / "bc.jpg",
        _encoded(".jpg", cv2.cvtColor(backdrop, cv2.COLOR_RGB2BGR), [*JPEG[:1], 100, *JPEG[2:]]),
    )
    _copy(clip.folder / "speech.wav", folder / "aud.wav")
    _write_action_units(clip, folder / "au.csv")
    notes = _write_features(clip, folder, layout) + _blink_notes(clip)
    if layout is Layout.INSTAG and priors < len(train):
        notes.append(
            f"Geometry priors are there for frames 0 to {priors - 1}: train with --N_views "
            f"{priors} at most, or export more with --surface-frames."
        )
    notes.append(_coefficients_note(clip))
    matrices = _matrices(track)
    write_track_params(folder / "track_params.pt", matrices, track.focal)
    size = clip.size()
    write_transforms(folder / "transforms_val.json", matrices, test, track.focal, size)
    write_transforms(folder / "transforms_train.json", matrices, train, track.focal, size)
    return Exported(folder=folder, frames=count, train=train, test=test, notes=tuple(notes))


def _check_target(folder: Path, clip: Clip) -> None:
    """Raises BadArgument where anything lies there but an export of the same frames: trainers read
    whatever pictures they find."""
    if folder.exists() and not folder.is_dir():
        raise BadArgument(f"{folder} is a file. Give the name of a folder to write.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    try:
        before = Clip.open(folder / SIDECAR).info
    except NotAnArtefact as error:
        raise BadArgument(f"{folder} holds other files. Give the name of a new folder.") from error
    now = clip.info
    if (before.source_sha256, before.first_frame, before.frame_count) != (
        now.source_sha256,
        now.first_frame,
        now.frame_count,
    ):
        raise BadArgument(
            f"{folder} holds {before.frame_count} frames of {before.source}, and {clip.folder} has "
            f"{now.frame_count} of {now.source}. Give the name of a new folder."
        )


def train_test_split(clip: Clip) -> tuple[range, range]:
    """Frames to train and to test on: as `instag split` recorded, else the last 12 s of a clip of
    at least 24 s, else AD-NeRF's 10 to 1. Raises BadArgument where none is left to train on."""
    count = len(clip)
    kept = clip.info.test_frames
    if kept is None:
        kept = TEST_FRAMES if count >= 2 * TEST_FRAMES else count - count * 10 // 11
    if kept >= count:
        raise BadArgument(
            f"{clip.folder} keeps {kept} of its {count} frames for testing: none is left to learn "
            f"from. Keep fewer: instag split {clip.folder}"
        )
    return range(count - kept), range(count - kept, count)


def _write_frame(
    clip: Clip,
    folder: Path,
    index: int,
    track: Track,
    backdrop: UInt8[np.ndarray, "h w 3"],
    layout: Layout,
) -> None:
    frame, regions = clip.frame(index), clip.regions(index)
    clip.torso(index)  # which is copied as it is
    _copy(clip.path("frames", index), folder / "ori_imgs" / f"{index}.jpg")
    _copy(clip.path("torso", index), folder / "torso_imgs" / f"{index}.png")
    rows = "".join(f"{x:f} {y:f}\n" for x, y in track.landmarks68[index].tolist())
    write_atomic(folder / "ori_imgs" / f"{index}.lms", rows)
    parsing = to_parsing(regions, labels_hair=layout.labels_hair)
    write_atomic(
        folder / "parsing" / f"{index}.png",
        _encoded(
            ".png", cv2.cvtColor(parsing, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 4]
        ),
    )
    shown = np.where((regions == Region.BACKGROUND)[..., None], backdrop, frame)
    write_atomic(
        folder / "gt_imgs" / f"{index}.jpg",
        _encoded(".jpg", cv2.cvtColor(shown, cv2.COLOR_RGB2BGR), JPEG),
    )
    if layout.labels_hair:
        _save(folder / "teeth_mask" / f"{index}.npy", regions == Region.TEETH)


def _write_priors(folder: Path, index: int, surface: Surface) -> None:
    """Depth outside the face is that of the nearest known pixel, because trainers normalise whole
    rows; normals are zero there."""
    valid = surface.valid
    depth = surface.depth.astype(np.float32)
    if valid.any() and not valid.all():
        _, labels = cv2.distanceTransformWithLabels(
            (~valid).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        labels = labels.astype(np.int64)
        value_of = np.zeros(int(labels.max()) + 1, np.float32)
        value_of[labels[valid]] = depth[valid]
        depth = value_of[labels]
    _save(folder / "sapiens" / "depth" / PRIOR_NAME / f"{index}.npy", depth)
    _save(
        folder / "sapiens" / "normal" / PRIOR_NAME / f"{index}.npy",
        np.where(valid[..., None], surface.normal, 0).astype(np.float16),
    )


def _write_action_units(clip: Clip, path: Path) -> None:
    """OpenFace 2.0's spelling, a space before each name: the family's trainers ask for `
    AU45_r`."""
    lines = [line.split(",") for line in (clip.folder / "au.csv").read_text().splitlines()]
    rows = [["frame", "face_id", *lines[0][1:]], *([line[0], "0", *line[1:]] for line in lines[1:])]
    write_atomic(path, "".join(", ".join(row) + "\n" for row in rows))


def _write_features(clip: Clip, folder: Path, layout: Layout) -> list[str]:
    """Write the clip's features in the layout's form; notes on those that are missing."""
    held = [name for name in FEATURE_FILES if (clip.folder / "features" / f"{name}.npy").is_file()]
    for name in held:
        path, form = clip.folder / "features" / f"{name}.npy", PUBLISHED[name]
        with clip.reading(path):
            table = check_array(name, clip.features(name), (len(clip), form.channels, None))
            if not table.size:
                raise ValueError("it holds no step of time")
        _save(folder / FEATURE_FILES[name], _as_stored(name, table))
        if name == "deepspeech" or (
            name == "esperanto" and layout in (Layout.RADNERF, Layout.ERNERF)
        ):  # the original's adaptation reads aud.npy, whatever is asked for
            _copy(folder / FEATURE_FILES[name], folder / "aud.npy")
    if "deepspeech" in held:
        return []
    others = f" There are {', '.join(FEATURE_FILES[name] for name in held)}." if held else ""
    return [
        f"No DeepSpeech features: run the trainer's own extractor on {folder / 'aud.wav'}, or "
        f"choose --audio_extractor ave, which reads the sound.{others}"
    ]


def _as_stored(
    name: str, table: Float[np.ndarray, "f channels steps"]
) -> Float[np.ndarray, "f *form"]:
    """A front end's windows as the original stores them: HuBERT's as the frame's own two steps."""
    if name == "ave":
        return table[:, :, 0]
    if name == "hubert" and table.shape[2] == STEPS:
        table = table[:, :, STEPS // 2 : STEPS // 2 + 2]
    return np.ascontiguousarray(table.transpose(0, 2, 1))


def _blink_notes(clip: Clip) -> list[str]:
    """A warning where the original's curriculum, which waits for half-closed eyes, never ends."""
    blink = clip.action_units().get(BLINK)
    if blink is None or not len(blink):
        return []
    between = float(((blink > OPEN_EYES) & (blink < BLINK_LIMIT)).mean())
    if between >= LEAST_BETWEEN:
        return []
    return [
        f"AU45 in au.csv is nearly always 0 or full ({between:.0%} of the frames lie between): the "
        "original's curriculum, which waits for frames between, may never end. Use a part in which "
        "the person blinks, or OpenFace's own table (--au)."
    ]


def _coefficients_note(clip: Clip) -> str:
    """Where the coefficients are that the layout has in track_params.pt, and an export has not."""
    fitted = clip.folder / COEFFICIENTS
    where = (
        f"they are in {fitted}, with poses of the model's own frame."
        if fitted.is_file()
        else "prepare --tracker bfm fits it."
    )
    return (
        "track_params.pt has poses only: the coefficients id and exp belong to the Basel face "
        f"model; {where}"
    )


def _copy_sidecar(clip: Clip, folder: Path) -> None:
    """Copy what the layout has no place for."""
    kept = ("clip.json", "track.npz", "landmarks.npz", "backdrop.png")
    if (clip.folder / "features" / "mel.npy").is_file():
        clip.features("mel")
    for path in [
        *(clip.folder / name for name in kept),
        *sorted((clip.folder / "features").glob("*.npy")),
        *sorted((clip.folder / "surface").glob("*.npz")),
    ]:
        if path.is_file():
            _copy(path, folder / SIDECAR / path.relative_to(clip.folder))


def _matrices(track: Track) -> Float[np.ndarray, "f 4 4"]:
    matrices = np.tile(np.eye(4), (len(track.rotations), 1, 1))
    matrices[:, :3, :3], matrices[:, :3, 3] = track.rotations, track.translations
    return matrices


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def _save(target: Path, array: np.ndarray) -> None:
    with atomic_path(target) as temporary:
        np.save(temporary, array)


def _encoded(suffix: str, image: UInt8[np.ndarray, "h w 3"], options: list[int]) -> bytes:
    worked, data = cv2.imencode(suffix, image, options)
    assert worked, f"OpenCV could not encode a picture as {suffix}"
    return data.tobytes()
