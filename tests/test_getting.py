"""`instag assets get` from end to end: every form of file from a server on this machine, and what
is said where it goes wrong."""

import dataclasses
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from capture.networks.onnx_files import write_chain
from capture.networks.test_bodypix import heads, layers
from instag.assets import store
from instag.assets.registry import ASSETS
from web import Server, serving

FORMS = ("syncnet", "lpips", "fan", "hair", "bodypix")


def zipped(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, "content" * 40_000)
    return held.getvalue()


def files(folder: Path) -> dict[str, bytes]:
    """What publishers send, of the right forms; tensors are of the right names and shapes."""
    found = {}
    for asset in (store.SYNCNET, store.LPIPS):
        for source in asset.sources:
            torch.save(
                {name: torch.zeros(shape) for name, shape in source.tensors.items()},
                folder / source.file,
            )
            found[source.file] = (folder / source.file).read_bytes()
    found["2DFAN4-cd938726ad.zip"] = zipped("fan/data.pkl", "fan/constants.pkl")
    found["hair_segmentation.tflite"] = b"\x1c\x00\x00\x00TFL3" + bytes(300_000)
    found["MobileNetV1-x050-stride16.onnx"] = write_chain(
        folder / "a.onnx", layers(), heads()
    ).read_bytes()
    return found


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return files(tmp_path_factory.mktemp("published"))


@pytest.fixture
def server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: dict[str, bytes]
) -> Iterator[Server]:
    """All assets come from this machine, with the digests of what lies here."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "assets"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    with serving(dict(published)) as running:

        def here(source: store.Source) -> store.Source:
            digest = (
                hashlib.sha256(published[source.file]).hexdigest()
                if source.file in published
                else source.sha256
            )
            return dataclasses.replace(source, address=running.address(source.file), sha256=digest)

        moved = [
            dataclasses.replace(asset, sources=tuple(here(source) for source in asset.sources))
            for asset in ASSETS
        ]
        monkeypatch.setattr(store, "ASSETS", tuple(moved))
        yield running


def words(result) -> str:
    return " ".join(result.stderr.split())


@pytest.mark.parametrize("name", FORMS)
def test_every_form_arrives(run, server: Server, name: str) -> None:
    done = run("assets", "get", name, "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["path"] == str(store.find(name)) == str(store.check(name))
    folder = store.folders()[0] / name
    assert list(folder.iterdir()) == [folder / store.named(name).file], "nothing is left of the way"


@pytest.mark.parametrize("name", FORMS)
def test_a_broken_download_goes_on(run, server: Server, name: str) -> None:
    server.breaks_after = 2_000
    broken = run("assets", "get", name, "-q")
    assert broken.exit_code == 1
    assert "broke" in words(broken)
    assert (
        "are here already and need not be sent again. Or download it where there is network, "
        f"copy it here, and: instag assets get {name}" in words(broken)
    )
    assert store.find(name) is None
    server.breaks_after = None
    assert run("assets", "get", name, "-q").exit_code == 0
    assert "bytes=2000-" in server.asked
    store.check(name)


@pytest.mark.parametrize("name", FORMS)
def test_another_file_is_not_kept(run, server: Server, name: str) -> None:
    """The digest tells; where none is published, what is in the file."""
    for file in server.files:
        server.files[file] = b"<html>Sign in to go on</html>" * 100
    changed = run("assets", "get", name, "-q")
    assert changed.exit_code == 1
    assert "is not the published file" in words(changed)
    assert f"instag assets get {name} --from" in words(changed)
    trusting = tuple(
        dataclasses.replace(
            asset, sources=tuple(dataclasses.replace(source, sha256="") for source in asset.sources)
        )
        for asset in store.ASSETS
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "ASSETS", trusting)
        strange = run("assets", "get", name, "-q")
    assert strange.exit_code == 1
    assert "is not usable" in words(strange)
    assert store.find(name) is None


@pytest.mark.parametrize("name", FORMS)
def test_what_is_gone_is_said_with_the_way_by_hand(
    run, server: Server, published: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    server.files.clear()
    gone = run("assets", "get", name, "-q")
    assert gone.exit_code == 1
    assert "the server says 404 Not Found" in words(gone)
    options = [part for source in store.named(name).sources for part in ("--from", source.file)]
    assert f"instag assets get {name} {' '.join(options)}" in words(gone)
    for source in store.named(name).sources:
        (tmp_path / source.file).write_bytes(published[source.file])
    brought = [tmp_path / option if option != "--from" else option for option in options]
    assert run("assets", "get", name, *brought, "-q").exit_code == 0, (
        "the command that was said works"
    )
    store.check(name)


def test_who_is_sent_elsewhere_arrives(run, server: Server) -> None:
    server.files["cdn.bin"] = server.files.pop("hair_segmentation.tflite")
    server.moved["hair_segmentation.tflite"] = "cdn.bin"
    assert run("assets", "get", "hair", "-q").exit_code == 0


def test_a_full_disk_is_said(run, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 1000))
    full = run("assets", "get", "fan", "-q")
    assert full.exit_code == 1
    assert "MiB free. Free some space there and run it again." in words(full)


def test_a_server_that_does_not_answer_is_said(
    run, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = dataclasses.replace(
        store.named("hair").sources[0], address="http://127.0.0.1:9/hair_segmentation.tflite"
    )
    monkeypatch.setattr(
        store, "ASSETS", (dataclasses.replace(store.named("hair"), sources=(away,)),)
    )
    silent = run("assets", "get", "hair", "-q")
    assert silent.exit_code == 1
    assert "Check the network and run the same command again." in words(silent)
