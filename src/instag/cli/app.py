"""The commands of `instag`: each reads its options, calls the library, and says what came of it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import instag
from instag.cli import assets, convert, features, inspect, options, pretrain
from instag.cli import evaluate as judging
from instag.cli.option_groups import grouped_options
from instag.cli.terminal import Terminal, duration, exit_on_error
from instag.errors import BadArgument
from instag.version import __version__

if TYPE_CHECKING:
    from instag.data.clip import Clip
    from instag.evaluation.evaluate import Evaluation
    from instag.models.avatar import Avatar

SAME_COMMAND = "Run the same command again: it goes on where it was."
NOTHING_WRITTEN = "Nothing was written."

app = typer.Typer(
    name="instag",
    help="From a few seconds of video to a person-specific 3D talking head.",
    epilog="Start with: instag demo. If something does not work: instag doctor.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)

app.add_typer(assets.app, name="assets", rich_help_panel="Step by step")
app.command(rich_help_panel="Step by step")(features.features)
app.command(rich_help_panel="Step by step")(inspect.inspect)
app.command(rich_help_panel="Judge it")(judging.evaluate)
app.command(rich_help_panel="Judge it")(judging.compare)
app.command(rich_help_panel="Step by step")(pretrain.pretrain)
app.command("import-prior", rich_help_panel="Data of others")(pretrain.import_prior)
app.command("import-clip", rich_help_panel="Data of others")(convert.import_clip)
app.command("export-clip", rich_help_panel="Data of others")(convert.export_clip)
app.command(rich_help_panel="Data of others")(convert.split)

Video = Annotated[
    Path, typer.Argument(help="A video of one person who speaks.", show_default=False)
]


def _show_version(wanted: bool | None) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


Version = Annotated[
    bool | None,
    typer.Option(
        "--version", callback=_show_version, is_eager=True, help="Print the version and leave."
    ),
]


@app.callback()
def instag_options(version: Version = None) -> None:
    """Options before the command."""


@app.command(rich_help_panel="Start here")
def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder to write into.")
    ] = Path("instag-demo"),
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Do not open the report in a browser.")
    ] = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Learn a synthetic speaker from 6 seconds of video, let it speak, and show both in a report.
    Needs no file and no network."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error(SAME_COMMAND):
        from instag.demo import run
        from instag.runtime.device import set_threads

        set_threads(threads)
        page = run(
            output,
            open_page=not no_open,
            device=device,
            progress=terminal.progress,
            note=terminal.note,
        )
        terminal.result(f"{page}", {"report": page})


@app.command(rich_help_panel="Start here")
def doctor(as_json: options.Json = False) -> None:
    """Say what works on this machine, and the command that mends what does not. Exits with 1 if a
    needed part does not work."""
    from instag.doctor import State, examine

    checks = examine()
    if as_json:
        Terminal(as_json=True).result(
            "",
            {
                "checks": [
                    {"name": c.name, "state": c.state.value, "found": c.found, "mend": c.mend}
                    for c in checks
                ]
            },
        )
    else:
        _show_checks(checks)
    raise typer.Exit(int(any(check.state is State.BROKEN for check in checks)))


@app.command(rich_help_panel="Make it talk")
@grouped_options
def create(
    video: Video,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The avatar to write, for example me.avatar.", show_default=False
        ),
    ],
    learning: options.TrainingOptions,
    observing: options.CaptureOptions,
    overwrite: options.Overwrite = False,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Learn a talking head from a video: `prepare`, then `adapt`.

    What was observed is kept beside the avatar (me.avatar: me.clip), so that a run that was stopped
    goes on where it was, and another recipe starts at once.
    """
    terminal = Terminal(quiet=quiet, as_json=as_json)
    folder = output.with_suffix(".clip")
    with exit_on_error(SAME_COMMAND):
        _refuse_existing(output, overwrite)
        from instag.runtime.device import device_named

        device_named(learning.device)
        clip, prepared = _prepare(
            terminal, video, folder, speech=learning.features, **observing.settings()
        )
        _adapt(
            terminal,
            clip,
            output,
            learning=learning,
            threads=threads,
            extra={"clip": folder, "prepare_s": round(prepared, 2), "quality": clip.info.quality},
        )


