"""Garbage is left alone for a while."""

import gc
import sys
import weakref

import pytest

from instag.runtime.garbage import loading_uncollected


class Circle:
    """Garbage as soon as nobody else refers to it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def unloaded_module():
    """The name of a module that can be loaded anew."""
    kept = sys.modules.pop("colorsys", None)
    yield "colorsys"
    gc.unfreeze()
    if kept is not None:
        sys.modules["colorsys"] = kept


def test_what_a_block_loads_is_not_looked_through_again(unloaded_module) -> None:
    with loading_uncollected():
        assert not gc.isenabled()
        __import__(unloaded_module)
    assert gc.isenabled()
    assert gc.get_freeze_count()


def test_garbage_of_before_is_given_back(unloaded_module) -> None:
    circle = weakref.ref(Circle())
    with loading_uncollected():
        __import__(unloaded_module)
    assert circle() is None


def test_a_block_that_loads_nothing_keeps_nothing() -> None:
    frozen = gc.get_freeze_count()
    with loading_uncollected():
        circle = weakref.ref(Circle())
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
    gc.collect()
    assert circle() is None
