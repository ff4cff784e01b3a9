"""A frame mailbox between threads and an event loop."""

import asyncio

import numpy as np
import pytest

from instag.synthesis.live.frame_mailbox import FrameMailbox, MailboxClosed, PictureFrame
from instag.types import SAMPLES

LOUD = np.ones(SAMPLES, np.float32)


def test_sounds_come_in_their_order_and_of_pictures_the_latest():
    async def taken() -> list:
        mailbox = FrameMailbox()
        for number in range(3):
            mailbox.sound(number, LOUD)
            mailbox.picture(number, np.zeros((2, 2, 3), np.uint8))
        frames = [await mailbox.next_frame() for _ in range(4)]
        mailbox.closed()
        with pytest.raises(MailboxClosed):
            await mailbox.next_frame()
        return frames

    frames = asyncio.run(taken())
    assert [frame.number for frame in frames] == [0, 1, 2, 2]
    assert isinstance(frames[3], PictureFrame)


def test_a_frame_from_before_an_interruption_is_silent():
    async def taken() -> list:
        mailbox = FrameMailbox()
        mailbox.sound(4, LOUD)
        mailbox.cleared(6)
        mailbox.sound(5, LOUD)
        mailbox.silence(6)
        mailbox.sound(7, LOUD)
        assert await mailbox.next_message() == {"type": "cleared", "frame": 6}
        assert mailbox.first == 6
        found = [await mailbox.next_sound() for _ in range(3)]
        assert await mailbox.next_message() == {"type": "said", "frame": 7}
        return found

    frames = asyncio.run(taken())
    assert [frame.number for frame in frames] == [5, 6, 7]
    assert [frame.said for frame in frames] == [False, False, True]
    assert [frame.samples.max() for frame in frames] == [0, 0, 1]
