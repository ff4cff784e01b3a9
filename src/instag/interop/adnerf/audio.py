"""Sound of the AD-NeRF family's layout as parts of a clip: the speech itself, and features that
another program made of it."""

import shutil
import struct
import wave
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int16

from instag.data.clip import MISSING_SOUND_S, Clip
from instag.data.given_features import read_instag_features
from instag.errors import BadLayout, NoSound, NotAnArtefact
from instag.interop.adnerf.layout import CHANNELS, FEATURES
from instag.media.pcm import pcm16
from instag.media.reader import probe, read_sound
from instag.media.wav import write_wav
from instag.runtime.array_files import map_array
from instag.runtime.files import atomic_path
from instag.runtime.untrusted import parsing
from instag.types import FPS, SAMPLE_RATE

REMEDY = "Make the features again, or remove the file."
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi")
SLACK = 10
"""Frames of features that may be missing at the end; the last ones are repeated, as the family's
readers do."""
LONGER = 25
"""Frames of features beyond the last picture that are cut: sound goes on after the picture."""


def copy_sound(folder: Path, clip: Clip, *, start: int) -> list[str]:
    """Write speech.wav, as long as the frames, from the frame `start` on: aud.wav, else another
    sound file, else a video's; a note where it is silent. Raises NoSound, BadLayout."""
    path = _find_sound(folder)
    samples = _pcm(path)
    first, length = start * SAMPLE_RATE // FPS, len(clip) * SAMPLE_RATE // FPS
    samples = samples[first : first + length]
    if (missing := (length - len(samples)) / SAMPLE_RATE) > MISSING_SOUND_S:
        raise BadLayout(
            f"{path} ends {missing:.1f} s before the frames do. Put the sound of the frames there: "
            f"ffmpeg -i VIDEO -ar 16000 {folder / 'aud.wav'}"
        )
    samples = np.pad(samples, (0, length - len(samples)))
    with atomic_path(clip.folder / "speech.wav") as temporary:
        write_wav(temporary, samples)
    silent = f"{path} is silent: no mouth can be learned from it."
    return [] if samples.any() else [silent]


def _find_sound(folder: Path) -> Path:
    sounds = [folder / "aud.wav", *sorted(folder.glob("*.wav"))]
    for path in sounds:
        if path.is_file():
            return path
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in VIDEOS and probe(path).has_sound:
            return path
    raise NoSound(
        f"{folder} has neither aud.wav nor a video with sound. Put the sound of the frames there: "
        f"ffmpeg -i VIDEO -ar 16000 {folder / 'aud.wav'}"
    )


def _pcm(path: Path) -> Int16[np.ndarray, " samples"]:
    """16 kHz, mono, 16 bit: the file's own samples where it is of that form, else converted."""
    try:
        with wave.open(str(path)) as stored:
            if (stored.getnchannels(), stored.getsampwidth(), stored.getframerate()) == (
                1,
                2,
                SAMPLE_RATE,
            ):
                most = path.stat().st_size // 2  # a header may name more
                return np.frombuffer(stored.readframes(min(stored.getnframes(), most)), np.int16)
    except (wave.Error, EOFError, ValueError, OverflowError, struct.error):
        pass  # another form: the media library reads it
    return pcm16(read_sound(path, SAMPLE_RATE))


def copy_features(
    folder: Path, sidecar: Path | None, ids: range, clip: Clip, pictures: int | None = None
) -> list[str]:
    """Write features/mel.npy, always, and what the layout holds of other front ends; says what was
    taken and what could not be. pictures: of the whole folder, where `ids` are a part. Raises
    BadLayout."""
    notes = []
    for name, front_end in FEATURES.items():
        if not (folder / name).is_file():
            continue
        front_end = front_end or CHANNELS.get(_channels(folder / name))
        if front_end is None:
            notes.append(
                f"{name} has {_channels(folder / name)} channels, which no front end that is known "
                "here has: it was left out."
            )
            continue
        table = _read(folder / name, front_end)
        most = max(ids.stop, pictures or 0)
        if not ids.stop - SLACK <= len(table) <= most + LONGER:
            notes.append(
                f"{name} has {len(table)} frames for {most} pictures: it is of another sound, or "
                "of sound at another rate than 16 kHz, and was left out."
            )
        elif not (clip.folder / "features" / f"{front_end}.npy").is_file():
            table = np.concatenate(
                [table, np.repeat(table[-1:], max(0, ids.stop - len(table)), axis=0)]
            )
            clip.save_features(front_end, table[ids.start : ids.stop])
    if sidecar is not None and (sidecar / "features" / "mel.npy").is_file():
        shutil.copyfile(sidecar / "features" / "mel.npy", _features_file(clip, "mel"))
        return notes
    import torch

    from instag.speech.chunking import features
    from instag.speech.registry import create

    with torch.no_grad():
        clip.save_features("mel", features(torch.from_numpy(clip.speech()), create("mel")).numpy())
    return notes


def _read(path: Path, front_end: str) -> Float[np.ndarray, "f channels steps"]:
    """The family's features in our windows. Raises BadLayout."""
    try:
        return read_instag_features(path, front_end).numpy()
    except NotAnArtefact as error:
        raise BadLayout(f"{error} {REMEDY}") from error


def _channels(path: Path) -> int:
    """Numbers of the last axis. Raises BadLayout."""
    with parsing(path, "a table of frames x steps x channels", REMEDY, error=BadLayout):
        shape = map_array(path).shape
    return shape[-1] if shape else 0


def _features_file(clip: Clip, name: str) -> Path:
    path = clip.folder / "features" / f"{name}.npy"
    path.parent.mkdir(exist_ok=True)
    return path
