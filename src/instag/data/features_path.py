"""Where a clip's speech features lie: our own and given ones as features/NAME.npy, or as the
original's own scripts stored them."""

from dataclasses import dataclass
from pathlib import Path

from instag.speech.registry import require


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


def check_features(folder: Path, name: str) -> None:
    """Check, before any work, that a clip in `folder`, or one that is made there, can have features
    of this name. Raises BadArgument, AssetMissing."""
    if not features_path(folder, name).is_file() and find_instag_features(folder, name) is None:
        require(name)
