"""Assets: optional model files that others publish, found on this machine or fetched from where
they lie.

instag works without any of them. They are looked for in $INSTAG_ASSETS and ~/.cache/instag,
directly or in a folder of the asset's name.
"""

import os
import pickle
import shutil
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instag.assets.download import download
from instag.assets.file_formats import Form, what_is_wrong
from instag.assets.registry import ASSETS, DEEPSPEECH, LPIPS, SYNCNET, Asset, Shapes, Source
from instag.errors import AssetDamaged, AssetMissing, BadArgument
from instag.runtime.files import atomic_path
from instag.runtime.progress import Report, silent

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "ASSETS",
    "DEEPSPEECH",
    "LPIPS",
    "SYNCNET",
    "Asset",
    "Source",
    "check",
    "fetch",
    "find",
    "folders",
    "named",
    "read_tensors",
]

VARIABLE = "INSTAG_ASSETS"
ARCHIVE = ".zip"


def named(name: str) -> Asset:
    """The asset of this name. Raises BadArgument."""
    for asset in ASSETS:
        if asset.name == name:
            return asset
    raise BadArgument(
        f"There is no asset {name!r}. There are: {', '.join(asset.name for asset in ASSETS)}."
    )


def folders() -> list[Path]:
    """Where assets are looked for; `fetch` writes into the first."""
    chosen = os.environ.get(VARIABLE)
    return [*([Path(chosen)] if chosen else []), Path.home() / ".cache" / "instag"]


def find(name: str) -> Path | None:
    """The asset's file on this machine, None where it is not. Raises BadArgument."""
    asset = named(name)
    candidates = (folder / part / asset.file for folder in folders() for part in ("", name))
    return next((path for path in candidates if path.is_file()), None)


def fetch(name: str, *, given: Sequence[Path] = (), report: Report = silent) -> Path:
    """Put an asset where `find` sees it, and say where that is.

    given: files that are on this machine: the asset itself or its sources, under any names. They
    are known by the tensors in them, not by digest; only a source that is not among them is
    downloaded. `report` gets (bytes, bytes in all) of a download. Raises BadArgument, AssetMissing
    (not to be had from the network), AssetDamaged (not what it should be), DiskFull.
    """
    asset = named(name)
    target = folders()[0] / asset.name / asset.file
    for path in given:
        if not path.is_file():
            raise BadArgument(f"There is no file {path}. Give {' or '.join(_file_names(asset))}.")
    if asset.sources[0].form is not Form.TENSORS:
        return _fetch_whole(asset, target, given, report)
    unpacked = {path: _unpacked(path, target) for path in given if path.suffix == ARCHIVE}
    try:
        return _assembled(asset, target, [unpacked.get(path, path) for path in given], report)
    finally:
        for path in unpacked.values():
            path.unlink(missing_ok=True)


def _assembled(asset: Asset, target: Path, given: Sequence[Path], report: Report) -> Path:
    """Write the asset from the given files, and from downloads of those sources that are not among
    them."""
    import numpy as np

    folder = target.parent
    held = {path: read_tensors(path) for path in given}
    local = [
        next((path for path in held if not _wrong(held[path], source.tensors)), None)
        for source in asset.sources
    ]
    for path in held:
        if path not in local:
            raise AssetDamaged(
                f"{path} is not {' or '.join(_file_names(asset))}: "
                f"{_wrong(held[path], asset.sources[0].tensors)}. Give another file."
            )
    if len(asset.sources) == 1:
        if local[0] is None:
            _download(asset.sources[0], target, asset, report)
        else:
            with atomic_path(target) as temporary:
                shutil.copyfile(local[0], temporary)
        return target
    downloaded = [
        folder / source.file
        for source, path in zip(asset.sources, local, strict=True)
        if path is None
    ]
    joined = {}
    for source, path in zip(asset.sources, local, strict=True):
        tensors = (
            held[path]
            if path is not None
            else _download(source, folder / source.file, asset, report)
        )
        joined |= {name: tensors[name].float().numpy() for name in source.tensors}
    with atomic_path(target) as temporary:
        np.savez(temporary, **joined)
    for path in downloaded:
        path.unlink(missing_ok=True)
    return target


