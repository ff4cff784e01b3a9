"""`create` hands its callbacks on, and stops where it is told to."""

from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from instag import creation
from instag.errors import BadArgument, Cancelled, FileMissing
from instag.models.avatar import Avatar
from instag.training.options import TrainingOptions

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


@pytest.mark.parametrize(
    ("training", "error", "words"),
    [
        (TrainingOptions(prior=Path("nothere.prior")), FileMissing, "no file nothere.prior"),
        (TrainingOptions(prior=Path("bundled"), speech="mel"), BadArgument, "front end"),
        (TrainingOptions(n_views=100, seconds=3.0), BadArgument, "not both"),
    ],
)
def test_what_no_video_can_mend_is_told_before_one_is_observed(
    training: TrainingOptions,
    error: type[Exception],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(creation, "prepare", lambda *_, **__: pytest.fail("it was observed"))
    with pytest.raises(error, match=words):
        creation.create("me.mp4", tmp_path / "me.avatar", training=training)
