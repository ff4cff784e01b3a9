"""Given features: those that somebody put into a clip's folder, as features/NAME.npy without a
note, or as the original's own scripts stored them: aud.npy, aud_eo.npy, aud_hu.npy, aud_ave.npy.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.errors import BadArgument, NotAnArtefact
from instag.runtime.array_files import map_array
from instag.runtime.untrusted import check_array, parsing
from instag.speech.windows import windows_at_50_hz


@dataclass(frozen=True, kw_only=True)
class InstagFeatures:
    """files: names in the original's data folders. steps, channels: of a frame as stored. pairs:
    the frame's own two steps are stored, not its window."""

    files: tuple[str, ...]
    steps: int
    channels: int
    pairs: bool = False


PUBLISHED = {
    "deepspeech": InstagFeatures(files=("aud.npy", "aud_ds.npy"), steps=16, channels=29),
    "esperanto": InstagFeatures(files=("aud_eo.npy",), steps=16, channels=44),
    "hubert": InstagFeatures(files=("aud_hu.npy",), steps=2, channels=1024, pairs=True),
    "ave": InstagFeatures(files=("aud_ave.npy",), steps=1, channels=512),
}

MAX_SURPLUS = 25
"""Frames beyond the clip's end that given features may have: sound goes on after the picture."""
MAX_MISSING = 5
"""Frames at the end that given features may lack; their last window is repeated."""


def given_features(
    folder: Path, name: str, frames: int
) -> Float[np.ndarray, "f channels steps"] | None:
    """Those of a clip of so many frames; None where it has none. Raises NotAnArtefact."""
    path = features_path(folder, name)
    if path.is_file() and not path.with_suffix(".json").is_file():
        found = load_features(path)
    elif path := find_instag_features(folder, name):
        found = read_instag_features(path, name).numpy()
    else:
        return None
    return _of_length(found, frames, path)


def read_instag_features(path: Path, name: str) -> Float[Tensor, "f channels steps"]:
    """The features in one of the original's files, in the windows of our front end `name`. Raises
    BadArgument, NotAnArtefact."""
    if name not in PUBLISHED:
        raise BadArgument(
            f"{path}: the original stored no features of {name!r}, only of {', '.join(PUBLISHED)}. "
            "Say which these are: --speech NAME"
        )
    form = PUBLISHED[name]
    if not path.is_file():
        raise NotAnArtefact(f"There is no file {path}.")
    with parsing(path, "a file of NumPy numbers", "Copy it again."):
        stored = check_array("the table", map_array(path), (None,) * map_array(path).ndim, "fiu")
    wanted = (form.steps, form.channels)
    if name == "ave" and (stored.ndim == 2 or stored.shape[1:] == wanted[::-1]):
        stored = stored.reshape(len(stored), 1, -1)
    if form.pairs and stored.ndim == 2 and stored.shape[1] == form.channels:
        stored = stored[: len(stored) // 2 * 2].reshape(-1, 2, form.channels)
    if stored.ndim != 3 or stored.shape[1:] != wanted or stored.dtype.kind != "f":
        raise NotAnArtefact(
            f"{path} holds {'x'.join(map(str, stored.shape))} numbers; features of {name} are "
            f"frames x {wanted[0]} x {wanted[1]}. Say --speech NAME, or make them again."
        )
    values = torch.from_numpy(stored.astype(np.float32))
    return (
        windows_at_50_hz(values.flatten(0, 1), len(values))
        if form.pairs
        else values.transpose(1, 2).contiguous()
    )


def find_instag_features(folder: Path, name: str) -> Path | None:
    """The original's file of these features in a clip's features/ or its folder itself, None where
    neither has one."""
    files = PUBLISHED[name].files if name in PUBLISHED else ()
    paths = (place / file for place in (folder / "features", folder) for file in files)
    return next((path for path in paths if path.is_file()), None)


def stored_name(name: str) -> str:
    """The front end's name as that of a file."""
    return "".join(letter if letter.isalnum() or letter in "+._-" else "-" for letter in name)


def features_path(folder: Path, name: str) -> Path:
    """Where a clip's features of a front end lie, given or computed."""
    return folder / "features" / f"{stored_name(name)}.npy"


def load_features(path: Path) -> Float[np.ndarray, "f channels steps"]:
    """Read when asked for. Raises NotAnArtefact."""
    with parsing(path, "a table of speech features", f"Delete it: rm {path}. It is made again."):
        return check_array("the table", map_array(path), (None, None, None))


def _of_length(
    found: Float[np.ndarray, "f channels steps"], frames: int, path: Path
) -> Float[np.ndarray, "f2 channels steps"]:
    """Cut to the clip's frames, or its last window repeated for the few that are missing."""
    missing = frames - len(found)
    if not -MAX_SURPLUS <= missing <= MAX_MISSING:
        raise NotAnArtefact(
            f"{path} holds features of {len(found)} frames, and the clip has {frames}. They are "
            "of another sound, or of sound at another rate than 16 kHz: delete the file."
        )
    return (
        found[:frames]
        if missing <= 0
        else np.concatenate([found, np.repeat(found[-1:], missing, axis=0)])
    )
