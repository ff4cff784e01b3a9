"""The bench of whole commands: what it reads of a process, and the table over its runs, whose
learning and speaking are pretended."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.command_run import CommandRun, run_command

from benchmarks import command_run, whole_commands
from instag.data.clip import Clip
from instag.media.writer import write_video

ARTEFACTS = Path(__file__).parents[1] / "artefacts"
ON_LINUX = sys.platform == "linux"


def test_time_and_memory_are_those_of_the_process_alone(tmp_path, monkeypatch):
    held = bytearray(2**28)  # what `wait4` would count as the command's
    folders, run = [], subprocess.run

    def watched(*given, **named):
        folders.append(named["env"]["NUMBA_CACHE_DIR"])
        return run(*given, **named)

    monkeypatch.setattr(command_run.subprocess, "run", watched)
    found = run_command(["--version"], tmp_path)
    assert folders == [str(tmp_path)]
    assert 0 < found.wall_s < 60
    assert found.tensors_mb is found.reserved_mb is None, "no GPU was used"
    if ON_LINUX:
        assert found.memory_mb is not None
        assert 5 < found.memory_mb < len(held) / 2**20
        assert found.processor_s is not None
        assert 0 < found.processor_s < found.wall_s + 1


def test_a_command_that_fails_ends_the_bench_with_its_message(tmp_path):
    with pytest.raises(SystemExit, match=r"adapt nothing .*code 1.*\n.*nothing is not a clip"):
        run_command(["adapt", "nothing", "-o", str(tmp_path / "me.avatar")], tmp_path)


@pytest.fixture
def given(tmp_path, monkeypatch) -> list[list[str]]:
    """The commands that were run: each took 2 s, and made what lies ready."""
    commands: list[list[str]] = []

    def pretended(arguments: list[str], kernels: Path) -> CommandRun:
        commands.append(arguments)
        again = sum(each[0] == arguments[0] for each in commands) == 2
        assert [path.name for path in kernels.iterdir()] == (["kernel"] if again else [])
        (kernels / "kernel").touch()
        made = Path(arguments[arguments.index("-o") + 1])
        if arguments[0] == "prepare":
            shutil.copytree(ARTEFACTS / "speaker.clip", made)
        elif arguments[0] == "adapt":
            own = Clip.open(arguments[1])
            assert own.info.test_frames == 0
            (own.folder / "training").mkdir()  # a second run would find it in the same clip
            shutil.copy(ARTEFACTS / "lip_codes.avatar", made)
        else:
            write_video(made, [np.zeros((48, 48, 3), np.uint8)] * 8, fps=25)
        return CommandRun(wall_s=2, processor_s=3, memory_mb=512, tensors_mb=None, reserved_mb=None)

    monkeypatch.setattr(whole_commands, "run_command", pretended)
    return commands


def test_from_a_video_to_table_and_json(tmp_path, capsys, given):
    result = tmp_path / "times.json"
    whole_commands.main(
        ["me.mp4", "--sound", "a.wav", "--device", "cpu", "--threads", "1", "--json", str(result)]
    )
    assert [command[0] for command in given] == [
        *("prepare", "prepare", "adapt", "adapt", "speak", "speak")
    ]
    assert given[0][1] == str(Path("me.mp4").resolve())
    assert given[3][2:9] == [
        *("--recipe", "few", "--seconds", "5", "--threads", "1", "--device"),
    ]
    assert given[5][1] == given[3][given[3].index("-o") + 1], "the second run's head speaks"
    assert capsys.readouterr().out.splitlines()[-6:] == [
        "| prepare, the first time | 2.0 | 3.0 | 0.50 | - | 10 | 5.0 |",
        "| prepare | 2.0 | 3.0 | 0.50 | - | 10 | 5.0 |",
        "| adapt, the first time | 2.0 | 3.0 | 0.50 | - | 12 | 6.0 |",
        "| adapt | 2.0 | 3.0 | 0.50 | - | 12 | 6.0 |",
        "| speak, the first time | 2.0 | 3.0 | 0.50 | - | 8 | 4.0 |",
        "| speak | 2.0 | 3.0 | 0.50 | - | 8 | 4.0 |",
    ]
    report = json.loads(result.read_text())
    assert report["machine"]["name"] == "cpu"
    assert (report["threads"], report["recipe"], report["seconds"]) == (1, "few", 5)
    assert (report["source"], report["size"]) == ("me", 64)
    last = report["commands"][-1]
    assert (last["command"], last["first"], last["frames"]) == ("speak", False, 8)
    assert last["run"]["wall_s"] == 2


def test_a_clip_is_not_observed_and_stays_as_it_is(tmp_path, capsys, given):
    clip = Path(shutil.copytree(ARTEFACTS / "speaker.clip", tmp_path / "me.clip"))
    before = (clip / "clip.json").read_text()
    whole_commands.main(["--clip", str(clip), "--sound", "a.wav", "--device", "cpu"])
    assert [command[0] for command in given] == ["adapt", "adapt", "speak", "speak"]
    assert "me.clip is prepared" in capsys.readouterr().out
    assert (clip / "clip.json").read_text() == before
    assert not (clip / "training").exists()


def test_a_video_or_a_clip_has_to_be_given(capsys):
    for wrong in ([], ["me.mp4", "--clip", "me.clip"]):
        with pytest.raises(SystemExit):
            whole_commands.arguments([*wrong, "--sound", "a.wav"])
    assert "--clip" in capsys.readouterr().err
