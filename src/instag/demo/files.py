"""The files of a demo, in one folder."""

from dataclasses import dataclass
from pathlib import Path

SECONDS = 6.0
"""That the speaker is filmed for."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Paths of the demo's results."""

    folder: Path

    @property
    def filmed(self) -> Path:
        return self.folder / "speaker.mp4"

    @property
    def clip(self) -> Path:
        return self.folder / "speaker.clip"

    @property
    def avatar(self) -> Path:
        return self.folder / "speaker.avatar"

    @property
    def spoken(self) -> Path:
        return self.folder / "spoken.mp4"

    @property
    def page(self) -> Path:
        return self.folder / "report.html"

    @property
    def times(self) -> Path:
        return self.folder / "times.json"
