"""`instag evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from instag.cli import options
from instag.cli.comparison import (
    Comparison,
    OfAvatar,
    OfVideos,
    alignment,
    avatar_and_clip,
    both,
    frame_range,
)
from instag.cli.evaluation_summary import numbers, short_form
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
    tables = both(au_pred, au_truth, "--au-pred", "--au-truth")
    videos = both(pred, truth, "--pred", "--truth")
    chosen, aligned = frame_range(frames), alignment(align)
    if videos and (avatar or clip):
        raise BadArgument("Give either AVATAR and CLIP, or --pred and --truth.")
    compared: Comparison = (
        OfVideos(pair=videos, tables=tables, align=aligned, resize=resize)
        if videos
        else OfAvatar(
            pair=avatar_and_clip(avatar, clip), tables=tables, frames=chosen, folder=output
        )
    )
    from instag.evaluation.report import write_report
    from instag.runtime.threads import set_threads

    set_threads(threads)
    with terminal.progress("Measuring", "frames") as report:
        evaluation = compared.measure(device=device, names=names, report=report)
    page = write_report(evaluation, output)
    terminal.result(
        "\n".join([*short_form(evaluation), f"{page}"]), {"report": page, **numbers(evaluation)}
    )
