"""`instag inspect`."""

from dataclasses import asdict, replace

from instag.cli import options
from instag.cli.clip_summary import summary_lines
from instag.cli.given_files import refuse_clip
from instag.cli.terminal import Terminal


def inspect(clip: options.ClipFolder, terminal: Terminal) -> None:
    """Show what a clip holds and how good a head it can become, with what would make it better."""
    refuse_clip(clip)
    from instag.data.clip import Clip

    opened = Clip.open(clip)
    info = opened.info
    if not info.quality:
        from instag.capture.quality.report import assess

        info = replace(info, quality=assess(opened).as_json())
    length = (
        f"{info.source}: {info.frame_count} frames, {info.frame_count / info.fps:.1f} s,"
        f" {info.width} x {info.height}, sound delay {info.delay_ms} ms"
    )
    stages = f"Stages: {', '.join(info.stages) or 'none'}"
    terminal.result("\n".join([length, stages, *summary_lines(info)]), asdict(info))
