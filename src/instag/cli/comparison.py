"""A comparison that `instag evaluate` makes: of an avatar with its clip, or of two videos."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, final

from instag.cli.given_files import (
    refuse_avatar,
    refuse_clip,
    refuse_footage,
    refuse_missing,
    refuse_swapped,
)
from instag.errors import BadArgument
from instag.runtime.progress import Report

if TYPE_CHECKING:
    from instag.evaluation.evaluate import Evaluation

Pair = tuple[Path, Path]
Align = Literal["equal", "shorter"]


class Comparison(Protocol):
    """What is compared with what. To make one raises what the refusals raise."""

    def measure(self, *, device: str, names: bool, report: Report) -> "Evaluation":
        """names: whether the report names the files. Raises what the library raises."""
        ...


@final
@dataclass(frozen=True, kw_only=True)
class OfAvatar:
    """An avatar with its clip, on `frames` or those held back. folder: for rendered frames."""

    pair: Pair
    tables: Pair | None
    frames: range | None
    folder: Path

    def __post_init__(self) -> None:
        _refuse_missing(self.tables)
        refuse_swapped("evaluate", *self.pair)
        refuse_avatar(self.pair[0])
        refuse_clip(self.pair[1])

    def measure(self, *, device: str, names: bool, report: Report) -> "Evaluation":
        from instag.evaluation.evaluate import evaluate

        return evaluate(
            *self.pair,
            frames=self.frames,
            tables=self.tables,
            device=device,
            names=names,
            folder=self.folder,
            report=report,
        )


@final
@dataclass(frozen=True, kw_only=True)
class OfVideos:
    """A video with the true one. resize: to its size."""

    pair: Pair
    tables: Pair | None
    align: Align
    resize: bool

    def __post_init__(self) -> None:
        for video in self.pair:
            refuse_footage(video)
        _refuse_missing(self.tables)

    def measure(self, *, device: str, names: bool, report: Report) -> "Evaluation":
        from instag.evaluation.evaluate import evaluate_videos

        return evaluate_videos(
            *self.pair,
            align=self.align,
            resize=self.resize,
            tables=self.tables,
            device=device,
            names=names,
            report=report,
        )


def _refuse_missing(tables: Pair | None) -> None:
    for table in tables or ():
        refuse_missing(table)


def both(first: Path | None, second: Path | None, name: str, other: str) -> Pair | None:
    """Two options that belong together. Raises BadArgument where one of them is missing."""
    if first is None and second is None:
        return None
    if first is None or second is None:
        raise BadArgument(f"{name} and {other} belong together: give both.")
    return first, second


def avatar_and_clip(avatar: Path | None, clip: Path | None) -> Pair:
    """Raises BadArgument where one is not given."""
    if avatar is None or clip is None:
        raise BadArgument(
            "Give an avatar and its clip: instag evaluate me.avatar me.clip. For videos: "
            "--pred a.mp4 --truth b.mp4."
        )
    return avatar, clip


def frame_range(text: str | None) -> range | None:
    """Frames from "FIRST:LAST", the last one included. Raises BadArgument."""
    if text is None:
        return None
    first, _, last = text.partition(":")
    if not first.isdigit() or not last.isdigit() or int(last) < int(first):
        raise BadArgument(
            f"--frames {text}: give the first and the last frame, for example 200:499."
        )
    return range(int(first), int(last) + 1)


def alignment(name: str) -> Align:
    """The way to align videos of this name. Raises BadArgument."""
    if name == "equal" or name == "shorter":
        return name
    raise BadArgument(f"--align {name}: choose equal or shorter.")
