"""Warming up: what the later stages of observation load is loaded while the first one extracts
frames, of which a network on one core takes the most time."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import numpy as np


@contextmanager
def warming_up() -> Iterator[None]:
    """Warm up in a thread while the block runs."""
    thread = Thread(target=_load, name="warming up")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _load() -> None:
    """Import the modules of the later stages; garbage is collected, as the block makes some. Before
    numba runs any kernel it fills tables of its own, which takes it a second."""
    import instag.capture.quality.report
    import instag.capture.segmentation.background
    import instag.capture.segmentation.label
    import instag.capture.segmentation.matting
    import instag.capture.segmentation.torso
    import instag.capture.tracking.head_alignment  # noqa: F401
    from instag.perception.connected_components import Components

    Components.of(np.zeros((2, 2), bool))
