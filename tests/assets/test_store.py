"""Assets: found where they are put, joined from their sources, and never anything else under their
name."""

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import frozen
from instag.assets import store
from instag.assets.file_formats import FileFormat
from instag.errors import AssetDamaged, AssetMissing, BadArgument, DiskFull
from instag.evaluation import syncnet
from instag.ops import lpips

SHARED = Path(__file__).parents[2] / "shared" / "models" / "lpips"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No asset is there, and none can be downloaded."""
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")

    def unreachable(address: str, target: Path, **_: object) -> None:
        raise AssetMissing(f"{address} could not be downloaded: no network.")

    monkeypatch.setattr(store, "download", unreachable)
    return tmp_path / "assets"


def published(folder: Path) -> list[Path]:
    """Random weights as the two files that LPIPS is made of, AlexNet's classifier included, in the
    formats they have."""
    generator = torch.Generator().manual_seed(0)
    alexnet, heads = (
        {
            name: torch.rand(shape, generator=generator) * 0.05
            for name, shape in source.tensors.items()
        }
        for source in store.LPIPS.sources
    )
    paths = [folder / source.file for source in store.LPIPS.sources]
    torch.save({**alexnet, "classifier.6.weight": torch.zeros(1000, 16)}, paths[0])
    torch.save(heads, paths[1], _use_new_zipfile_serialization=False)
    return paths


def serve(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    """Downloads come from a folder; the list gets their names."""
    served: list[str] = []

    def download(address: str, target: Path, **_: object) -> None:
        served.append(target.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / target.name, target)

    monkeypatch.setattr(store, "download", download)
    return served


def test_lpips_is_joined_from_its_two_sources(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(tmp_path)
    served = serve(monkeypatch, tmp_path)
    path = store.fetch("lpips")
    assert served == [source.file for source in store.LPIPS.sources]
    assert path == lpips.find_weights() == store.check("lpips") == home / "lpips" / "alex_v0.1.npz"
    assert list(path.parent.iterdir()) == [path]
    with np.load(path) as stored:
        assert {name: stored[name].shape for name in stored.files} == store.LPIPS.tensors
    assert lpips.load(path)(torch.rand(1, 64, 64, 3), torch.rand(1, 64, 64, 3)).shape == (1,)


def test_files_brought_along_need_no_network(tmp_path: Path) -> None:
    alexnet, heads = published(tmp_path)
    renamed = shutil.move(heads, tmp_path / "renamed.bin")
    path = store.fetch("lpips", given=[Path(renamed), alexnet])
    again = shutil.copyfile(path, tmp_path / "whole.npz")
    path.unlink()
    assert store.fetch("lpips", given=[again]) == path == store.check("lpips")


def test_only_what_is_not_brought_along_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alexnet, heads = published(tmp_path)
    with pytest.raises(
        AssetMissing, match=rf"no network.*--from {alexnet.name} --from {heads.name}"
    ):
        store.fetch("lpips", given=[alexnet])
    served = serve(monkeypatch, tmp_path)
    store.fetch("lpips", given=[alexnet])
    assert served == [heads.name]


def test_an_interrupted_get_keeps_what_it_has(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = published(tmp_path)[1]
    hidden = heads.rename(tmp_path / "later")
    serve(monkeypatch, tmp_path)
    with pytest.raises(FileNotFoundError):
        store.fetch("lpips")
    hidden.rename(heads)
    served = serve(monkeypatch, tmp_path)
    store.fetch("lpips")
    assert served == [heads.name]


def test_syncnet_is_kept_as_it_is(tmp_path: Path, home: Path) -> None:
    network = syncnet.SyncNet()
    state = network.state_dict()
    state["netcnnlip.0.weight"] = state["netcnnlip.0.weight"].unflatten(1, (3, 5))
    torch.save(state, tmp_path / "mine.pth")
    path = store.fetch("syncnet", given=[tmp_path / "mine.pth"])
    assert path == home / "syncnet" / "syncnet_v2.model" == store.find("syncnet")
    assert path.read_bytes() == (tmp_path / "mine.pth").read_bytes()
    assert isinstance(syncnet.find(), syncnet.SyncNet)


def small_deepspeech(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """The asset with the shapes of a small graph, and that graph in the archive in which it is
    published."""
    shapes = {name: frozen.weights()[name].shape for name in store.DEEPSPEECH.tensors}
    source = dataclasses.replace(store.DEEPSPEECH.sources[0], tensors=shapes)
    monkeypatch.setattr(
        store, "ASSETS", (dataclasses.replace(store.DEEPSPEECH, sources=(source,)),)
    )
    graph = frozen.write_graph(folder / "deepspeech-0_1_0-b90017e8.pb", frozen.weights())
    archive = folder / source.file
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(graph, graph.name)
    return archive


def test_an_archive_is_unpacked(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = small_deepspeech(monkeypatch, tmp_path)
    serve(monkeypatch, tmp_path)
    path = store.fetch("deepspeech")
    assert path == home / "deepspeech" / "output_graph.pb" == store.check("deepspeech")
    assert [each.name for each in path.parent.iterdir()] == ["output_graph.pb"]
    path.unlink()
    assert (
        store.fetch("deepspeech", given=[archive]).read_bytes()
        == archive.with_suffix("").read_bytes()
    )
    path.unlink()
    assert store.fetch("deepspeech", given=[archive.with_suffix("")]) == store.check("deepspeech")


def test_a_downloaded_archive_is_kept_until_it_is_unpacked(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that was full does not cost the download; an archive of something else is not kept."""
    archive = small_deepspeech(monkeypatch, tmp_path)
    served = serve(monkeypatch, tmp_path)

    def full(*_: object) -> None:
        raise DiskFull("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(store, "_unpack", full)
        with pytest.raises(DiskFull):
            store.fetch("deepspeech")
    assert store.fetch("deepspeech") == store.check("deepspeech")
    assert served == [archive.name]
    store.check("deepspeech").unlink()
    archive.write_bytes(b"<html>")
    with pytest.raises(AssetDamaged, match="no zip archive"):
        store.fetch("deepspeech")
    assert not list((home / "deepspeech").iterdir())


def test_archives_of_something_else_are_refused(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = small_deepspeech(monkeypatch, tmp_path)
    frozen.write_graph(archive.with_suffix(""), {"other": np.zeros((2, 2), np.float32)})
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(archive.with_suffix(""), "graph.pb")
    with pytest.raises(AssetDamaged, match="it has no h1"):
        store.fetch("deepspeech", given=[archive])
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("readme.txt", "nothing")
    with pytest.raises(AssetDamaged, match=r"holds 0 files that end in \.pb"):
        store.fetch("deepspeech", given=[archive])
    archive.write_bytes(b"PK cut off")
    with pytest.raises(AssetDamaged, match="no zip archive"):
        store.fetch("deepspeech", given=[archive])
    assert store.find("deepspeech") is None


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "vgg.pth")
    with pytest.raises(AssetDamaged, match=r"features\.0\.weight is 64x3x3x3, not 64x3x11x11"):
        store.fetch("lpips", given=[tmp_path / "vgg.pth"])
    (tmp_path / "page.pth").write_text("<html>")
    with pytest.raises(AssetDamaged, match=r"page\.pth is damaged"):
        store.fetch("syncnet", given=[tmp_path / "page.pth"])
    with pytest.raises(BadArgument, match="no file"):
        store.fetch("lpips", given=[tmp_path / "nothing.npz"])
    assert store.find("lpips") is None


def test_a_source_that_changed_is_not_used(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"other": torch.zeros(1)}, tmp_path / store.SYNCNET.file)
    serve(monkeypatch, tmp_path)
    with pytest.raises(AssetDamaged, match="it has no netcnnlip"):
        store.fetch("syncnet")
    assert store.find("syncnet") is None


