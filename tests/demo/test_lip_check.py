"""The lip check: apertures of a video against those that the speaker had."""

from pathlib import Path

import numpy as np

from instag.demo.lip_check import measure_sync
from instag.synthetic import Speaker, perform, recording, write_video


def test_the_speaker_itself_is_in_time(tmp_path: Path) -> None:
    acted = perform(Speaker(0, size=160), recording("speech_one"), seconds=1.6, size=160)
    write_video(acted, tmp_path / "speaker.mp4")
    counted: list[int] = []
    sync = measure_sync(
        tmp_path / "speaker.mp4", acted.apertures(), lambda done, total: counted.append(done)
    )
    assert counted == list(range(1, len(acted) + 1))
    assert np.isfinite(sync.measured).all()
    assert sync.fit.lag == 0
    assert sync.fit.correlation > 0.8  # pyright: ignore[reportOperatorIssue]


def test_a_video_that_ends_too_early_has_no_lips_there(tmp_path: Path) -> None:
    acted = perform(Speaker(0, size=96), recording("speech_one"), seconds=0.4, size=96)
    write_video(acted, tmp_path / "speaker.mp4")
    true = np.concatenate([acted.apertures(), np.zeros(5)])
    assert np.isnan(measure_sync(tmp_path / "speaker.mp4", true).measured[-5:]).all()
