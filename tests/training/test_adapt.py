"""Adaptation as a whole, on a head so small that it takes seconds: it learns, it stops and goes on,
it says what it can not do."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from instag.capture.measure_action_units import measure_action_units
from instag.data.clip import Clip
from instag.data.splits import split
from instag.errors import BadArgument
from instag.models.avatar import Avatar
from instag.motion.expression_basis import load_expression_basis
from instag.synthetic import write_clip
from instag.training import recipes
from instag.training.adapt import adapt, subject_of, views_wanted
from instag.training.schedules import shortened
from instag.training.stages.adapt_mouth import MouthStage

TINY = replace(shortened(recipes.few(), 0.004), size=64, face_splats=150, mouth_splats=60)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=60, size=64).folder


def states_equal(first: Avatar, second: Avatar) -> bool:
    one, other = first.head.state_dict(), second.head.state_dict()
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) for name, value in one.items()
    )


def test_stopped_run_ends_where_an_unbroken_one_does(folder, tmp_path):
    whole = adapt(folder, tmp_path / "whole.avatar", recipe=TINY, n_views=50)

    for stage, step in (("face", 17), ("mouth", 12), ("fuse", 3)):

        def stop(name: str, done: int, total: int, stage: str = stage, step: int = step) -> None:
            if (name, done) == (stage, step):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            adapt(folder, tmp_path / "broken.avatar", recipe=TINY, n_views=50, report=stop)
        assert not (tmp_path / "broken.avatar").exists()

    begun = []
    again = adapt(
        folder,
        tmp_path / "broken.avatar",
        recipe=TINY,
        n_views=50,
        report=lambda name, done, total: begun.append((name, done)),
    )
    assert begun[0] == ("fuse", 4)
    assert states_equal(whole, again)
    assert not (folder / "training" / "broken" / "checkpoint.safetensors").exists()


def test_another_seed_starts_anew_and_the_same_seed_repeats(folder):
    first, second, third = (adapt(folder, recipe=TINY, n_views=50, seed=seed) for seed in (0, 0, 1))
    assert states_equal(first, second)
    assert not states_equal(first, third)


def test_a_mouth_that_moves_as_one_is_not_strained(folder):
    plan = replace(TINY, mouth=replace(TINY.mouth, aligner_after=0))
    subject = subject_of(
        Clip.open(folder), plan, split(60, n_views=50), 0, torch.device("cpu"), speech="motion"
    )
    stage = MouthStage(subject, plan.mouth)
    assert stage.lose(0)[0]["strain"] > 0
    torch.nn.init.zeros_(list(subject.head.mouth.field.motion.parameters())[-1])
    assert stage.lose(0)[0]["strain"] == 0


def test_pictures_come_nearer(folder):
    import json

    longer = replace(shortened(recipes.few(), 0.03), size=64, face_splats=150, mouth_splats=60)
    adapt(folder, folder / "nearer.avatar", recipe=longer, n_views=50)
    rows = [
        json.loads(line)
        for line in (folder / "training" / "nearer" / "curves.jsonl").read_text().splitlines()
    ]
    face = [row["photometric"] for row in rows if row["stage"] == "face"]
    assert face[-1] < 0.85 * face[0]


def test_every_recipe_runs(folder):
    for name in recipes.RECIPES:
        tiny = replace(
            shortened(recipes.recipe_named(name), 0.001), size=64, face_splats=100, mouth_splats=100
        )
        avatar = adapt(folder, recipe=tiny, n_views=50)
        assert avatar.info.recipe == name
        assert len(avatar) == 50


def test_silent_action_units_do_not_stop_it(folder, tmp_path):
    import shutil

    silent = tmp_path / "silent.clip"
    shutil.copytree(folder, silent)
    clip = Clip.open(silent)
    columns = {name: values * 0 for name, values in clip.action_units().items()}
    clip.save_action_units(columns, clip.track().found)
    assert len(adapt(clip, recipe=shortened(TINY, 0.2), n_views=50)) == 50


def test_expressions_that_were_not_seen_are_taught_to_whom_was_not_seen_to_blink(folder, tmp_path):
    import shutil

    blinking, staring = (
        Clip.open(shutil.copytree(folder, tmp_path / f"{name}.clip"))
        for name in ("blinking", "staring")
    )
    measure_action_units(blinking)
    track, closing = blinking.track(), blinking.action_units()["AU45"] > 0
    track.landmarks[closing] = track.landmarks[~closing][:1]
    staring.save_track(track)
    measure_action_units(staring)
    chosen, ranges, few = split(len(staring), n_views=50), {}, recipes.few()
    cases = {
        "taught": (staring, few),
        "given": (Clip.open(folder), few),
        "paper": (staring, recipes.reference()),
        "blinks": (blinking, few),
    }
    for name, (clip, recipe) in cases.items():
        subject = subject_of(
            clip,
            replace(recipe, size=64, face_splats=50, mouth_splats=50),
            chosen,
            0,
            torch.device("cpu"),
        )
        assert (subject.expressions is not None) == (name == "taught")
        ranges[name], seen = subject.head.face.field.expression_range, subject.store.expression[:50]
        if name != "taught":
            torch.testing.assert_close(ranges[name], torch.stack([seen.amin(0), seen.amax(0)]))
    assert (ranges["taught"][1] >= load_expression_basis().strongest).all()
    assert (ranges["taught"][1] >= ranges["paper"][1]).all()


def test_views_are_said_once():
    assert views_wanted(recipes.few(), None, 5.0) == 125
    assert views_wanted(recipes.few(), 100, None) == 100
    assert views_wanted(recipes.few(), None, None) == 250
    assert views_wanted(recipes.few(), -1, None) is None
    with pytest.raises(BadArgument, match="not both"):
        views_wanted(recipes.few(), 100, 5.0)
