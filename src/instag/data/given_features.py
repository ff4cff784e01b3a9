"""Given features: those that somebody put into a clip's folder, as features/NAME.npy without a
note, or as the original's own scripts stored them: aud.npy, aud_eo.npy, aud_hu.npy, aud_ave.npy.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from instag.data.features_path import PUBLISHED, features_path, find_instag_features
from instag.errors import BadArgument, NotAnArtefact
from instag.runtime.array_files import map_array
from instag.runtime.untrusted import check_array, parsing
from instag.speech.windows import windows_at_50_hz

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
    if name == "ave" and len(stored) and (stored.ndim == 2 or stored.shape[1:] == wanted[::-1]):
        stored = stored.reshape(len(stored), 1, -1)
    if form.pairs and stored.ndim == 2 and stored.shape[1] == form.channels:
        stored = stored[: len(stored) // 2 * 2].reshape(-1, 2, form.channels)
    shaped = stored.ndim == 3 and stored.shape[1:] == wanted and len(stored)
    if not shaped or stored.dtype.kind != "f":
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
