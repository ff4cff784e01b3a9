"""The commands as a shell sees them: exit codes, what goes to which output, and what they hand to
the library."""

import json
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import instag
from bare_clip import bare_info
from instag.capture.options import CaptureOptions
from instag.cli.app import COMMANDS
from instag.data.clip import Clip
from instag.errors import NoFace
from instag.speech.registry import FRONT_ENDS
from instag.version import __version__


def test_help_lists_every_command_and_begins_with_where_to_start(run) -> None:
    text = run("--help").stdout
    for command in COMMANDS:
        assert f"  {command.name} " in text
        assert command.help in text
    assert text.index("Start here:") < text.index("Make it talk:") < text.index("Data of others:")


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_each_command_explains_itself(run, command: str) -> None:
    words = (command, "list") if command == "assets" else (command,)
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout


def test_a_mistyped_command_gets_a_suggestion(run) -> None:
    result = run("craete")
    assert result.exit_code == 2
    assert "create" in result.stderr


def test_help_names_the_front_ends_that_there_are(run) -> None:
    text = run("prepare", "--help").stdout
    for backend in FRONT_ENDS:
        assert backend.name in text


def test_version(run) -> None:
    assert run("--version").stdout == f"{__version__}\n"


def test_help_needs_no_heavy_import() -> None:
    """Torch, numba, OpenCV and onnxruntime take seconds to load; help must not wait for them."""
    code = (
        "import sys; from instag.cli import app; import typer.testing as t; "
        "t.CliRunner().invoke(app, ['--help']); print(sorted(sys.modules))"
    )
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("torch", "numba", "cv2", "onnxruntime", "numpy", "rich"):
        assert f"'{heavy}'" not in modules


def test_a_wrong_name_needs_no_heavy_import(tmp_path: Path) -> None:
    """It is told at once."""
    there = tmp_path / "there.wav"
    there.write_bytes(b"RIFF")
    lines = (
        "create no.mp4 -o me.avatar",
        f"create {there} -o me.avatar --prior no.prior",
        "prepare no.mp4 -o me.clip",
        "adapt no.clip -o me.avatar",
        "pretrain no.clip -o my.prior",
        "inspect no.clip",
        "split no.clip",
        "export-clip no.clip folder",
        "import-clip no -o me.clip",
        f"import-clip {tmp_path} -o me.clip",
        "import-prior no.pth no.pth -o my.prior",
        f"import-prior {there} {there} -o my.prior --speech no",
        "compare no no",
        f"compare {tmp_path} {tmp_path}",
        "compare no",
        "features no.wav",
        "features no.npy",
        f"features {there} --speech no",
        "evaluate no.avatar no.clip",
        "evaluate --pred no.mp4 --truth no.mp4",
        f"evaluate --pred {there} --truth {there} --au-pred no.csv --au-truth no.csv",
        f"demo -o {there}",
        "speak no.avatar no.wav -o out.mp4",
        "serve no.avatar",
    )
    code = (
        "import sys; from instag.cli import app; import typer.testing as t; "
        f"results = [(line, t.CliRunner().invoke(app, line.split())) for line in {lines}]; "
        "wrong = [line for line, each in results if each.exit_code not in (1, 2)]; "
        "assert not wrong, wrong; print(sorted(sys.modules))"
    )
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    for heavy in ("torch", "numba", "cv2", "onnxruntime", "av"):
        assert f"'{heavy}'" not in modules


