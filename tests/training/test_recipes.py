"""Recipes: how long a course is for so many frames."""

import pytest

from instag.training import recipes


@pytest.mark.parametrize("name", recipes.RECIPES)
@pytest.mark.parametrize("frames", [50, 125, 250])
def test_ten_seconds_take_the_recipe_as_it_is(name, frames):
    recipe = recipes.recipe_named(name)
    assert recipes.grown(recipe, frames) is recipe


def test_more_seconds_make_few_longer_but_at_most_twice():
    few = recipes.few()
    steps = [recipes.grown(few, frames).face.steps for frames in (250, 400, 1000, 15_000)]
    assert steps == [5_000, 6_325, 10_000, 10_000]
    longest = recipes.grown(few, 15_000)
    assert longest.fuse.steps == 2 * few.fuse.steps
    assert longest.face.density.end == 2 * few.face.density.end
    assert longest.face.slow_field_after == few.face.slow_field_after


@pytest.mark.parametrize("name", ["draft", "long", "reference"])
def test_other_recipes_keep_their_length(name):
    recipe = recipes.recipe_named(name)
    assert recipes.grown(recipe, 15_000) == recipe
