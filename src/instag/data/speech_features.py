"""A clip's speech features: computed once for its sound, then kept in the clip."""

import errno
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from instag.data.clip import Clip
from instag.data.instag_features import find_instag_features, read_instag_features
from instag.errors import AssetMissing, NotAnArtefact
from instag.runtime.files import write_atomic
from instag.runtime.progress import Report, silent
from instag.speech.chunking import features, silence
from instag.speech.registry import create, identity, require
from instag.types import SAMPLES

READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
"""What the system answers where a clip cannot be written to: its features are then not kept."""
MAX_MISSING = 5
"""Frames at the end that features from elsewhere may lack; their last window is repeated."""


def clip_features(
    clip: Clip, name: str, *, fresh: bool = False, device: str = "cpu", report: Report = silent
) -> Float[np.ndarray, "f channels steps"]:
    """The features of the clip's sound, one window a frame. `report` gets (frames done, frames in
    all) where they are computed.

    They are kept as features/NAME.npy, beside a note that identifies the sound and the front end,
    and computed again where either has changed. Features without a note were put there by hand and
    are used as they are, as is one of the original's files (aud.npy, aud_eo.npy, aud_hu.npy,
    aud_ave.npy) in the clip's folder or its features/. fresh: ignores those where the front end can
    be made here. device: where its network computes. Raises NotAnArtefact, BadArgument,
    AssetMissing, AssetDamaged.
    """
    stored, note = stored_name(name), clip.folder / "features" / f"{stored_name(name)}.json"
    path = clip.folder / "features" / f"{stored}.npy"
    accept_given = not (fresh and _can_be_made(name))
    if accept_given and path.is_file() and not note.is_file():
        return _of_length(clip.features(stored), clip, path)
    digest = _digest(clip)
    kept = _read(note)
    if (
        path.is_file()
        and kept.get("sound") == digest
        and kept.get("front_end") == _identity(name, kept)
    ):
        return clip.features(stored)
    for folder in (clip.folder / "features", clip.folder):
        original = find_instag_features(folder, name)
        if accept_given and original is not None:
            return _of_length(read_instag_features(original, name).numpy(), clip, original)
    front_end = create(name, device=device)
    computed = features(torch.from_numpy(clip.speech()), front_end, report).numpy()
    about = {"sound": digest, "front_end": identity(name), "frames": len(computed)}
    try:
        note.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        clip.save_features(stored, computed)
        write_atomic(note, json.dumps(about))
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        return computed
    return clip.features(stored)


def features_of_silence(
    clip: Clip, name: str, found: Float[np.ndarray, "f channels steps"], *, device: str = "cpu"
) -> Float[np.ndarray, "channels steps"]:
    """The window of silence of a front end; where it cannot be made here: its window in `found` of
    the clip's quietest frame.

    Raises BadArgument, AssetDamaged.
    """
    try:
        return silence(create(name, device=device)).numpy()
    except AssetMissing:
        sound = clip.speech()[: len(found) * SAMPLES]
        loudness = np.square(np.pad(sound, (0, -len(sound) % SAMPLES)).reshape(-1, SAMPLES)).mean(1)
        return found[loudness.argmin()]


def check_features(folder: Path, name: str) -> None:
    """Check, before any work, that a clip in `folder`, or one that is made there, can have features
    of this name. Raises BadArgument, AssetMissing."""
    accept_given = (folder / "features" / f"{stored_name(name)}.npy").is_file()
    if (
        not accept_given
        and find_instag_features(folder, name) is None
        and find_instag_features(folder / "features", name) is None
    ):
        require(name)


def stored_name(name: str) -> str:
    """The front end's name as that of a file."""
    return "".join(letter if letter.isalnum() or letter in "+._-" else "-" for letter in name)


def _can_be_made(name: str) -> bool:
    try:
        require(name)
    except AssetMissing:
        return False
    return True


def _identity(name: str, kept: dict[str, object]) -> object:
    """The front end's identity now; the kept one where its weights are not on this machine."""
    try:
        return identity(name)
    except AssetMissing:
        return kept.get("front_end")


def _digest(clip: Clip) -> str:
    path = clip.folder / "speech.wav"
    if not path.is_file():
        raise NotAnArtefact(
            f"{path} is missing. Run the stage again: instag prepare VIDEO -o {clip.folder} --from "
            "sound"
        )
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(note: Path) -> dict[str, object]:
    try:
        content = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _of_length(
    found: Float[np.ndarray, "f channels steps"], clip: Clip, path: Path
) -> Float[np.ndarray, "f2 channels steps"]:
    """Cut to the clip's frames, or its last window repeated for the few that are missing."""
    missing = len(clip) - len(found)
    if missing > MAX_MISSING:
        raise NotAnArtefact(
            f"{path} holds features of {len(found)} frames, and the clip has {len(clip)}. They are "
            "of another sound: delete the file."
        )
    return (
        found[: len(clip)]
        if missing <= 0
        else np.concatenate([found, np.repeat(found[-1:], missing, axis=0)])
    )
