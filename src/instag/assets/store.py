"""The asset store: optional model files that others publish, found on this machine or downloaded.

instag works without any of them. It looks in $INSTAG_ASSETS and ~/.cache/instag, directly or in a
folder of the asset's name.
"""

import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instag.assets.download import download
from instag.assets.file_formats import FileFormat, format_error
from instag.assets.registry import ASSETS, DEEPSPEECH, LPIPS, SYNCNET, Asset, Source
from instag.assets.tensor_files import MIB, mismatch, read_tensors
from instag.errors import AssetDamaged, AssetMissing, BadArgument
from instag.runtime.files import atomic_path, sha256_of
from instag.runtime.home import is_file, users_home
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
]

VARIABLE = "INSTAG_ASSETS"
ARCHIVE = ".zip"
RUNS_CODE = (FileFormat.TORCHSCRIPT,)
"""Formats of files whose own code is run."""
MOST_UNPACKED = 8 * 2**30
"""Bytes of a model file in an archive; DeepSpeech's has 0.4 GiB."""


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
    return [*([Path(chosen)] if chosen else []), users_home() / ".cache" / "instag"]


def find(name: str) -> Path | None:
    """The asset's file on this machine, None where it is not. Raises BadArgument."""
    asset = named(name)
    candidates = (folder / part / asset.file for folder in folders() for part in ("", name))
    return next((path for path in candidates if is_file(path)), None)


def fetch(
    name: str, *, given: Sequence[Path] = (), trust: bool = False, report: Report = silent
) -> Path:
    """Put an asset where `find` looks, and return its path.

    given: files on this machine: the asset itself or its sources, under any names. The tensors in
    them identify them, not digests; only a source that is not among them is downloaded. A given
    file whose code is run (TorchScript) must have the published digest, all of it. trust: take one
    that has not. `report` gets (bytes, bytes in all) of a download. Raises BadArgument,
    AssetMissing (the download failed), AssetDamaged (another file than the asset), DiskFull.
    """
    asset = named(name)
    target = folders()[0] / asset.name / asset.file
    for path in given:
        if not path.is_file():
            raise BadArgument(f"There is no file {path}. Give {' or '.join(_file_names(asset))}.")
    if asset.sources[0].format is not FileFormat.TENSORS:
        return _fetch_single_file(asset, target, given, trust=trust, report=report)
    from_archives = {path: _unpack(path, target) for path in given if path.suffix == ARCHIVE}
    try:
        return _assemble(asset, target, [from_archives.get(path, path) for path in given], report)
    finally:
        for path in from_archives.values():
            path.unlink(missing_ok=True)


def _assemble(asset: Asset, target: Path, given: Sequence[Path], report: Report) -> Path:
    """Write the asset from the given files, and download the sources that are not among them."""
    import numpy as np

    folder = target.parent
    contents = {path: read_tensors(path) for path in given}
    local = [
        next((path for path in contents if not mismatch(contents[path], source.tensors)), None)
        for source in asset.sources
    ]
    for path in contents:
        if path not in local:
            raise AssetDamaged(
                f"{path} is not {' or '.join(_file_names(asset))}: "
                f"{mismatch(contents[path], asset.sources[0].tensors)}. Give another file."
            )
    if len(asset.sources) == 1:
        if local[0] is None:
            _download_tensors(asset.sources[0], target, asset, report)
        else:
            with atomic_path(target) as temporary:
                shutil.copyfile(local[0], temporary)
        return target
    downloaded = [
        folder / source.file
        for source, path in zip(asset.sources, local, strict=True)
        if path is None
    ]
    combined = {}
    for source, path in zip(asset.sources, local, strict=True):
        tensors = (
            contents[path]
            if path is not None
            else _download_tensors(source, folder / source.file, asset, report)
        )
        combined |= {name: tensors[name].float().numpy() for name in source.tensors}
    with atomic_path(target) as temporary:
        np.savez(temporary, **combined)
    for path in downloaded:
        path.unlink(missing_ok=True)
    return target


