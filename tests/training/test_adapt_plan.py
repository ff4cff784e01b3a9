"""What a user's choices for an adaptation come to."""

import pytest

from instag.errors import BadArgument
from instag.training import recipes
from instag.training.adapt_plan import views_wanted


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
