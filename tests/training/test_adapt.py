"""Adaptation as a whole, on a head so small that it takes seconds: it learns, it stops and goes on,
it says what it can not do."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from instag.data.clip import Clip
from instag.models.avatar import Avatar
from instag.rendering.reference import ReferenceRenderer
from instag.training import recipes
from instag.training.adapt import adapt
from instag.training.adapt_plan import AdaptPlan
from instag.training.adapt_recipe import AdaptRecipe
from instag.training.head_start import head_training
from instag.training.metrics_writer import METRICS
from instag.training.schedules import NEVER, shortened
from instag.training.stages.adapt_face import FaceStage
from instag.training.stages.adapt_mouth import MouthStage
from shared_files import copied_clip
from training.tiny_heads import TINY, inputs_of

SHORT = replace(
    shortened(recipes.few(), 0.002),
    cpu_batch=1,
    course_batch=1,
    size=64,
    face_splats=150,
    mouth_splats=60,
)
"""10, 10 and 2 steps, in each of which every loss is active at last."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=60).folder


def states_equal(first: Avatar, second: Avatar) -> bool:
    one, other = first.head.state_dict(), second.head.state_dict()
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) for name, value in one.items()
    )


def test_stopped_run_ends_where_an_unbroken_one_does(folder, tmp_path):
    whole = adapt(folder, tmp_path / "whole.avatar", recipe=SHORT, n_views=50)

    for stage, step in (("face", 9), ("mouth", 6), ("fuse", 1)):

        def stop(name: str, done: int, total: int, stage: str = stage, step: int = step) -> None:
            if (name, done) == (stage, step):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            adapt(folder, tmp_path / "broken.avatar", recipe=SHORT, n_views=50, report=stop)
        assert not (tmp_path / "broken.avatar").exists()

    begun = []
    again = adapt(
        folder,
        tmp_path / "broken.avatar",
        recipe=SHORT,
        n_views=50,
        report=lambda name, done, total: begun.append((name, done)),
    )
    assert begun[0] == ("fuse", 2)
    assert states_equal(whole, again)
    assert not list((folder / "training" / "broken").glob("checkpoint*"))


def test_another_seed_starts_anew_and_the_same_seed_repeats(folder):
    first, second, third = (
        adapt(folder, recipe=SHORT, n_views=50, seed=seed) for seed in (0, 0, 1)
    )
    assert states_equal(first, second)
    assert not states_equal(first, third)


def test_pictures_come_nearer(folder):
    longer = replace(TINY, face=shortened(recipes.few(), 0.03).face)
    adapt(folder, folder / "nearer.avatar", recipe=longer, n_views=50)
    rows = [
        json.loads(line)
        for line in (folder / "training" / "nearer" / METRICS).read_text().splitlines()
    ]
    face = [row["photometric"] for row in rows if row["stage"] == "face"]
    assert face[-1] < 0.85 * face[0]


def test_every_recipe_runs(folder):
    for name in recipes.RECIPES:
        tiny = replace(
            shortened(recipes.recipe_named(name), 0.0005),
            size=64,
            face_splats=100,
            mouth_splats=100,
        )
        avatar = adapt(folder, recipe=tiny, n_views=50)
        assert avatar.info.recipe == name
        assert len(avatar) == 50


def test_silent_action_units_do_not_stop_it(folder, tmp_path):
    silent = tmp_path / "silent.clip"
    shutil.copytree(folder, silent)
    clip = Clip.open(silent)
    columns = {name: values * 0 for name, values in clip.action_units().items()}
    clip.save_action_units(columns, clip.track().found)
    assert len(adapt(clip, recipe=shortened(TINY, 0.2), n_views=50)) == 50


def test_a_run_dir_apart_leaves_the_clip_as_it_is(folder, tmp_path):
    shutil.copytree(folder, clip := tmp_path / "shared.clip", ignore=lambda *_: ["training"])
    before = {path: path.stat().st_mtime_ns for path in clip.rglob("*")}
    apart = tmp_path / "runs" / "me"
    adapt(clip, tmp_path / "me.avatar", recipe=shortened(TINY, 0.2), n_views=50, run_dir=apart)
    assert {path: path.stat().st_mtime_ns for path in clip.rglob("*")} == before
    assert (apart / METRICS).exists()


def test_heads_learn_with_the_perceptual_distance_unless_it_weighs_nothing(folder, tmp_path):
    def terms(recipe: AdaptRecipe) -> tuple[set[str], object]:
        avatar = adapt(folder, recipe=recipe, n_views=50, run_dir=tmp_path / recipe.name)
        written = (tmp_path / recipe.name / METRICS).read_text()
        rows = [json.loads(line) for line in written.splitlines()]
        return {name for row in rows for name in row}, avatar.info.training["perceptual"]

    names, said = terms(SHORT)
    assert said
    assert "perceptual" in names
    never = replace(
        SHORT,
        name="without",
        face=replace(SHORT.face, perceptual=NEVER),
        fuse=replace(SHORT.fuse, perceptual=NEVER),
    )
    names, said = terms(never)
    assert not said
    assert "perceptual" not in names


def test_no_labels_are_fitted_that_a_recipe_does_not_weigh(folder, monkeypatch):
    from instag.training.supervision import head_landmarks

    def fitted(*arguments: object, **named: object) -> None:
        raise AssertionError("something was fitted")

    for name in ("pseudo_labeler", "fit_speech_map", "fit_prior_map", "spoken_codes"):
        monkeypatch.setattr(head_landmarks, name, fitted)
    monkeypatch.setattr("instag.training.adapt_inputs.features_of_silence", fitted)
    tiny = replace(
        shortened(recipes.reference(), 0.001), size=64, face_splats=100, mouth_splats=100
    )
    assert len(adapt(folder, recipe=tiny, n_views=50)) == 50
    with pytest.raises(AssertionError, match="fitted"):
        adapt(folder, recipe=TINY, n_views=50)


def test_of_a_longer_video_some_pictures_and_all_seconds_are_learned_from(folder, tmp_path):
    plans: list[AdaptPlan] = []
    recipe = replace(TINY, pictures=20)
    clip = Clip.open(folder)
    inputs = inputs_of(clip, recipe, front_end="motion")
    assert len(inputs.pictured) == 20
    assert inputs.split.train == range(50)
    assert inputs.features.shape[0] == 50
    training = head_training(inputs, recipe, None, ReferenceRenderer(), seed=0)
    face = FaceStage(training, recipe.face)
    loaded = [face.loader(step) for step in range(30)]
    assert {int(frames.indices) for frames, _ in loaded} <= set(inputs.pictured)
    assert all(inputs.pictured[int(rows)] == int(frames.indices) for frames, rows in loaded)
    hooks = MouthStage(training, recipe.mouth).hooks
    assert len(hooks.extremes) == 20
    avatar = adapt(folder, recipe=recipe, n_views=50, run_dir=tmp_path, on_plan=plans.append)
    assert len(avatar) == 50
    assert avatar.info.training["pictures"] == 20
    assert avatar.info.training["train"] == [0, 50]
    assert plans[0].frames.train == range(50)
    assert plans[0].unused_frames == 10
