"""Recordings that come piece by piece."""

import json
import os
import time
from pathlib import Path

import pytest

from instag.app import recordings as module
from instag.app.recordings import Recordings
from instag.errors import BadArgument, FileMissing


@pytest.fixture
def kept(tmp_path: Path) -> Recordings:
    return Recordings(tmp_path)


def test_pieces_become_a_file(kept: Recordings, tmp_path: Path):
    begun = kept.begin(".webm")
    for number, content in enumerate((b"a", b"b", b"c")):
        kept.add(begun.id, number, content)
    kept.add(begun.id, 2, b"d")  # an answer that was lost is asked for again
    assert kept.recording(begun.id).pieces == 3
    place = tmp_path / "elsewhere"
    place.mkdir()
    with kept.as_file(begun.id, place) as file:
        assert file.suffix == ".webm"
        assert file.read_bytes() == b"abd"
    assert list(place.iterdir()) == []
    kept.remove(begun.id)
    with pytest.raises(FileMissing):
        kept.recording(begun.id)
    assert kept.all() == []


def test_what_does_not_follow_is_refused(kept: Recordings):
    begun = kept.begin(".mp4")
    for number, content in ((1, b"a"), (-1, b"a"), (0, b"")):
        with pytest.raises(BadArgument, match="does not follow"):
            kept.add(begun.id, number, content)
    with pytest.raises(BadArgument, match="ends with"):
        kept.begin(".exe")
    with pytest.raises(FileMissing):
        kept.add("../../etc/passwd", 0, b"a")


def test_a_recording_is_over_when_no_more_comes(kept: Recordings, tmp_path: Path):
    begun = kept.begin(".webm")
    kept.add(begun.id, 0, b"a")
    assert not kept.recording(begun.id).is_over
    then = time.time() - 10
    os.utime(tmp_path / begun.id, (then, then))
    assert kept.recording(begun.id).is_over


def test_those_that_nobody_used_are_removed(kept: Recordings, tmp_path: Path):
    old, new = kept.begin(".webm"), kept.begin(".webm")
    about = {"made": time.time() - 2 * module.KEPT_S, "ending": ".webm"}
    (tmp_path / old.id / "recording.json").write_text(json.dumps(about))
    kept.tidy()
    assert [each.id for each in kept.all()] == [new.id]


def test_what_follows_a_lost_piece_is_not_taken(tmp_path: Path) -> None:
    recordings = Recordings(tmp_path)
    identifier = recordings.begin(".webm").id
    for number in range(3):
        recordings.add(identifier, number, b"abc"[number : number + 1])
    (tmp_path / identifier / "000001.piece").unlink()
    assert recordings.recording(identifier).pieces == 1
    assert b"".join(recordings.content(identifier)) == b"a"
