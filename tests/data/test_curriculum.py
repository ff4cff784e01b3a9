"""The choice of the next frame."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from instag.data.curriculum import choose, growing_down, sliding


@given(
    values=st.lists(st.floats(0, 5), min_size=1, max_size=60),
    step=st.integers(0, 1000),
    progress=st.floats(-0.5, 1.5),
    count=st.integers(1, 5),
)
def test_always_answers_with_frames_that_exist(values, step, progress, count):
    column = torch.tensor(values, dtype=torch.float32)
    for window in (sliding(column, every=3), growing_down(column, every=3)):
        drawn = choose(
            window,
            step=step,
            progress=progress,
            count=count,
            frames=len(values),
            generator=torch.Generator().manual_seed(0),
        )
        assert len(drawn) == count
        assert all(0 <= frame < len(values) for frame in drawn)


def test_silent_column_does_not_hang():
    window = sliding(torch.zeros(40), every=1)
    assert (
        len(
            choose(
                window,
                step=0,
                progress=0.5,
                count=3,
                frames=40,
                generator=torch.Generator().manual_seed(0),
            )
        )
        == 3
    )


def test_window_slides_from_small_to_large():
    values = torch.arange(100.0)
    window, generator = sliding(values, every=1, width=0.2), torch.Generator().manual_seed(0)
    early = choose(window, step=0, progress=0.0, count=50, frames=100, generator=generator)
    late = choose(window, step=0, progress=1.0, count=50, frames=100, generator=generator)
    assert max(early) <= 20
    assert min(late) >= 79


def test_growing_window_takes_in_smaller_values():
    window = growing_down(torch.arange(100.0), every=1)
    assert window.bounds(0.0)[0] > window.bounds(1.0)[0]
    assert window.bounds(0.0)[1] == window.bounds(1.0)[1] == 99
