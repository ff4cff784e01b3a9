"""What tests of the command line share."""

from pathlib import Path

import pytest


@pytest.fixture
def empty_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with inputs of every kind that hold nothing: commands look at them
    first."""
    folder = tmp_path / "inputs"
    (folder / "me.clip").mkdir(parents=True)
    for name in ("me.mp4", "me.avatar", "speech.wav"):
        (folder / name).touch()
    monkeypatch.chdir(folder)
    return folder
