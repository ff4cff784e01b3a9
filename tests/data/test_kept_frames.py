"""Frames that are kept: read once, and the ones used longest ago dropped."""

import numpy as np

from instag.data.kept_frames import KeptFrames, Parts


class Reads:
    """Frames of so many bytes, and which of them were read."""

    def __init__(self, size: int) -> None:
        self.size, self.done = size, []

    def __call__(self, number: int) -> Parts:
        self.done.append(number)
        return np.zeros(self.size, np.uint8), np.full(self.size, number, np.uint8)


def asked(kept: KeptFrames, reads: Reads, *numbers: int) -> list[int]:
    return [int(kept.get(number, lambda number=number: reads(number))[1][0]) for number in numbers]


def test_a_frame_is_read_once() -> None:
    kept, reads = KeptFrames(10**6), Reads(100)
    assert asked(kept, reads, 1, 2, 1, 2) == [1, 2, 1, 2]
    assert reads.done == [1, 2]


def test_beyond_the_limit_the_ones_used_longest_ago_go() -> None:
    kept, reads = KeptFrames(600), Reads(100)
    asked(kept, reads, 1, 2, 3, 1, 4)
    asked(kept, reads, 1, 3, 4, 2)
    assert reads.done == [1, 2, 3, 4, 2], "2 was used longest ago when 4 came"


def test_a_frame_larger_than_the_limit_is_given_all_the_same() -> None:
    kept, reads = KeptFrames(10), Reads(100)
    assert asked(kept, reads, 5, 5, 6, 5) == [5, 5, 6, 5]
    assert reads.done == [5, 6, 5]
