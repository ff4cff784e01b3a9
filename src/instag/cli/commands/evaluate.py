"""`instag evaluate`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from instag.cli import options
from instag.cli.evaluation_summary import numbers, short_form
from instag.cli.given_files import (
    refuse_avatar,
    refuse_clip,
    refuse_footage,
    refuse_missing,
    refuse_swapped,
)
from instag.cli.terminal import Terminal
from instag.errors import BadArgument

Align = Annotated[
    str,
    typer.Option(
        help="Videos of different lengths: refuse them (equal), or stop at the shorter's end.",
        metavar="equal|shorter",
    ),
]
Frames = Annotated[
    str | None,
    typer.Option(help="Frames of the clip, in place of those held back.", metavar="FIRST:LAST"),
]


def evaluate(
    terminal: Terminal,
    avatar: Annotated[Path | None, typer.Argument(help="An avatar.")] = None,
    clip: Annotated[Path | None, typer.Argument(help="The clip that it was learned from.")] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The folder to write report.html, metrics.json and metrics.csv into; for an "
            "avatar also the rendered and the true frames, as videos and PNG files.",
        ),
    ] = Path("report"),
    pred: Annotated[
        Path | None,
        typer.Option(
            "--pred", help="In place of an avatar: a video, or a folder of numbered pictures."
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="In place of a clip: the true video or folder."),
    ] = None,
    frames: Frames = None,
    align: Align = "equal",
    resize: Annotated[
        bool, typer.Option("--resize", help="Scale --pred to the size of --truth.")
    ] = False,
    au_pred: Annotated[
        Path | None, typer.Option("--au-pred", help="OpenFace's CSV of the prediction.")
    ] = None,
    au_truth: Annotated[
        Path | None, typer.Option("--au-truth", help="OpenFace's CSV of the truth.")
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="Name the compared files in the report.")
    ] = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
) -> None:
    """Measure an avatar on the frames that it was not taught, or any video against another, and
    write a report."""
    options.refuse_folder(output)
    tables = _both(au_pred, au_truth, "--au-pred", "--au-truth")
    videos = _both(pred, truth, "--pred", "--truth")
    chosen = frame_range(frames)
    if videos and (avatar or clip):
        raise BadArgument("Give either AVATAR and CLIP, or --pred and --truth.")
    for each in videos or ():
        refuse_footage(each)
    for table in tables or ():
        refuse_missing(table)
    compared = videos or _avatar_and_clip(avatar, clip)
    aligned = alignment(align)
    from instag.evaluation import evaluate as library
    from instag.evaluation.report import write_report
    from instag.runtime.threads import set_threads

    set_threads(threads)
    with terminal.progress("Measuring", "frames") as report:
        evaluation = (
            library.evaluate_videos(
                *compared,
                align=aligned,
                resize=resize,
                tables=tables,
                device=device,
                names=names,
                report=report,
            )
            if videos
            else library.evaluate(
                *compared,
                frames=chosen,
                tables=tables,
                device=device,
                names=names,
                folder=output,
                report=report,
            )
        )
    page = write_report(evaluation, output)
    terminal.result(
        "\n".join([*short_form(evaluation), f"{page}"]), {"report": page, **numbers(evaluation)}
    )


def _avatar_and_clip(avatar: Path | None, clip: Path | None) -> tuple[Path, Path]:
    """Raises BadArgument where one is not given, and what the refusals raise."""
    if avatar is None or clip is None:
        raise BadArgument(
            "Give an avatar and its clip: instag evaluate me.avatar me.clip. For videos: "
            "--pred a.mp4 --truth b.mp4."
        )
    refuse_swapped("evaluate", avatar, clip)
    refuse_avatar(avatar)
    refuse_clip(clip)
    return avatar, clip


def _both(
    first: Path | None, second: Path | None, name: str, other: str
) -> tuple[Path, Path] | None:
    if first is None and second is None:
        return None
    if first is None or second is None:
        raise BadArgument(f"{name} and {other} belong together: give both.")
    return first, second


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


def alignment(name: str) -> Literal["equal", "shorter"]:
    """The way to align videos of this name. Raises BadArgument."""
    if name == "equal" or name == "shorter":
        return name
    raise BadArgument(f"--align {name}: choose equal or shorter.")
