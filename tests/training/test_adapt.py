"""Adaptation as a whole, on a head so small that it takes seconds: it learns, it stops and goes on,
it says what it can not do."""

import json
import shutil
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
from instag.motion.expression_displacement import BLINK_ROW, ENOUGH
from instag.rendering.reference import ReferenceRenderer
from instag.training import recipes
from instag.training.adapt import adapt, head_training, initialize_head
from instag.training.adapt_inputs import AdaptInputs, load_inputs
from instag.training.adapt_plan import AdaptPlan, views_wanted
from instag.training.run_dir import METRICS
from instag.training.schedules import shortened
from instag.training.stages.adapt_face import FaceStage
from instag.training.stages.adapt_mouth import MouthStage
from instag.training.stages.stage import Step
from instag.types import BLINK_LIMIT
from shared_files import copied_clip

TINY = replace(
    shortened(recipes.few(), 0.004), cpu_batch=1, size=64, face_splats=150, mouth_splats=60
)
SHORT = replace(
    shortened(recipes.few(), 0.002), cpu_batch=1, size=64, face_splats=150, mouth_splats=60
)
"""10, 10 and 2 steps, in each of which every loss is active at last."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied_clip(tmp_path_factory.mktemp("clip") / "me.clip", frames=60).folder


def inputs_of(clip: Clip, recipe: recipes.AdaptRecipe, front_end: str = "mel") -> AdaptInputs:
    frames = split(len(clip), n_views=50)
    return load_inputs(clip, recipe, frames, front_end=front_end, device=torch.device("cpu"))


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


def test_a_mouth_that_moves_as_one_is_not_strained(folder):
    plan = replace(TINY, mouth=replace(TINY.mouth, aligner_after=0))
    inputs = inputs_of(Clip.open(folder), plan, front_end="motion")
    training = head_training(inputs, plan, None, ReferenceRenderer(), seed=0)
    stage = MouthStage(training, plan.mouth)
    step = Step(person_step=0, people=[training.person])
    assert stage.compute_losses(step).losses["neighbor_strain"] > 0
    torch.nn.init.zeros_(list(training.head.mouth.field.motion.parameters())[-1])
    assert stage.compute_losses(step).losses["neighbor_strain"] == 0


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


def test_expressions_that_were_not_seen_are_taught(folder, tmp_path):
    blinking, staring = (
        Clip.open(shutil.copytree(folder, tmp_path / f"{name}.clip"))
        for name in ("blinking", "staring")
    )
    measure_action_units(blinking)
    track, closing = blinking.track(), blinking.action_units()["AU45"] > 0
    track.landmarks[closing] = track.landmarks[~closing][:1]
    staring.save_track(track)
    measure_action_units(staring)
    ranges, few, lacking = {}, recipes.few(), {}
    cases = {
        "staring": (staring, few),
        "given": (Clip.open(folder), few),
        "paper": (staring, recipes.reference()),
        "blinking": (blinking, few),
    }
    for name, (clip, recipe) in cases.items():
        small = replace(recipe, size=64, face_splats=50, mouth_splats=50)
        inputs = inputs_of(clip, small)
        head = initialize_head(inputs, small, None, seed=0)
        assert (inputs.expressions is not None) == (name in ("staring", "blinking"))
        ranges[name], seen = head.face.field.expression_range, inputs.dataset.expression[:50]
        if inputs.expressions is not None:
            lacking[name] = inputs.expressions.flow.strongest > 0
            assert ranges[name][1, BLINK_ROW] >= BLINK_LIMIT
        else:
            torch.testing.assert_close(ranges[name], torch.stack([seen.amin(0), seen.amax(0)]))
    assert lacking["staring"][BLINK_ROW]
    assert not lacking["blinking"][BLINK_ROW]
    # Units that the person shows enough of keep the person's own range.
    strongest = load_expression_basis().strongest
    least = torch.where(lacking["staring"], 1.0, ENOUGH) * strongest
    assert (ranges["staring"][1] >= least).all()
    assert (ranges["staring"][1] >= ranges["paper"][1]).all()


def test_a_run_dir_apart_leaves_the_clip_as_it_is(folder, tmp_path):
    shutil.copytree(folder, clip := tmp_path / "shared.clip", ignore=lambda *_: ["training"])
    before = {path: path.stat().st_mtime_ns for path in clip.rglob("*")}
    apart = tmp_path / "runs" / "me"
    adapt(clip, tmp_path / "me.avatar", recipe=shortened(TINY, 0.2), n_views=50, run_dir=apart)
    assert {path: path.stat().st_mtime_ns for path in clip.rglob("*")} == before
    assert (apart / METRICS).exists()


def test_heads_learn_with_the_perceptual_distance_unless_it_weighs_nothing(folder, tmp_path):
    def terms(recipe: recipes.AdaptRecipe) -> tuple[set[str], object]:
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
        face=replace(SHORT.face, perceptual=recipes.NEVER),
        fuse=replace(SHORT.fuse, perceptual=recipes.NEVER),
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


def test_views_are_said_once():
    few, paper = recipes.few(), recipes.reference()
    assert views_wanted(few, None, 5.0, frames=500) == 125
    assert views_wanted(few, 100, None, frames=500) == 100
    assert views_wanted(few, None, None, frames=500) is None
    assert views_wanted(paper, None, None, frames=500) == 250
    assert views_wanted(paper, None, None, frames=260) is None, "nothing were left to test on"
    assert views_wanted(paper, -1, None, frames=500) is None
    with pytest.raises(BadArgument, match="not both"):
        views_wanted(few, 100, 5.0, frames=500)


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
