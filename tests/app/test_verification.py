"""What is said of a file is what its bytes and its metadata show, and no more."""

from pathlib import Path

import numpy as np
import pytest

from instag.app.verification import mark_of, verify
from instag.app.written_files import WrittenFiles
from instag.media.writer import write_video
from instag.models.avatar import Avatar
from instag.synthesis.speak import provenance

AVATAR = Path(__file__).parent.parent / "artefacts" / "lip_codes.avatar"


def video(path: Path, metadata: dict[str, str] | None) -> Path:
    write_video(path, [np.full((32, 32, 3), 90, np.uint8)] * 3, metadata=metadata)
    return path


@pytest.fixture
def record(tmp_path: Path) -> WrittenFiles:
    return WrittenFiles(tmp_path / "written.jsonl")


def test_our_own_file_is_recognised_by_every_byte(tmp_path: Path, record: WrittenFiles) -> None:
    ours = video(tmp_path / "out.mp4", provenance(Avatar.open(AVATAR)))
    record.add(ours, "video", "Ada", 12.5)
    verdict = verify(ours, record)
    assert verdict.written is not None
    assert (verdict.written.kind, verdict.written.name, verdict.written.made) == (
        "video",
        "Ada",
        12.5,
    )
    assert verdict.mark is not None
    assert "every byte" in verdict.sentence
    changed = tmp_path / "changed.mp4"
    changed.write_bytes(ours.read_bytes() + b"\0")
    other = verify(changed, record)
    assert other.written is None
    assert other.mark == verdict.mark
    assert "no proof" in other.sentence


@pytest.mark.parametrize("metadata", [None, {"comment": "filmed by a telephone"}])
def test_a_file_without_our_mark_is_not_called_real(
    tmp_path: Path, record: WrittenFiles, metadata: dict[str, str] | None
) -> None:
    verdict = verify(video(tmp_path / "out.mp4", metadata), record)
    assert verdict.written is None
    assert verdict.mark is None
    assert "does not show" in verdict.sentence


def test_what_is_no_video_can_be_recognised_too(tmp_path: Path, record: WrittenFiles) -> None:
    file = tmp_path / "me.avatar"
    file.write_bytes(b"PK an avatar")
    assert mark_of(file) is None
    assert verify(file, record).written is None
    record.add(file, "avatar", "Ada", 1.0)
    assert verify(file, record).written is not None


def test_a_record_outlives_a_line_that_was_cut_off(tmp_path: Path, record: WrittenFiles) -> None:
    file = tmp_path / "one"
    file.write_bytes(b"one")
    record.path.write_text('{"sha256": "12\n[]\nnull\n')
    record.add(file, "video", "Ada", 1.0)
    assert verify(file, record).written is not None
