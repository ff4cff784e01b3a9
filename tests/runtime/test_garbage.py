"""Garbage is left alone for a while."""

import gc

from instag.runtime.garbage import loading_uncollected


def test_garbage_is_collected_again_after_loading() -> None:
    with loading_uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count()
    gc.unfreeze()