@app.command(rich_help_panel="Make it talk")
def speak(
    avatar: Annotated[
        Path, typer.Argument(help="An avatar that `create` or `adapt` wrote.", show_default=False)
    ],
    sound: Annotated[
        Path,
        typer.Argument(
            help="What it says: a sound file, or a video with sound. Any length, any sample rate.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The video to write, for example out.mp4.", show_default=False
        ),
    ],
    pose: Annotated[
        options.Source, typer.Option(help="Move the head as in training, or hold it still.")
    ] = options.Source.TRAIN,
    expression: Annotated[
        options.Source,
        typer.Option(help="Move brows and eyelids as in training, or hold them still."),
    ] = options.Source.TRAIN,
    blinks: Annotated[
        bool,
        typer.Option(
            help=(
                "Blink now and then, if what it learned has too few blinks and it knows "
                "closed eyes."
            )
        ),
    ] = True,
    dilate: Annotated[
        bool,
        typer.Option(
            "--dilate", help="Widen the inside of the mouth by 6 pixels, against gaps at the lips."
        ),
    ] = False,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Let an avatar say what a sound file holds; the video has the sound in it."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error(NOTHING_WRITTEN):
        _refuse_existing(output, overwrite)
        from instag.runtime.device import keep_freed_memory, set_threads

        set_threads(threads)
        keep_freed_memory()
        _announce_compilation(terminal, device)
        started = time.monotonic()
        manner = {
            "pose": pose.value,
            "expression": expression.value,
            "blinks": blinks,
            "dilate": dilate,
            "device": device,
        }
        with terminal.progress(f"Speaking {sound.name}", "frames") as report:
            path = instag.speak(avatar, sound, output, report=report, **manner)
        took = time.monotonic() - started
        terminal.result(f"{path}", {"video": path, "seconds": round(took, 2)})


@app.command(rich_help_panel="Step by step")
@grouped_options
def prepare(
    video: Video,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The folder to write, for example me.clip.", show_default=False
        ),
    ],
    observing: options.CaptureOptions,
    speech: options.Speech = "mel",
    only: Annotated[
        str | None,
        typer.Option(help="Run this one stage again.", metavar="STAGE", show_default=False),
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Run this stage and those after it again.",
            metavar="STAGE",
            show_default=False,
        ),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview", help="Draw a contact sheet of all that was observed into the folder."
        ),
    ] = False,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Observe the person in a video: frames, regions, head poses, action units, sound.

    Stages that are done are not done again; a run that was stopped goes on where it was.
    """
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error(SAME_COMMAND):
        from instag.runtime.device import set_threads

        set_threads(threads)
        clip, took = _prepare(
            terminal,
            video,
            output,
            only=only,
            start_from=start_from,
            speech=speech,
            **observing.settings(),
        )
        values: dict[str, object] = {
            "clip": output,
            "frames": len(clip),
            "seconds": round(took, 2),
            "quality": clip.info.quality,
        }
        if preview:
            from instag.capture.preview import draw_preview

            sheet = output / "preview.png"
            draw_preview(clip, sheet)
            terminal.note(f"Contact sheet: {sheet}")
            values["preview"] = sheet
        terminal.result(f"{output}", values)


@app.command(rich_help_panel="Step by step")
@grouped_options
def adapt(
    clip: Annotated[Path, typer.Argument(help="A clip that `prepare` wrote.", show_default=False)],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="The avatar to write, for example me.avatar.", show_default=False
        ),
    ],
    learning: options.TrainingOptions,
    overwrite: options.Overwrite = False,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Learn a talking head from a clip, and test it on the frames held back."""
    terminal = Terminal(quiet=quiet, as_json=as_json)
    with exit_on_error(SAME_COMMAND):
        _refuse_existing(output, overwrite)
        _adapt(terminal, instag.Clip.open(clip), output, learning=learning, threads=threads)


def _prepare(terminal: Terminal, video: Path, folder: Path, **settings) -> tuple["Clip", float]:
    """Observe with progress; returns the Clip and the seconds it took."""
    started = time.monotonic()
    with terminal.progress(f"Observing {video.name}") as report:
        clip = instag.prepare(video, folder, report=report, **settings)
    for sentence in inspect.observed(clip.info):
        terminal.note(sentence)
    return clip, time.monotonic() - started


def _adapt(
    terminal: Terminal,
    clip: "Clip",
    output: Path,
    *,
    learning: options.TrainingOptions,
    threads: int | None,
    extra: dict[str, object] | None = None,
) -> None:
    """Learn with progress, test on the frames held back, then say what came of it."""
    from instag.runtime.device import set_threads

    set_threads(threads)
    _announce_compilation(terminal, learning.device)
    started = time.monotonic()
    with terminal.stages(f"Learning {output.stem}") as stage_report:
        avatar = instag.adapt(clip, output, report=stage_report, **learning.settings())
    took = time.monotonic() - started
    values: dict[str, object] = {"avatar": output, "adapt_s": round(took, 2), **(extra or {})}
    said = [f"{output}: learned in {duration(took)}."]
    if not avatar.info.training["lpips"]:
        terminal.note(
            "Learned without the LPIPS loss, whose weights are not on this machine. Get them with: "
            "instag assets get lpips"
        )
    evaluation = _test(terminal, avatar, clip, learning.device)
    if evaluation is None:
        said.append("No frames were held back to test on.")
    else:
        values["held_out"] = judging.numbers(evaluation)
        said += ["On frames that it was not taught:", *judging.short_form(evaluation)]
    said.append(f"Next: instag speak {output} SOUND -o out.mp4")
    terminal.result("\n".join(said), values)


def _announce_compilation(terminal: Terminal, device: str) -> None:
    """Say why the first use of a GPU starts slowly."""
    from instag.runtime.device import device_named, gsplat_built

    if device_named(device).type != "cpu" and not gsplat_built():
        terminal.note("Compiling gsplat's kernels for this GPU: once, some minutes.")


def _test(terminal: Terminal, avatar: "Avatar", clip: "Clip", device: str) -> "Evaluation | None":
    """Measure on the frames that the avatar's own record says were held back."""
    from instag.evaluation.evaluate import evaluate
    from instag.evaluation.held_out import held_back

    if not len(held_back(avatar)):
        return None
    with terminal.progress("Testing on the frames held back", "frames") as report:
        return evaluate(avatar, clip, with_speed=False, device=device, report=report)


def _refuse_existing(output: Path, overwrite: bool) -> None:
    """An output that exists is replaced only when asked for. Raises BadArgument."""
    if output.is_dir():
        raise BadArgument(f"{output} is a folder. Give the name of a file to write.")
    if output.exists() and not overwrite:
        raise BadArgument(
            f"{output} exists already. Give another -o, or --overwrite to replace it."
        )


def _show_checks(checks) -> None:
    """A line for each check; under what does not work, the command that mends it."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    marks = {"ok": "[green]ok  [/]", "optional": "[yellow]-   [/]", "broken": "[red]FAIL[/]"}
    width = max(len(check.name) for check in checks)
    for check in checks:
        console.print(
            f"{marks[check.state.value]} {escape(f'{check.name:<{width}}')}  {escape(check.found)}"
        )
        if check.mend:
            console.print(f"     {'':<{width}}  mend: {escape(check.mend)}")