def test_a_damaged_asset_is_told(home: Path) -> None:
    with pytest.raises(AssetMissing, match="instag assets get lpips"):
        store.check("lpips")
    (home / "lpips").mkdir(parents=True)
    np.savez(home / "lpips" / "alex_v0.1.npz", nothing=np.zeros(1))
    with pytest.raises(AssetDamaged, match="it has no features"):
        store.check("lpips")


@pytest.mark.parametrize("asset", store.ASSETS, ids=lambda asset: asset.name)
def test_the_table_is_complete(asset: store.Asset) -> None:
    assert asset.purpose
    for source in asset.sources:
        assert source.address.startswith("https://")
        assert (
            len(source.sha256) == 64
            or (not source.sha256 and len(source.tensors) >= 3)
            or source.format is not FileFormat.TENSORS
        ), "known by its digest or by what is in it"
        assert len(source.sha256) in (0, 64)
        assert set(source.sha256) <= set("0123456789abcdef")
        assert source.licence
        assert source.mib > 0


def test_layout_of_syncnet_is_the_networks() -> None:
    shapes = {name: tuple(value.shape) for name, value in syncnet.SyncNet().state_dict().items()}
    for name, shape in store.SYNCNET.tensors.items():
        assert np.prod(shapes[name]) == np.prod(shape)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published weights are not here")
def test_the_published_weights_are_whole(tmp_path: Path) -> None:
    store.fetch("lpips", given=[SHARED / lpips.WEIGHTS])
    assert store.check("lpips").stat().st_size > 9_000_000


def test_what_can_not_be_downloaded_says_how_to_get_it() -> None:
    with pytest.raises(
        AssetMissing,
        match=(
            r"register at https://faces\.dmi\.unibas\.ch.*instag assets convert-bfm "
            r"01_MorphableModel\.mat"
        ),
    ):
        store.fetch("bfm")
    with pytest.raises(AssetMissing, match="convert-bfm"):
        store.check("bfm")


def test_commands(run, tmp_path: Path) -> None:
    assert "not here; get it: instag assets get lpips" in run("assets", "list").stdout
    assert run("assets", "check").stdout == "None are here.\n"
    unknown = run("assets", "get", "telepathy")
    assert unknown.exit_code == 2
    assert "lpips, syncnet" in unknown.stderr
    assert run("assets", "get", "syncnet").exit_code == 1
    first, second = published(tmp_path)
    assert run("assets", "get", "lpips", "--from", first, "--from", second, "-q").exit_code == 0
    listed = json.loads(run("assets", "list", "--json").stdout)["assets"]
    assert {asset["name"]: asset["path"] is not None for asset in listed} == {
        each.name: each.name == "lpips" for each in store.ASSETS
    }
    assert "whole" in run("assets", "check").stdout
    path = store.find("lpips")
    assert path is not None
    path.write_bytes(b"cut off")
    assert run("assets", "check").exit_code == 1


def test_doctor_lists_them(tmp_path: Path) -> None:
    from instag import doctor

    checks = {check.name: check for check in doctor.examine(tmp_path)}
    assert checks["asset syncnet"].state is doctor.State.OPTIONAL
    assert checks["asset syncnet"].mend == "instag assets get syncnet"
    assert dataclasses.asdict(checks["asset lpips"])["state"] == "optional"
