"""Dataclasses of options become options, once defined for several commands."""

import inspect
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import pytest
import typer

import instag
from instag.capture.options import CaptureOptions
from instag.cli.command import typer_command
from instag.cli.commands.adapt import adapt
from instag.cli.commands.create import create
from instag.cli.commands.prepare import prepare
from instag.cli.commands.pretrain import pretrain
from instag.cli.commands.speak import speak
from instag.cli.option_groups import unfolded
from instag.options import check_limits, option, option_info
from instag.synthesis.options import SpeakOptions
from instag.training.options import PretrainingOptions, TrainingOptions


@dataclass(frozen=True, kw_only=True)
class ColourOptions:
    hue: int = option(3, "Which colour.", minimum=0)
    names: str | None = option(None, "What it is called.", choices=("red", "blue"))
    mix: tuple[float, float] | None = option(None, "How much of each.", metavar="A,B")
    finish: Literal["matt", "gloss"] = option("matt", "How it shines.")
    dry: bool = option(True, "Wait until it is dry.")
    loud: bool = option(False, "Sing.", flag="--loud -l", group="Painter")
    bucket: int = 7

    def __post_init__(self) -> None:
        check_limits(self)


def paint_command(seen: list[tuple[str, ColourOptions, bool]]) -> Any:
    def paint(
        wall: str, colours: ColourOptions, twice: Annotated[bool, typer.Option("--twice")] = False
    ) -> None:
        """Paint a wall."""
        seen.append((wall, colours, twice))

    return typer_command("paint", paint, "")


def ran(*words: str) -> tuple[int, list[tuple[str, ColourOptions, bool]]]:
    seen: list[tuple[str, ColourOptions, bool]] = []
    with pytest.raises(SystemExit) as left:
        paint_command(seen).main(list(words), prog_name="paint")
    return int(left.value.code or 0), seen


def test_fields_are_options_and_come_back_together() -> None:
    assert ran("north", "--hue", "7", "--twice") == (0, [("north", ColourOptions(hue=7), True)])
    assert ran("south") == (0, [("south", ColourOptions(), False)])
    given = ColourOptions(mix=(0.5, 2.0), finish="gloss", dry=False, loud=True)
    words = ("--mix", "0.5,2", "--finish", "gloss", "--no-dry", "-l")
    assert ran("south", *words) == (0, [("south", given, False)])


@pytest.mark.parametrize(
    "words",
    [("--hue", "-1"), ("--finish", "wet"), ("--mix", "1"), ("--mix", "1,a"), ("--bucket", "1")],
)
def test_a_value_outside_its_limits_is_a_bad_argument(words: tuple[str, ...]) -> None:
    assert ran("north", *words) == (2, [])


def test_help_has_texts_choices_and_groups(capsys: pytest.CaptureFixture[str]) -> None:
    ran("--help")
    text = " ".join(capsys.readouterr().out.split())
    for words in ("Paint a wall.", "What it is called. One of: red, blue.", "Colour:", "Painter:"):
        assert words in text


@pytest.mark.parametrize(
    "command, group",
    [
        (create, CaptureOptions),
        (create, TrainingOptions),
        (prepare, CaptureOptions),
        (adapt, TrainingOptions),
        (pretrain, PretrainingOptions),
        (speak, SpeakOptions),
    ],
)
def test_commands_take_all_of_a_group(command: Any, group: type) -> None:
    known = inspect.signature(unfolded(command)).parameters
    for field in (field for field in fields(group) if option_info(field)):
        assert known[field.name].default == field.default


@pytest.mark.usefixtures("empty_inputs")
def test_create_observes_as_prepare_does(run, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words give the library the same settings."""
    seen: list[dict[str, object]] = []

    def stop(video: object, output: object, options: object, **settings: object) -> None:
        seen.append(
            {"options": options}
            | {
                name: value
                for name, value in settings.items()
                if name not in ("report", "only", "start_from")
            }
        )
        raise KeyboardInterrupt

    monkeypatch.setitem(vars(instag), "prepare", stop)
    monkeypatch.setattr("instag.creation.prepare", stop)
    words = [
        "--crop",
        "1,2,80",
        "--delay",
        "40",
        "--au",
        "blendshapes",
        "--parsing",
        "bisenet",
        "--teeth",
        "easyportrait",
    ]
    words += [
        "--hair",
        "mediapipe",
        "--surface",
        "sapiens",
        "--points",
        "fan",
        "--size",
        "256",
        "--speech",
        "whisper",
    ]
    for command, output in (("prepare", "me.clip"), ("create", "me.avatar")):
        assert run(command, "me.mp4", "-o", tmp_path / output, *words).exit_code == 130
    assert seen[0] == seen[1]
    assert seen[0]["options"].parsing == "bisenet"  # type: ignore[attr-defined]
