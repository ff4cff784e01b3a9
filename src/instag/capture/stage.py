"""A stage of observation: what it reads, which options change its result, and what it writes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from instag.capture.backends import CHOICES
from instag.capture.options import CaptureOptions
from instag.data.clip import Clip
from instag.runtime.files import sha256_of
from instag.runtime.untrusted import in_one_line

FOLDERS = ("frames", "regions", "mattes", "torso", "surface", "features")
"""What the stages fill in a clip's folder."""


@final
@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of observation.

    needs: stages whose result it reads. options: those of CaptureOptions that change its result;
    `run` gets their values by name, and the clip and a report first. share: its part of the time,
    for progress. fixed: settings that no option changes; another value than the clip's makes the
    stage run again. writes: its files, and its folders with one for each frame, by which a loss is
    noticed. video: whether `run` gets the path of the video, too.
    """

    name: str
    run: Callable[..., Clip]
    needs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    share: float = 1.0
    fixed: Mapping[str, object] = field(default_factory=dict)
    writes: tuple[str, ...] = ()
    video: bool = False

    def values(self, options: CaptureOptions, video: Path) -> dict[str, object]:
        """The keyword arguments of `run`."""
        chosen = {name: getattr(options, name) for name in self.options}
        return {**chosen, **({"video": video} if self.video else {})}

    def settings(self, options: CaptureOptions) -> dict[str, object]:
        """What clip.json records of the options; a choice or shot is recorded where it is not the
        default, so that clips from before stay valid."""
        recorded: dict[str, object] = dict(self.fixed)
        for name in self.options:
            recorded |= _recorded(name, getattr(options, name))
        return recorded


def _recorded(name: str, value: object) -> dict[str, object]:
    """One option as clip.json records it."""
    choice = next((each for each in CHOICES if each.option == name), None)
    if choice is not None:
        assert isinstance(value, str)
        if choice.file is not None and choice.row(value) is choice.file:
            table = Path(value)
            return {"table": in_one_line(table.name), "sha256": sha256_of(table)}
        return {} if value == choice.default else {choice.key: value}
    if name == "delay":
        return {"delay_ms": value}
    if name == "crop":
        return {"crop": list(value) if isinstance(value, tuple) else None}
    if name == "sound" and isinstance(value, Path):
        return {"sound": in_one_line(value.name), "sha256": sha256_of(value)}
    later = name in ("shot", "since", "until", "sound")
    return {} if later and value is None else {name: value}
