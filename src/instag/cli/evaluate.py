"""The commands that judge: `instag evaluate` and `instag compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instag.cli import options
from instag.cli.terminal import Terminal, exit_on_error
from instag.errors import BadArgument

if TYPE_CHECKING:
    from instag.evaluation.evaluate import Evaluation

NOTHING_WRITTEN = "Nothing was written."


def evaluate(
    avatar: Annotated[Path | None, typer.Argument(help="An avatar.", show_default=False)] = None,
    clip: Annotated[
        Path | None, typer.Argument(help="The clip that it was learned from.", show_default=False)
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="The folder to write metrics.json, metrics.csv and report.html into.",
        ),
    ] = Path("report"),
    pred: Annotated[
        Path | None,
        typer.Option(
            "--pred",
            help="In place of an avatar: a video, or a folder of numbered pictures.",
            show_default=False,
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", help="In place of a clip: the true video or folder.", show_default=False
        ),
    ] = None,
    frames: Annotated[
        str | None,
        typer.Option(
            help="Frames of the clip, in place of those held back.",
            metavar="FIRST:LAST",
            show_default=False,
        ),
    ] = None,
    align: Annotated[
        str,
        typer.Option(
            help=(
                "Videos of different lengths: refuse them (equal), or stop at the "
                "shorter's end (shorter)."
            )
        ),
    ] = "equal",
    resize: Annotated[
        bool, typer.Option("--resize", help="Scale --pred to the size of --truth.")
    ] = False,
    au_pred: Annotated[
        Path | None,
        typer.Option("--au-pred", help="OpenFace's CSV of the prediction.", show_default=False),
    ] = None,
    au_truth: Annotated[
        Path | None,
        typer.Option("--au-truth", help="OpenFace's CSV of the truth.", show_default=False),
    ] = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure an avatar on the frames that it was not taught, or any video against another, and
    write a report."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error(NOTHING_WRITTEN):
        if output.exists() and not output.is_dir():
            raise BadArgument(f"{output} is a file. Give the name of a folder.")
        tables = _both(au_pred, au_truth, "--au-pred", "--au-truth")
        videos = _both(pred, truth, "--pred", "--truth")
        from instag.evaluation.evaluate import evaluate as measured_avatar
        from instag.evaluation.evaluate import evaluate_videos
        from instag.evaluation.report import write_report
        from instag.runtime.device import set_threads

        set_threads(threads)
        with terminal.progress("Measuring", "frames") as report:
            if videos and (avatar or clip):
                raise BadArgument("Give either AVATAR and CLIP, or --pred and --truth.")
            if videos:
                evaluation = evaluate_videos(
                    *videos,
                    align=_alignment(align),
                    resize=resize,
                    tables=tables,
                    device=device,
                    report=report,
                )
            elif avatar is None or clip is None:
                raise BadArgument(
                    "Give an avatar and its clip: instag evaluate me.avatar me.clip. For videos: "
                    "--pred a.mp4 --truth b.mp4."
                )
            else:
                evaluation = measured_avatar(
                    avatar,
                    clip,
                    frames=_frames(frames),
                    tables=tables,
                    device=device,
                    report=report,
                )
        page = write_report(evaluation, output)
        terminal.result(
            "\n".join([*short_form(evaluation), f"{page}"]), {"report": page, **numbers(evaluation)}
        )


def compare(
    reports: Annotated[
        list[Path], typer.Argument(help="Folders that `evaluate` wrote.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path(
        "comparison.html"
    ),
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Put several reports side by side."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error(NOTHING_WRITTEN):
        from instag.evaluation.compare import compare_reports, headline_table
        from instag.evaluation.metrics_table import load

        page = compare_reports(reports, output)
        names = [folder.resolve().name for folder in reports]
        table = [("", *names), *headline_table([(str(folder), load(folder)) for folder in reports])]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                [
                    f"{label:<{widths[0]}}",
                    *(f"{value:>{width}}" for value, width in zip(values, widths[1:], strict=True)),
                ]
            )
            for label, *values in table
        ]
        terminal.result("\n".join([*lines, f"{page}"]), {"comparison": page})


def short_form(evaluation: "Evaluation") -> list[str]:
    """The numbers that matter most, in two sentences."""
    from instag.evaluation.metrics_table import shown
    from instag.evaluation.not_measured import NotMeasured

    value = lambda key: (
        row.value if (row := evaluation.metrics.row(key)) else NotMeasured("no such number")
    )
    about = evaluation.metrics.about
    perceived = value("lpips_full")
    lpips = (
        "not measured (instag assets get lpips)"
        if isinstance(perceived, NotMeasured)
        else shown(perceived)
    )
    likeness = (
        f"PSNR {shown(value('psnr_full'))} dB, SSIM {shown(value('ssim_full'))}, LPIPS {lpips}"
    )
    correlation = value("aperture_correlation")
    lips = (
        f"Lips: {correlation}."
        if isinstance(correlation, NotMeasured)
        else f"Lips: opening follows the true one with correlation {correlation:.2f} (lag of "
        f"the best fit: {shown(value('aperture_lag'))} frames), "
        f"moves {shown(value('aperture_movement'))} of it; LMD {shown(value('lmd'))} px."
    )
    return [f"{about['frames']} frames, {about['size']}, whole picture: {likeness}.", lips]


def numbers(evaluation: "Evaluation") -> dict[str, object]:
    """How many frames were compared, and every number by its key; None where it was not
    measured."""
    from instag.evaluation.not_measured import NotMeasured

    return {
        "frames": evaluation.measured.frames,
        **{
            row.key: None if isinstance(row.value, NotMeasured) else row.value
            for row in evaluation.metrics.rows
        },
    }


def _both(
    first: Path | None, second: Path | None, name: str, other: str
) -> tuple[Path, Path] | None:
    if first is None and second is None:
        return None
    if first is None or second is None:
        raise BadArgument(f"{name} and {other} belong together: give both.")
    return first, second


def _alignment(align: str) -> Literal["equal", "shorter"]:
    if align == "equal" or align == "shorter":
        return align
    raise BadArgument(f"--align {align}: choose equal or shorter.")


def _frames(text: str | None) -> range | None:
    if text is None:
        return None
    first, _, last = text.partition(":")
    if not first.isdigit() or not last.isdigit() or int(last) < int(first):
        raise BadArgument(
            f"--frames {text}: give the first and the last frame, for example 200:499."
        )
    return range(int(first), int(last) + 1)