def check(name: str) -> Path:
    """Read an asset that is on this machine, and look whether all is in it. Raises AssetMissing,
    AssetDamaged."""
    asset, path = named(name), find(name)
    if path is None:
        raise AssetMissing(
            f"{asset.file} is neither in {' nor in '.join(map(str, folders()))}. Get it: "
            f"{asset.way}"
        )
    form = asset.sources[0].form
    wrong = (
        _wrong(read_tensors(path), asset.tensors)
        if form is Form.TENSORS
        else what_is_wrong(path, form)
    )
    if wrong:
        raise AssetDamaged(
            f"{path} is not what its name says: {wrong}. Get it again: instag assets get {name}"
        )
    return path


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """All tensors of an npz, a frozen graph (.pb) or a file that torch.save wrote (weights only:
    nothing in it is executed). Raises AssetDamaged."""
    import numpy as np
    import torch

    if path.suffix == ".pb":
        from instag.assets.tf_graph import constants

        return {name: torch.from_numpy(value) for name, value in constants(path).items()}
    try:
        if _is_npz(path):
            with np.load(path, allow_pickle=False) as stored:
                return {name: torch.from_numpy(stored[name]) for name in stored.files}
        stored = torch.load(path, map_location="cpu", weights_only=True)
        stored = stored.get("state_dict", stored) if isinstance(stored, dict) else stored
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        RuntimeError,
        EOFError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AssetDamaged(
            f"{path} is damaged or no file of tensors ({reason}). Get it again: `instag assets "
            "list` says from where."
        ) from error
    if not isinstance(stored, dict):
        raise AssetDamaged(
            f"{path} holds one {type(stored).__name__}, not tensors with names. Get it again: "
            "`instag assets list` says from where."
        )
    return {str(name): value for name, value in stored.items() if isinstance(value, torch.Tensor)}


def _fetch_whole(asset: Asset, target: Path, given: Sequence[Path], report: Report) -> Path:
    """Put a file that is no table of tensors where it belongs: from those given, else from the
    network. Raises as `fetch` does."""
    source = asset.sources[0]
    for path in given:
        wrong = what_is_wrong(path, source.form)
        if wrong:
            raise AssetDamaged(f"{path} is not {asset.file}: {wrong}. Give another file.")
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)
        return target
    _bring(source, target, asset, report)
    wrong = what_is_wrong(target, source.form)
    if wrong:
        target.unlink()
        raise AssetDamaged(
            f"What came from {source.address} is not usable: {wrong}. It was deleted. Try again, "
            "or bring the file yourself: --from FILE"
        )
    return target


def _is_npz(path: Path) -> bool:
    """Files of torch.save are zip files too."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())


def _download(source: Source, target: Path, asset: Asset, report: Report) -> "dict[str, Tensor]":
    """Fetch one source, unless an earlier run has; what is in it is looked at either way."""
    if asset.by_hand:
        raise AssetMissing(
            f"{asset.name} can not be downloaded: its publisher gives it to those who register. "
            f"Get it by hand: {asset.by_hand}"
        )
    packed = source.address.endswith(ARCHIVE)
    if not target.is_file():
        arrived = target.with_name(source.file) if packed else target
        if not arrived.is_file():  # unpacking may have stopped at a full disk
            _bring(source, arrived, asset, report)
        if packed:
            try:
                _unpacked(arrived, target).replace(target)
            except AssetDamaged:
                arrived.unlink()
                raise
            arrived.unlink()
    tensors, wrong = {}, ""
    try:
        tensors = read_tensors(target)
        wrong = _wrong(tensors, source.tensors)
    except AssetDamaged as error:
        wrong = str(error).removesuffix(".")
    if wrong:
        target.unlink()
        raise AssetDamaged(
            f"What came from {source.address} is not usable: {wrong}. It was deleted. Try again, "
            "or bring the file yourself: --from FILE"
        )
    return tensors


def _bring(source: Source, target: Path, asset: Asset, report: Report) -> None:
    """Download a source, or say how to bring it by hand."""
    try:
        download(source.address, target, sha256=source.sha256, report=report)
    except (AssetMissing, AssetDamaged) as error:
        files = " ".join(f"--from {each.file}" for each in asset.sources)
        raise type(error)(
            f"{error} Or download it where there is network, bring it here, and: instag assets get "
            f"{asset.name} {files}"
        ) from error


def _unpacked(archive: Path, target: Path) -> Path:
    """The one file in an archive that ends as the target does, written beside the target under a
    name with a dot before it. Raises AssetDamaged, DiskFull."""
    unpacked = target.with_name(f".{target.stem}-unpacked{target.suffix}")
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [
                member
                for member in packed.infolist()
                if Path(member.filename).suffix == target.suffix
                and not member.filename.startswith("__MACOSX")
            ]
            if len(members) != 1:
                raise AssetDamaged(
                    f"{archive} holds {len(members)} files that end in {target.suffix}, and should "
                    "hold one. Give another file."
                )
            with (
                atomic_path(unpacked) as temporary,
                packed.open(members[0]) as source,
                temporary.open("wb") as file,
            ):
                shutil.copyfileobj(source, file, 1 << 20)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise AssetDamaged(
            f"{archive} is damaged or no zip archive ({error}). Delete it and get it again."
        ) from error
    return unpacked


def _wrong(tensors: "Mapping[str, Tensor]", wanted: Shapes) -> str:
    """What is missing or of another shape, as part of a sentence; empty where all is there."""
    for name, shape in wanted.items():
        if name not in tensors:
            return f"it has no {name}"
        if tuple(tensors[name].shape) != shape:
            return (
                f"its {name} is {'x'.join(map(str, tensors[name].shape))}, not "
                f"{'x'.join(map(str, shape))}"
            )
    return ""


def _file_names(asset: Asset) -> list[str]:
    return list(dict.fromkeys([asset.file, *(source.file for source in asset.sources)]))
