"""Sound in, pieces of exact length out; silence once there is no more."""

import numpy as np
import pytest

from instag.media.sound_queue import SampleQueue, SoundCutter


def test_samples_come_out_in_order_however_they_went_in() -> None:
    whole, random = np.arange(1, 1001, dtype=np.float32), np.random.default_rng(0)
    queue, taken, start = SampleQueue(), [], 0
    while start < len(whole):
        end = start + int(random.integers(0, 90))
        queue.push(whole[start:end])
        start = end
        if len(queue) >= 64:
            taken.append(queue.take(64))
    taken.append(queue.take(len(queue)))
    np.testing.assert_array_equal(np.concatenate(taken), whole)
    assert len(queue) == 0


def test_silence_follows() -> None:
    queue = SampleQueue()
    queue.push(np.ones(3, np.float32))
    assert queue.take(5).tolist() == [1, 1, 1, 0, 0]


@pytest.mark.parametrize("rate", [16_000, 44_100, 7_777])
def test_pieces_of_frames_add_up(rate: int) -> None:
    read = []

    def pieces():
        for index in range(10):
            read.append(index)
            yield np.full(rate // 10, index, np.float32)

    cutter = SoundCutter(pieces(), rate, 25)
    first = cutter.next_frame()
    assert read == [0]
    cut = [first, *(cutter.next_frame() for _ in range(49))]
    assert abs(len(first) - rate / 25) < 1
    assert sum(map(len, cut)) == 2 * rate
    assert not np.concatenate(cut)[rate:].any()
