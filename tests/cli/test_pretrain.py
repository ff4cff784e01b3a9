"""`pretrain` and `import-prior` as a shell sees them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from instag.models.prior import Prior
from instag.training import pretrain_recipes
from instag.training.schedules import shortened
from shared_files import copied_clip


def test_pretrain_writes_a_prior_and_says_what_it_took(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = replace(
        shortened(pretrain_recipes.draft(), 0.005), size=64, face_splats=100, mouth_splats=50
    )
    monkeypatch.setitem(pretrain_recipes.PRETRAIN_RECIPES, "draft", lambda: tiny)
    clips = [
        copied_clip(tmp_path / f"{seed}.clip", seed=seed, frames=frames).folder
        for seed, frames in ((1, 55), (3, 51))
    ]
    result = run(
        "pretrain",
        *clips,
        "-o",
        tmp_path / "my.prior",
        "--recipe",
        "draft",
        "--share-speech",
        "--json",
    )
    values = json.loads(result.stdout)
    assert result.exit_code == 0
    assert values["people"] == 2
    assert values["share_speech"]
    assert Prior.open(tmp_path / "my.prior").info.people == 2


def test_what_is_no_clip_is_said_in_a_line(run, tmp_path: Path) -> None:
    result = run("pretrain", tmp_path / "none.clip", "-o", tmp_path / "my.prior")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "instag prepare" in result.stderr


@pytest.mark.usefixtures("empty_inputs")
def test_an_existing_prior_is_kept(run, tmp_path: Path) -> None:
    (tmp_path / "my.prior").write_text("mine")
    for command in (("pretrain", "me.clip"), ("import-prior", "face.pth", "mouth.pth")):
        result = run(*command, "-o", tmp_path / "my.prior")
        assert result.exit_code == 2
        assert "--overwrite" in result.stderr


def test_import_prior_names_the_files_that_it_wants(run, tmp_path: Path) -> None:
    result = run(
        "import-prior", tmp_path / "face.pth", tmp_path / "mouth.pth", "-o", tmp_path / "x.prior"
    )
    assert result.exit_code == 1
    assert "chkpnt_ema_face_latest.pth" in result.stderr