def test_unknown_option_is_a_bad_argument(run) -> None:
    assert run("speak", "--loud").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("create", "me.mp4", "-o", "me.avatar", "--recipe", "foo"), "'draft', 'few', 'long'"),
        (("create", "me.mp4", "-o", "me.avatar", "--size", "big"), "--size"),
        (("create", "me.mp4"), "--output"),
        (("assets", "foo"), "No such command 'foo'"),
        (("foo",), "No such command 'foo'"),
    ],
)
def test_usage_errors_are_one_line(run, arguments: tuple[str, ...], part: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert part in result.stderr
    assert "Value error" not in result.stderr


def test_without_a_command_help_is_printed(run) -> None:
    result = run()
    assert result.exit_code == 2
    assert "instag demo" in result.stdout + result.stderr


@pytest.mark.parametrize("crop", ["1,2", "a,b,c", "0,0,-5"])
def test_crop_must_be_three_numbers(run, tmp_path: Path, crop: str) -> None:
    result = run("prepare", "me.mp4", "-o", tmp_path / "me.clip", "--crop", crop)
    assert result.exit_code == 2
    assert "--crop" in result.stderr


@pytest.mark.usefixtures("empty_inputs")
def test_options_reach_the_library(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def prepare(video: Path, output: Path, options: CaptureOptions, **settings: object) -> Clip:
        seen.update(settings, video=video, output=output, **vars(options))
        return seven(output, delay_ms=220)

    monkeypatch.setitem(vars(instag), "prepare", prepare)
    result = run(
        "prepare",
        "me.mp4",
        "-o",
        tmp_path / "me.clip",
        "--delay",
        "220",
        "--crop",
        "10,20,300",
        "--size",
        "256",
        "--from-stage",
        "regions",
        "--json",
    )
    assert result.exit_code == 0
    assert seen["delay"] == 220
    assert seen["crop"] == (10.0, 20.0, 300.0)
    assert seen["size"] == 256
    assert seen["start_from"] == "regions"
    assert seen["only"] is None
    assert json.loads(result.stdout)["frames"] == 7


def seven(folder: Path, **about: Any) -> Clip:
    """A clip of seven frames that says this of itself; nothing of it is on the disk."""
    return Clip(folder=folder, info=bare_info(7, **about))


@pytest.mark.usefixtures("empty_inputs")
def test_a_corrected_delay_is_said(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"ms": 251.7, "fit": 0.6, "margin": 0.4}
    monkeypatch.setitem(
        vars(instag),
        "prepare",
        lambda video, output, options, **_: seven(output, delay_ms=252, delay_found=found),
    )
    result = run("prepare", "me.mp4", "-o", tmp_path / "me.clip")
    assert "252 ms later than the lips" in result.stderr.replace("\n", " ")
    assert "--delay 0" in result.stderr


@pytest.mark.usefixtures("empty_inputs")
def test_error_is_one_line_and_its_exit_code(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(*_: object, **__: object) -> None:
        raise NoFace("No face in 31 of 125 frames of me.mp4.")

    monkeypatch.setitem(vars(instag), "prepare", prepare)
    result = run("prepare", "me.mp4", "-o", tmp_path / "me.clip", "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "error: No face in 31 of 125 frames of me.mp4.\n"


@pytest.mark.usefixtures("empty_inputs")
def test_interrupt_says_how_to_go_on(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("instag.creation.prepare", prepare)
    result = run("create", "me.mp4", "-o", tmp_path / "me.avatar")
    assert result.exit_code == 130
    assert "Run the same command again" in result.stderr


@pytest.mark.usefixtures("empty_inputs")
def test_a_bug_keeps_its_traceback(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(vars(instag), "prepare", prepare)
    with pytest.raises(ZeroDivisionError):
        run("prepare", "me.mp4", "-o", tmp_path / "me.clip")


@pytest.mark.parametrize(
    "command",
    [
        ("create", "me.mp4"),
        ("adapt", "me.clip"),
        ("speak", "me.avatar", "speech.wav"),
        ("features", "speech.wav"),
    ],
)
@pytest.mark.usefixtures("empty_inputs")
def test_existing_output_is_kept(run, tmp_path: Path, command: tuple[str, ...]) -> None:
    output = tmp_path / "kept"
    output.write_text("mine")
    result = run(*command, "-o", output)
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr
    assert output.read_text() == "mine"


def test_features_writes_one_window_a_frame(run, tmp_path: Path) -> None:
    sound = tmp_path / "tone.wav"
    with wave.open(str(sound), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((np.sin(np.arange(32_000) * 0.1) * 9_000).astype("<i2").tobytes())
    result = run("features", sound, "--json")
    assert json.loads(result.stdout)["shape"] == [50, 80, 16]
    assert np.load(tmp_path / "tone.npy").shape == (50, 80, 16)


def test_features_names_the_front_ends_there_are(run, tmp_path: Path) -> None:
    result = run("features", tmp_path / "tone.wav", "--speech", "telepathy")
    assert result.exit_code == 2
    assert "mel" in result.stderr
