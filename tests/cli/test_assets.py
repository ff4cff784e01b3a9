"""`instag assets convert-bfm`: from the published files to one that prepare finds, and what it says
where they are not."""

import json
import shutil
from pathlib import Path

import pytest

from capture.tracking.bfm import faces
from instag.assets import store
from instag.capture.tracking.bfm import conversion
from instag.capture.tracking.bfm.basel import load_model
from instag.errors import AssetMissing


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return faces.write_published(tmp_path_factory.mktemp("published")).parent


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    return tmp_path / "assets"


def test_tables_beside_the_model_are_taken(run, published: Path, home: Path) -> None:
    done = run("assets", "convert-bfm", published / "01_MorphableModel.mat", "--json")
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["path"] == str(home / "bfm" / "bfm.npz") == str(store.find("bfm"))
    assert result["tables"]["exp_info.npy"] == str(published / "exp_info.npy")
    assert load_model(home / "bfm" / "bfm.npz").shape.mean.shape == (faces.GRID**2, 3)
    assert "not here" not in next(
        line for line in run("assets", "list").stdout.splitlines() if str(home / "bfm") in line
    )


def test_tables_in_a_folder_are_taken(run, published: Path, tmp_path: Path, home: Path) -> None:
    shutil.copyfile(published / "01_MorphableModel.mat", tmp_path / "01_MorphableModel.mat")
    assert (
        run(
            "assets", "convert-bfm", tmp_path / "01_MorphableModel.mat", "--tables", published, "-q"
        ).exit_code
        == 0
    )
    assert (home / "bfm" / "bfm.npz").is_file()
    wrong = run("assets", "convert-bfm", tmp_path / "01_MorphableModel.mat", "--tables", tmp_path)
    assert wrong.exit_code == 2
    assert (
        "has no exp_info.npy. Get it from https://raw.githubusercontent.com/YudongGuo/AD-NeRF"
        in " ".join(wrong.stderr.split())
    )


def test_missing_tables_are_downloaded(
    run, published: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(published / "01_MorphableModel.mat", tmp_path / "01_MorphableModel.mat")
    asked: list[str] = []

    def download(address: str, target: Path, **_: object) -> None:
        asked.append(address)
        if len(asked) == 3:
            raise AssetMissing(f"{address} could not be downloaded: no network.")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(published / target.name, target)

    monkeypatch.setattr(conversion, "download", download)
    broken = run("assets", "convert-bfm", tmp_path / "01_MorphableModel.mat")
    assert broken.exit_code == 1
    assert (
        "Or copy topology_info.npy yourself into the folder of 01_MorphableModel.mat."
        in " ".join(broken.stderr.split())
    )
    assert run("assets", "convert-bfm", tmp_path / "01_MorphableModel.mat").exit_code == 0
    assert [address.rsplit("/", 1)[-1] for address in asked] == [
        "exp_info.npy",
        "keys_info.npy",
        "topology_info.npy",
        "topology_info.npy",
    ]
    assert (home / "bfm" / "bfm.npz").is_file()


def test_wrong_files_are_told(run, published: Path, tmp_path: Path, home: Path) -> None:
    missing = run("assets", "convert-bfm", tmp_path / "none.mat")
    assert missing.exit_code == 2
    assert "There is no file" in missing.stderr
    (tmp_path / "part.mat").write_bytes((published / "01_MorphableModel.mat").read_bytes()[:4000])
    damaged = run("assets", "convert-bfm", tmp_path / "part.mat", "--tables", published)
    assert damaged.exit_code == 1
    assert "part.mat" in damaged.stderr
    assert not (home / "bfm" / "bfm.npz").exists()
