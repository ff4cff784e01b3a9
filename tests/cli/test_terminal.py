"""What is said, where, and how often."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import typer

from instag.cli.terminal import Terminal, duration, exit_on_error
from instag.errors import BadArgument

ARTEFACTS = Path(__file__).parents[1] / "artefacts"


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.21, "4.2 s"), (185, "3:05 min"), (3723, "1:02:03 h")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("unit", "said"), [("steps", "of 100 steps, "), ("", " %, ")])
def test_pipe_gets_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, unit: str, said: str
) -> None:
    """100 steps of one second: a line each ten seconds, with the remaining time, and no control
    codes."""
    clock = iter(range(1000))
    monkeypatch.setattr("instag.cli.terminal.time.monotonic", lambda: float(next(clock)))
    with Terminal().progress("Learning me", unit) as report:
        for done in range(1, 101):
            report(done, 100)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert 8 <= len(lines) <= 12
    assert said in lines[3]
    assert lines[3].endswith(" left")
    assert "\x1b" not in captured.err
    assert "\r" not in captured.err


def test_each_stage_is_noted_when_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with Terminal().stages("Learning me") as report:
        for stage in ("face", "mouth"):
            for done in (1, 2):
                report(stage, done, 2)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["Learning me, face", "Learning me, mouth"]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(quiet=True)
    with terminal.progress("Learning me") as report:
        report(1, 1)
    terminal.note("done")
    terminal.result("me.avatar", {})
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_json_alone_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(as_json=True)
    with terminal.progress("Learning me") as report:
        report(1, 1)
    terminal.result("words", {"path": Path("a/b"), "psnr": np.float32(0.5)})
    assert json.loads(capsys.readouterr().out) == {"path": "a/b", "psnr": 0.5}


def test_full_disk_outside_our_own_writes_is_told_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, exit_on_error("Nothing was written."):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert left.value.exit_code == 1
    assert "disk is full" in capsys.readouterr().err


def test_a_full_gpu_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), exit_on_error("Nothing was written."):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    assert "--batch 2" in capsys.readouterr().err
    with pytest.raises(RuntimeError, match="else"), exit_on_error("Nothing was written."):
        raise RuntimeError("anything else")


def test_the_time_left_is_that_of_all_stages(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 s of the first of two stages, the second of which is expected to take twice as long."""
    now = iter(range(10_000))
    monkeypatch.setattr("instag.cli.terminal.time.monotonic", lambda: float(next(now)))
    with Terminal().stages("Learning me", shares={"face": 1.0, "mouth": 2.0}) as report:
        for done in range(1, 51):
            report("face", done, 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines[2].endswith(" left in all")
    minutes, seconds = lines[2].split(", ")[-1].split(" ")[0].split(":")
    assert 230 < 60 * int(minutes) + int(seconds) < 330


def test_names_of_files_neither_colour_a_terminal_nor_break_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal = Terminal(quiet=False, as_json=False)
    terminal.note("Hearing two\nlines\x1b[31m.wav\u202e")
    terminal.result("a\x07.mp4\nNext: at 7.15\u202fPM.mov \udcff", {})
    with pytest.raises(typer.Exit), exit_on_error(""):
        raise BadArgument("no\nsuch\r.mp4")
    printed = capsys.readouterr()
    assert printed.out == "a\\x07.mp4\nNext: at 7.15\u202fPM.mov \\udcff\n"
    assert printed.err == "Hearing two\\nlines\\x1b[31m.wav\\u202e\nerror: no\\nsuch\\r.mp4\n"


@pytest.mark.parametrize("title", ["Observing [1] me.mp4", "Hearing [red]x.wav"])
def test_brackets_in_a_name_are_no_markup(
    title: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Terminal(quiet=False, as_json=False).progress(title, "frames") as report:
        report(1, 2)
    assert title in capsys.readouterr().err


def test_output_in_an_old_code_page_is_no_traceback(tmp_path: Path) -> None:
    """As of a file on Windows."""
    sound = ARTEFACTS / "speaker.clip" / "speech.wav"
    found = subprocess.run(
        [sys.executable, "-m", "instag", "features", str(sound), "-o", "\u65e5.npy"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(rb"\u65e5.npy: ")


def test_what_may_not_be_read_is_not_said_to_be_written(capsys):
    with pytest.raises(typer.Exit), exit_on_error(""):
        raise PermissionError(errno.EACCES, "Permission denied", "their.csv")
    assert "error: their.csv may not be read or written." in capsys.readouterr().err
