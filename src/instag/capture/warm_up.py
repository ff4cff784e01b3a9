"""Warming up: what the later stages of observation load is loaded while the first one reads the
video. Torch takes longest, and only one core."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import numpy as np

from instag.runtime.garbage import loading_uncollected
from instag.runtime.threads import compute_alone


@contextmanager
def warming_up() -> Iterator[None]:
    """Warm up in a thread while the block runs."""
    thread = Thread(target=load_stages, name="warming up")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def load_stages() -> None:
    """Import the modules of the later stages. Before numba runs any kernel it fills tables of its
    own, which takes it a second."""
    with loading_uncollected():
        _load()


def _load() -> None:
    compute_alone()
    import instag.capture.quality.report
    import instag.capture.segmentation.background
    import instag.capture.segmentation.label
    import instag.capture.segmentation.matting
    import instag.capture.segmentation.torso
    import instag.capture.tracking.head_alignment
    import instag.data.speech_features
    import instag.speech.lips.audio_offset  # noqa: F401
    from instag.perception.connected_components import Components

    Components.of(np.zeros((2, 2), bool))
