"""Pictures of an AVI that are decoded in another order: all are shown, each at its time."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from instag.media.flaws import Flaw
from instag.media.reader import read_frames
from media.films import film, heard, seen


@pytest.mark.parametrize("reordered", [0, 3])
@pytest.mark.parametrize("codec", ["libmp3lame", "aac"])
def test_pictures_of_an_avi(tmp_path: Path, reordered: int, codec: str) -> None:
    path = film(tmp_path / "v.avi", reordered=reordered, moving=True, codec=codec)
    said: list[Flaw] = []
    frames = list(read_frames(path, notice=said.append))
    steps = [abs(after.astype(int) - before).mean() for before, after in pairwise(frames)]
    assert sum(step > 0.5 for step in steps) > 140
    np.testing.assert_allclose(seen(path), heard(path), atol=0.06)
    assert not said
