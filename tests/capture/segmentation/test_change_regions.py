"""Regions that are changed are those of the same frame, all of them, and progress is told."""

from pathlib import Path

import numpy as np

from bare_clip import bare_info
from instag.capture.segmentation.change_regions import change_regions
from instag.data.clip import Clip
from instag.types import Region


def test_each_frame_changes_its_own_regions(tmp_path: Path) -> None:
    info = bare_info(3, width=24, height=16)
    clip = Clip(folder=tmp_path, info=info)
    bright = np.zeros((3, 16, 24), bool)
    for index in range(3):
        bright[index, index : index + 5] = True
        clip.save_frame(index, np.repeat(bright[index, ..., None], 3, 2).astype(np.uint8) * 255)
        clip.save_regions(index, np.full((16, 24), index + 1, np.uint8))
    told = []
    change_regions(
        clip,
        lambda regions, frame: np.where(frame[..., 0] > 127, np.uint8(Region.HAIR), regions),
        lambda done, of: told.append((done, of)),
    )
    for index in range(3):
        expected = np.where(bright[index], Region.HAIR, index + 1)
        np.testing.assert_array_equal(clip.regions(index), expected)
    assert told == [(1, 3), (2, 3), (3, 3)]
