"""When terms are on, how rates fall, and what shortening keeps."""

from dataclasses import dataclass

import pytest

from instag.errors import BadArgument
from instag.training.recipes import RECIPES, few, recipe_named
from instag.training.schedules import (
    After,
    Always,
    Between,
    Steps,
    Term,
    decay,
    in_larger_steps,
    log_ramp,
    shortened,
)


def test_terms_are_on_when_they_say():
    assert [Term(weight=2.0, active=After(3))(step) for step in (0, 2, 3, 99)] == [0, 0, 2, 2]
    assert [Between(3, 5)(step) for step in (2, 3, 4, 5)] == [False, True, True, False]
    assert Term(weight=2.0, active=Always())(0) == 2


def test_rates_fall():
    assert decay(1.0, 0.5, 100)(100) == pytest.approx(0.5)
    assert decay(1.0, 0.5, 100, warmup_steps=10)(0) == pytest.approx(0.1)
    assert log_ramp(1e-2, 1e-4, 100)(50) == pytest.approx(1e-3)
    assert log_ramp(1e-2, 1e-4, 100)(500) == pytest.approx(1e-4)


def test_shortening_scales_steps_at_any_depth_and_nothing_else():
    @dataclass(frozen=True, kw_only=True)
    class Inner:
        term: Term
        size: int

    @dataclass(frozen=True, kw_only=True)
    class Outer:
        steps: Steps
        inner: Inner

    short = shortened(
        Outer(steps=100, inner=Inner(term=Term(weight=3.0, active=After(50)), size=100)), 0.1
    )
    assert short == Outer(steps=10, inner=Inner(term=Term(weight=3.0, active=After(5)), size=100))


def test_reference_has_the_papers_numbers():
    recipe = recipe_named("reference")
    assert (recipe.face.steps, recipe.mouth.steps, recipe.fuse.steps) == (10_000, 10_000, 2_000)
    assert (recipe.face.batch, recipe.face_splats, recipe.mouth_splats) == (1, 2_000, 5_000)


def test_few_compares_geometry_with_pictures_of_half_the_size_alone():
    face = in_larger_steps(few().face, 16)
    compared = [step for step in range(face.steps) if face.depth(step) and face.normals(step)]
    assert compared == list(range(face.steps // 2, face.coarse_steps))


def test_every_recipe_can_be_made_and_shortened():
    for name in RECIPES:
        recipe = recipe_named(name)
        assert recipe.name == name
        assert shortened(recipe, 0.01).face.steps < recipe.face.steps


def test_long_has_no_geometry_priors():
    recipe = recipe_named("long")
    assert recipe.face.normals.weight == recipe.face.depth.weight == 0
    assert few().face.normals.weight > 0


def test_unknown_recipe_is_said():
    with pytest.raises(BadArgument, match="draft, few"):
        recipe_named("fast")


def test_larger_steps_see_as_many_frames():
    from instag.training.adapt_recipe import batched
    from instag.training.recipes import long

    recipe = long()
    larger = batched(recipe, 8)
    assert larger.face.batch == 8
    assert larger.face.steps == round(recipe.face.steps / 8)
    assert larger.mouth.density.end == round(recipe.mouth.density.end / 8)
    assert larger.face.density.every == round(recipe.face.density.every / 8)
    assert batched(recipe, 1) == recipe


def test_a_short_course_sees_fewer_frames_in_smaller_steps():
    from instag.training.adapt_recipe import batched
    from instag.training.recipes import few

    recipe = few()
    seen = {
        frames: [stage.steps * frames for stage in (course.face, course.mouth, course.fuse)]
        for frames in (1, 4, 8, 16, 32)
        for course in [batched(recipe, frames)]
    }
    whole = [stage.steps for stage in (recipe.face, recipe.mouth, recipe.fuse)]
    assert seen[16] == pytest.approx(whole, rel=0.01)
    assert seen[32] == pytest.approx(whole, rel=0.03)
    assert seen[4] == pytest.approx([0.707 * steps for steps in whole], rel=0.01)
    assert seen[1] == pytest.approx(seen[4], rel=0.01)
    between = zip(seen[4], seen[8], whole, strict=True)
    assert all(least < some < most for least, some, most in between)
    assert batched(recipe, 4).face.slow_field_after == round(
        (recipe.face.slow_field_after or 0) / 4
    )


def test_a_shorter_schedule_keeps_what_it_needs_whole():
    from instag.training.recipes import base, few
    from instag.training.schedules import shortened

    assert shortened(base(), 0.1).face.slow_field_after == few().face.slow_field_after
