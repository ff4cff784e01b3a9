"""Pictures that a clip keeps while it is made: the same as in its files, each decoded once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bare_clip import bare_info
from instag.data.clip import Clip
from instag.data.kept_pictures import KeptPictures

SHAPE = (16, 24)


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    info = bare_info(2, width=SHAPE[1], height=SHAPE[0])
    return Clip(folder=tmp_path, info=info, kept=KeptPictures())


def picture(seed: int, *channels: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 7, (*SHAPE, *channels), dtype=np.uint8)


def test_a_kept_picture_is_that_of_its_file(clip: Clip) -> None:
    clip.save_frame(0, picture(0, 3) * 30)
    clip.save_regions(0, picture(1))
    clip.save_matte(0, picture(2))
    written = replace(clip, kept=None)
    for read in (Clip.frame, Clip.regions, Clip.matte):
        expected = read(written, 0)
        for _ in range(2):
            np.testing.assert_array_equal(read(clip, 0), expected)


def test_each_is_decoded_once_and_changes_with_its_file(clip: Clip) -> None:
    clip.save_frame(0, picture(0, 3))
    first = clip.frame(0)
    clip.path("frames", 0).unlink()
    np.testing.assert_array_equal(clip.frame(0), first)
    for seed in (1, 2):
        clip.save_frame(0, picture(seed, 3) * 30)
        clip.save_regions(0, picture(seed))
        np.testing.assert_array_equal(clip.frame(0), replace(clip, kept=None).frame(0))
        np.testing.assert_array_equal(clip.regions(0), picture(seed))


def test_who_takes_one_may_write_into_it(clip: Clip) -> None:
    regions = picture(0)
    clip.save_regions(0, regions)
    regions[:] = 0
    for _ in range(2):
        taken = clip.regions(0)
        np.testing.assert_array_equal(taken, picture(0))
        taken[:] = 0


def test_what_comes_later_than_the_room_suffices_is_read_each_time() -> None:
    kept, read = KeptPictures(most=2 * picture(0).nbytes), []

    def reading(number: int) -> np.ndarray:
        read.append(number)
        return picture(number)

    for _ in range(2):
        for number in range(4):
            found = kept.picture(Path(str(number)), lambda number=number: reading(number))
            np.testing.assert_array_equal(found, picture(number))
    assert read == [0, 1, 2, 3, 2, 3]
    kept.forget(Path("0"))
    kept.keep(Path("1"), picture(5))
    kept.keep(Path("2"), picture(6))
    for number, seed in (("1", 5), ("2", 6)):
        np.testing.assert_array_equal(kept.picture(Path(number), pytest.fail), picture(seed))
    kept.clear()
    assert kept.picture(Path("1"), lambda: picture(7))[0, 0] == picture(7)[0, 0]


def test_clips_are_the_same_with_and_without(clip: Clip) -> None:
    assert clip == replace(clip, kept=None)
