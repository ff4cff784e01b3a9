"""Dataclasses of options become options, once defined for several commands."""

import inspect
from dataclasses import dataclass, fields
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

import instag
from instag.cli import options
from instag.cli.app import adapt, create, prepare
from instag.cli.option_groups import grouped_options


@dataclass(frozen=True, kw_only=True)
class Colours:
    hue: Annotated[int, typer.Option("--hue", min=0)] = 3
    names: Annotated[str | None, typer.Option()] = None


def test_fields_are_options_and_come_back_together() -> None:
    seen: list[tuple[str, Colours, bool]] = []
    app = typer.Typer()

    @app.command()
    @grouped_options
    def paint(
        wall: str, colours: Colours, twice: Annotated[bool, typer.Option("--twice")] = False
    ) -> None:
        """Paint a wall."""
        seen.append((wall, colours, twice))

    assert CliRunner().invoke(app, ["north", "--hue", "7", "--twice"]).exit_code == 0
    assert CliRunner().invoke(app, ["south"]).exit_code == 0
    assert seen == [("north", Colours(hue=7), True), ("south", Colours(), False)]
    assert CliRunner().invoke(app, ["north", "--hue", "-1"]).exit_code == 2
    assert "Paint a wall." in CliRunner().invoke(app, ["--help"]).stdout


@pytest.mark.parametrize(
    "command, group",
    [
        (create, options.CaptureOptions),
        (create, options.TrainingOptions),
        (prepare, options.CaptureOptions),
        (adapt, options.TrainingOptions),
    ],
)
def test_commands_take_all_of_a_group(command: Any, group: type) -> None:
    known = inspect.signature(command).parameters
    for field in fields(group):
        assert known[field.name].default == field.default


def test_create_observes_as_prepare_does(run, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words give the library the same settings."""
    seen: list[dict[str, object]] = []

    def stop(video: object, output: object, **settings: object) -> None:
        seen.append(
            {
                name: value
                for name, value in settings.items()
                if name not in ("report", "only", "start_from")
            }
        )
        raise KeyboardInterrupt

    monkeypatch.setitem(vars(instag), "prepare", stop)
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
    assert seen[0]["observers"].parsing == "bisenet"  # type: ignore[attr-defined]
