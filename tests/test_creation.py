"""`create` hands its callbacks on, and stops where it is told to."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from instag import creation
from instag.errors import Cancelled
from instag.models.avatar import Avatar

ARTEFACTS = Path(__file__).parent / "artefacts"


def test_a_set_token_stops_the_observation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cancel, seen = Event(), []

    def prepare(video, folder, options, *, overwrite, report):
        report(1, 10)
        cancel.set()
        report(2, 10)

    monkeypatch.setattr(creation, "prepare", prepare)
    with pytest.raises(Cancelled, match="goes on from there"):
        creation.create(
            "me.mp4",
            tmp_path / "me.avatar",
            cancel=cancel,
            report=lambda *progress: seen.append(progress),
        )
    assert seen == [("observe", 1, 10), ("observe", 2, 10)]


def test_training_gets_the_token_and_the_preview(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given, avatar = {}, Avatar.open(ARTEFACTS / "audio.avatar")

    def adapt(clip, output, **options):
        given.update(options)
        return avatar

    monkeypatch.setattr(creation, "prepare", lambda *args, **options: SimpleNamespace())
    monkeypatch.setattr(creation, "adapt", adapt)
    cancel, pictures = Event(), []
    creation.create(
        "me.mp4",
        tmp_path / "me.avatar",
        cancel=cancel,
        preview=lambda stage, step, picture: pictures.append(step),
    )
    given["preview"]("face", 3, None)
    assert given["cancel"] is cancel
    assert pictures == [3]
