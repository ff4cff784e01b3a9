"""A clip's speech features: computed once for its sound, then kept in the clip."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from instag.data.clip import Clip
from instag.data.features_path import features_path, stored_name
from instag.data.given_features import given_features, load_features
from instag.errors import AssetMissing, NotWritable
from instag.runtime.files import sha256_of, write_atomic
from instag.runtime.progress import Report, silent
from instag.runtime.untrusted import refuse_link
from instag.runtime.write_errors import explain_refusal
from instag.speech.chunking import features, silence
from instag.speech.registry import create, identity, require
from instag.types import SAMPLES


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
    path = features_path(clip.folder, name)
    note, sound = path.with_suffix(".json"), clip.folder / "speech.wav"
    if path.is_file() and _describes(note, sound, name):
        return load_features(path)
    given = None if fresh and _can_be_made(name) else given_features(clip.folder, name, len(clip))
    if given is not None:
        return given
    waveform = torch.from_numpy(clip.speech())
    computed = features(waveform, create(name, device=device), report).numpy()
    about = {"sound": sha256_of(sound), "front_end": identity(name), "frames": len(computed)}
    refuse_link(path.parent)
    try:
        with explain_refusal(path):
            note.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            write_atomic(note, json.dumps(about))  # first: without one they would count as given
            clip.save_features(stored_name(name), computed)
    except NotWritable:  # a clip that is read-only does not keep its features
        with suppress(OSError):
            note.unlink(missing_ok=True)
        return computed
    return load_features(path)


def features_of_silence(
    name: str,
    found: Float[np.ndarray, "f channels steps"],
    waveform: Float[np.ndarray, " samples"],
    *,
    device: str = "cpu",
) -> Float[np.ndarray, "channels steps"]:
    """The window of silence of a front end; where it cannot be made here: its window in `found` of
    the quietest frame of their sound.

    Raises BadArgument, AssetDamaged.
    """
    try:
        return silence(create(name, device=device)).numpy()
    except AssetMissing:
        sound = waveform[: len(found) * SAMPLES]
        loudness = np.square(np.pad(sound, (0, -len(sound) % SAMPLES)).reshape(-1, SAMPLES)).mean(1)
        return found[loudness.argmin()]


def _can_be_made(name: str) -> bool:
    try:
        require(name)
    except AssetMissing:
        return False
    return True


def _describes(note: Path, sound: Path, name: str) -> bool:
    """Whether a note is of this sound and front end, as far as its weights are on this machine."""
    kept = _read(note)
    if not sound.is_file() or kept.get("sound") != sha256_of(sound):
        return False
    try:
        return kept.get("front_end") == identity(name)
    except AssetMissing:
        return True


def _read(note: Path) -> dict[str, object]:
    try:
        content = json.loads(note.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