def check(name: str) -> Path:
    """Read an asset that is on this machine and check its content. Raises AssetMissing,
    AssetDamaged."""
    asset, path = named(name), find(name)
    if path is None:
        raise AssetMissing(
            f"{asset.file} is not in {' or in '.join(map(str, folders()))}. Get it: {asset.way}"
        )
    file_format = asset.sources[0].format
    problem = (
        mismatch(read_tensors(path), asset.tensors)
        if file_format is FileFormat.TENSORS
        else format_error(path, file_format)
    )
    if problem:
        raise AssetDamaged(
            f"{path} is not what its name says: {problem}. Get it again: instag assets get {name}"
        )
    return path


def _check_known(path: Path, asset: Asset) -> None:
    """Raises BadArgument where a file of code has not the published digest."""
    found = sha256_of(path)
    published = asset.sources[0].sha256
    if found == published:
        return
    known = f"that of the published one is {published}" if published else "none is published"
    raise BadArgument(
        f"{path} holds code that instag would run, and may be another file than the published one: "
        f"its SHA-256 is {found}, and {known}. If you trust where it comes from: instag assets get "
        f"{asset.name} --from {path} --trust"
    )


def _fetch_single_file(
    asset: Asset, target: Path, given: Sequence[Path], *, trust: bool, report: Report
) -> Path:
    """Put a file that is no table of tensors where it belongs: the given one, else a download.
    Raises as `fetch` does."""
    source = asset.sources[0]
    for path in given:
        problem = format_error(path, source.format)
        if problem:
            raise AssetDamaged(f"{path} is not {asset.file}: {problem}. Give another file.")
        if source.format in RUNS_CODE and not trust:
            _check_known(path, asset)
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)
        return target
    _download_file(source, target, asset, report)
    problem = format_error(target, source.format)
    if problem:
        target.unlink()
        raise AssetDamaged(
            f"What came from {source.address} is not usable: {problem}. It was deleted. Try again, "
            "or copy the file here yourself: --from FILE"
        )
    return target


def _download_tensors(
    source: Source, target: Path, asset: Asset, report: Report
) -> "dict[str, Tensor]":
    """The tensors of one source: downloaded, unless an earlier run did; checked either way."""
    if asset.by_hand:
        raise AssetMissing(
            f"{asset.name} can not be downloaded: its publisher gives it to those who register. "
            f"Get it by hand: {asset.by_hand}"
        )
    packed = source.address.endswith(ARCHIVE)
    if not target.is_file():
        archive_file = target.with_name(source.file) if packed else target
        if not archive_file.is_file():  # unpacking may have stopped at a full disk
            _download_file(source, archive_file, asset, report)
        if packed:
            try:
                _unpack(archive_file, target).replace(target)
            except AssetDamaged:
                archive_file.unlink()
                raise
            archive_file.unlink()
    tensors, problem = {}, ""
    try:
        tensors = read_tensors(target)
        problem = mismatch(tensors, source.tensors)
    except AssetDamaged as error:
        problem = str(error).removesuffix(".")
    if problem:
        target.unlink()
        raise AssetDamaged(
            f"What came from {source.address} is not usable: {problem}. It was deleted. Try again, "
            "or copy the file here yourself: --from FILE"
        )
    return tensors


def _download_file(source: Source, target: Path, asset: Asset, report: Report) -> None:
    """Download a source. The errors say how to copy it by hand."""
    try:
        download(source.address, target, sha256=source.sha256, report=report)
    except (AssetMissing, AssetDamaged) as error:
        files = " ".join(f"--from {each.file}" for each in asset.sources)
        raise type(error)(
            f"{error} Or download it where there is network, copy it here, and: instag assets get "
            f"{asset.name} {files}"
        ) from error


def _unpack(archive: Path, target: Path) -> Path:
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
                left = members[0].file_size
                if left > MOST_UNPACKED:
                    raise AssetDamaged(
                        f"{archive} unpacks to {left / 2**30:.1f} GiB. Give another file."
                    )
                while left and (block := source.read(min(left, MIB))):
                    file.write(block)
                    left -= len(block)
    except (
        zipfile.BadZipFile,
        EOFError,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        ValueError,
        struct.error,
    ) as error:
        raise AssetDamaged(
            f"{archive} is damaged or no zip archive ({error}). Delete it and get it again."
        ) from error
    return unpacked


def _file_names(asset: Asset) -> list[str]:
    return list(dict.fromkeys([asset.file, *(source.file for source in asset.sources)]))
