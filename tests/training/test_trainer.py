"""The trainer: it stops where its caller says so and goes on to the same end, and shows what it
renders only where somebody looks."""

from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import torch

from instag.errors import Cancelled
from instag.training import recipes, trainer
from instag.training.adapt import adapt
from instag.training.metrics_writer import Row
from instag.training.pretrain import pretrain
from instag.training.pretrain_recipes import default
from instag.training.schedules import shortened
from shared_files import copied_clip

TINY = replace(
    shortened(recipes.few(), 0.002),
    cpu_batch=1,
    course_batch=1,
    size=64,
    face_splats=100,
    mouth_splats=50,
)
TINY_PRIOR = replace(shortened(default(), 0.0008), size=64, face_splats=100, mouth_splats=50)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=60).folder


@pytest.mark.parametrize("stopped", [("mouth", 6), ("fuse", 3)])
def test_a_cancelled_head_goes_on_to_the_same_end(
    clip: Path, tmp_path: Path, stopped: tuple[str, int]
) -> None:
    name, done = stopped
    recipe = replace(TINY, fuse=replace(TINY.fuse, steps=4, averaged_steps=2))
    whole = adapt(clip, recipe=recipe, n_views=50, run_dir=tmp_path / "whole")
    cancel, seen = Event(), []

    def report(stage: str, at: int, total: int) -> None:
        seen.append((stage, at))
        if (stage, at) == stopped:
            cancel.set()

    settings = {"recipe": recipe, "n_views": 50, "run_dir": tmp_path / "broken", "report": report}
    with pytest.raises(Cancelled, match=f"'{name}' after {done} of"):
        adapt(clip, tmp_path / "me.avatar", cancel=cancel, **settings)
    assert not (tmp_path / "me.avatar").exists()
    seen.clear()
    again = adapt(clip, **settings)
    assert seen[0] == (name, done + 1)
    for name, value in whole.head.state_dict().items():
        assert torch.equal(again.head.state_dict()[name], value), name


def test_a_cancelled_prior_goes_on_to_the_same_end(clip: Path, tmp_path: Path) -> None:
    whole = pretrain([clip], recipe=TINY_PRIOR, run_dir=tmp_path / "whole")
    cancel, begun = Event(), []
    cancel.set()
    with pytest.raises(Cancelled, match="'face' after 1 of"):
        pretrain([clip], recipe=TINY_PRIOR, run_dir=tmp_path / "broken", cancel=cancel)
    again = pretrain(
        [clip],
        recipe=TINY_PRIOR,
        run_dir=tmp_path / "broken",
        report=lambda stage, done, total: begun.append((stage, done)),
    )
    assert begun[0] == ("face", 2)
    assert again.digest() == whole.digest()


def test_previews_and_metrics_are_handed_out(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "PREVIEW_S", -1.0)
    shown: list[tuple[str, int, np.ndarray]] = []
    rows: list[Row] = []
    watched = adapt(
        clip,
        recipe=TINY,
        n_views=50,
        run_dir=tmp_path / "watched",
        preview=lambda stage, step, picture: shown.append((stage, step, picture)),
        on_metrics=rows.append,
    )
    assert {stage for stage, _, _ in shown} == {str(row["stage"]) for row in rows}
    assert len(shown) == TINY.face.steps + TINY.mouth.steps + TINY.fuse.steps
    assert all(picture.dtype == np.uint8 for _, _, picture in shown)
    assert all(picture.shape[2] == 3 for _, _, picture in shown)
    corners = {stage: [] for stage, _, _ in shown}
    for stage, _, picture in shown:
        corners[stage].append(picture[0, 0])
    for stage in ("face", "mouth"):  # whatever colour the losses put behind
        assert np.abs(np.array(corners[stage], int) - 128).max() <= 1, stage
    assert np.abs(np.array(corners["fuse"], int) - 128).max() > 1
    alone = adapt(clip, recipe=TINY, n_views=50, run_dir=tmp_path / "alone")
    for name, value in alone.head.state_dict().items():
        assert torch.equal(watched.head.state_dict()[name], value), name
