"""Lost files: what somebody took out of a clip's folder is noticed, so that it is made again."""

import os
from collections.abc import Sequence
from pathlib import Path

from instag.capture.stage import FOLDERS, Stage
from instag.data.clip import Clip


def lost(clip: Clip, stages: Sequence[Stage]) -> set[str]:
    """The stages some of whose files are missing or empty, though clip.json records them."""
    return {
        stage.name
        for stage in stages
        if stage.name in clip.info.stages
        and any(
            len(_filled(clip.folder / name)) < len(clip)
            if name in FOLDERS
            else not _has_content(clip.folder / name)
            for name in stage.writes
        )
    }


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _filled(folder: Path) -> list[str]:
    """Names of the files in a folder that are not empty."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [
            entry.name
            for entry in entries
            if entry.name[0].isdigit() and entry.is_file() and entry.stat().st_size > 0
        ]
