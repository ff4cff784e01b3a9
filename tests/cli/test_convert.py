"""`instag split`, `export-clip` and `import-clip` as a shell sees them."""

import json
from collections.abc import Callable
from pathlib import Path

from instag.data.clip import Clip
from shared_files import copied_clip


def test_split_export_import(run: Callable, tmp_path: Path) -> None:
    copied_clip(tmp_path / "me.clip", frames=60)
    result = run("split", tmp_path / "me.clip", "--seconds", "0.32", "--json")
    assert json.loads(result.stdout) == {"clip": str(tmp_path / "me.clip"), "train": 52, "test": 8}

    result = run(
        "export-clip",
        tmp_path / "me.clip",
        tmp_path / "me",
        "--layout",
        "talkinggaussian",
        "--json",
    )
    assert result.exit_code == 0
    assert json.loads(result.stdout)["test"] == 8
    assert "No DeepSpeech features" in result.stderr

    result = run("import-clip", tmp_path / "me", "-o", tmp_path / "back.clip", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["test_frames"] == 8
    assert Clip.open(tmp_path / "back.clip").info == Clip.open(tmp_path / "me.clip").info


def test_split_keeps_a_fifth_where_no_seconds_are_given(run: Callable, tmp_path: Path) -> None:
    copied_clip(tmp_path / "me.clip", frames=150)
    values = json.loads(run("split", tmp_path / "me.clip", "--json").stdout)
    assert (values["train"], values["test"]) == (120, 30)
    assert Clip.open(tmp_path / "me.clip").info.test_frames == 30


def test_mistakes_are_one_line(run: Callable, tmp_path: Path) -> None:
    copied_clip(tmp_path / "me.clip", frames=60)
    for arguments, code, part in (
        (("split", tmp_path / "me.clip", "--seconds", "12"), 1, "keeps 300 of its 60 frames"),
        (
            ("export-clip", tmp_path / "me.clip", tmp_path / "me", "--layout", "maya"),
            2,
            "no layout 'maya'",
        ),
        (("import-clip", tmp_path, "-o", tmp_path / "x.clip"), 1, "has no frames"),
        (("import-clip", tmp_path / "me.clip", "-o", tmp_path / "me.clip"), 2, "exists already"),
    ):
        result = run(*arguments)
        assert result.exit_code == code
        assert part in result.stderr
        assert result.stderr.count("\n") == 1
