"""The arguments by which tools choose clips."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

from clip_arguments import add_clips, add_together, chosen_clips


def test_clips_are_chosen_by_name(tmp_path: Path) -> None:
    for name in ("b.clip", "a.clip", "c.clip", "notes"):
        (tmp_path / name).mkdir()
    parser = argparse.ArgumentParser()
    add_clips(parser)
    add_together(parser)
    chosen = parser.parse_args([str(tmp_path), "--without", "b", "--together", "x", "y"])
    assert [folder.name for folder in chosen_clips(chosen)] == ["a.clip", "c.clip"]
    assert chosen.together == ["x", "y"]
    every = parser.parse_args([str(tmp_path)])
    assert len(chosen_clips(every)) == 3
    assert every.together == []
