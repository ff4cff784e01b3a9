"""Assets: optional model files that others publish, found on this machine or fetched from where they lie.

instag works without any of them. They are looked for in $INSTAG_ASSETS and ~/.cache/instag, directly or in a folder of the
asset's name.
"""

import os
import pickle
import shutil
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from instag.download import download
from instag.errors import AssetDamaged, AssetMissing, BadArgument
from instag.files import atomic_path
from instag.frozen_graph import constants
from instag.progress import Report, silent

if TYPE_CHECKING:
    from torch import Tensor

VARIABLE = "INSTAG_ASSETS"
ARCHIVE = ".zip"
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One published file. sha256: its digest or the beginning of it, in hexadecimal; empty where its publisher names none. tensors: names and shapes that
    mark it."""

    address: str
    sha256: str
    mib: float
    licence: str
    tensors: Shapes

    @property
    def file(self) -> str:
        """The last part of the address."""
        return self.address.rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A model file. From one source it is that file (or what is in it, of a zip archive); from several, an npz of the tensors that mark them."""

    name: str
    file: str
    purpose: str
    sources: tuple[Source, ...]

    @property
    def tensors(self) -> Shapes:
        """Names and shapes of what must be in the file."""
        return {name: shape for source in self.sources for name, shape in source.tensors.items()}


LPIPS = Asset(
    name="lpips",
    file="alex_v0.1.npz",
    purpose="LPIPS, how different two pictures look: a loss in learning, a number in reports",
    sources=(
        Source(
            address="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            sha256="7be5be79",  # torchvision puts the beginning of the digest into the name
            mib=233,
            licence="BSD-3-Clause (torchvision; trained on ImageNet)",
            tensors={
                "features.0.weight": (64, 3, 11, 11),
                "features.0.bias": (64,),
                "features.3.weight": (192, 64, 5, 5),
                "features.3.bias": (192,),
                "features.6.weight": (384, 192, 3, 3),
                "features.6.bias": (384,),
                "features.8.weight": (256, 384, 3, 3),
                "features.8.bias": (256,),
                "features.10.weight": (256, 256, 3, 3),
                "features.10.bias": (256,),
            },
        ),
        Source(
            address="https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/alex.pth",
            sha256="df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
            mib=0.006,
            licence="BSD-2-Clause (Zhang et al.)",
            tensors={f"lin{number}.model.1.weight": (1, width, 1, 1) for number, width in enumerate((64, 192, 384, 256, 256))},
        ),
    ),
)

SYNCNET = Asset(
    name="syncnet",
    file="syncnet_v2.model",
    purpose="SyncNet, how well lips and speech fit: Sync-C and Sync-D in reports",
    sources=(
        Source(
            address="https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
            sha256="961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
            mib=52,
            licence="CC BY, for research (Visual Geometry Group, Oxford)",
            tensors={
                "netcnnlip.0.weight": (96, 3, 5, 7, 7),
                "netcnnaud.0.weight": (64, 1, 3, 3),
                "netfclip.3.weight": (1024, 512),
                "netfcaud.3.weight": (1024, 512),
            },
        ),
    ),
)

DEEPSPEECH = Asset(
    name="deepspeech",
    file="output_graph.pb",
    purpose="DeepSpeech 0.1.0, the speech front end of the paper's numbers",
    sources=(
        Source(
            address="https://github.com/osmr/deepspeech_features/releases/download/v0.0.1/deepspeech-0_1_0-b90017e8.pb.zip",
            sha256="",
            mib=434,
            licence="MPL-2.0 (Mozilla)",
            tensors={
                "h1": (494, 2048),
                "h3": (2048, 4096),
                "bidirectional_rnn/fw/basic_lstm_cell/kernel": (6144, 8192),
                "bidirectional_rnn/bw/basic_lstm_cell/kernel": (6144, 8192),
                "h6": (2048, 29),
            },
        ),
    ),
)

ESPERANTO = Asset(
    name="esperanto",
    file="wav2vec2-large-xlsr-53-esperanto.bin",
    purpose="Wav2Vec 2.0 for Esperanto: letters of a language that is written as it is spoken; good for many languages",
    sources=(
        Source(
            address="https://huggingface.co/cpierse/wav2vec2-large-xlsr-53-esperanto/resolve/main/pytorch_model.bin",
            sha256="",
            mib=1204,
            licence="Apache-2.0 (cpierse)",
            tensors={
                "wav2vec2.feature_extractor.conv_layers.0.conv.weight": (512, 1, 10),
                "wav2vec2.encoder.layers.23.attention.q_proj.weight": (1024, 1024),
                "lm_head.weight": (44, 1024),
            },
        ),
    ),
)

HUBERT = Asset(
    name="hubert",
    file="hubert-large-ls960-ft.bin",
    purpose="HuBERT, a speech front end for any language; wants 10 s of video or more",
    sources=(
        Source(
            address="https://huggingface.co/facebook/hubert-large-ls960-ft/resolve/d36ebff88ef5621ae52104542a466133a9191a07/pytorch_model.bin",
            sha256="542c1c366be990ef61bedc0ceaedf361d3610ff9bbc208892337b2d5d1db3acf",
            mib=1204,
            licence="Apache-2.0 (Meta)",
            tensors={
                "hubert.feature_extractor.conv_layers.0.conv.weight": (512, 1, 10),
                "hubert.encoder.layers.23.attention.q_proj.weight": (1024, 1024),
            },
        ),
    ),
)

AVE = Asset(
    name="ave",
    file="audio_visual_encoder.pth",
    purpose="SyncTalk's audio-visual encoder, a speech front end that is good at lips, best in English; may jitter",
    sources=(
        Source(
            address="https://raw.githubusercontent.com/ZiqiaoPeng/SyncTalk/main/nerf_triplane/checkpoints/audio_visual_encoder.pth",
            sha256="",
            mib=10.8,
            licence="CC BY-NC 4.0 (Peng et al.)",
            tensors={
                "0.conv_block.0.weight": (32, 1, 3, 3),
                "9.conv_block.0.weight": (256, 128, 3, 3),
                "12.conv_block.0.weight": (512, 512, 1, 1),
            },
        ),
    ),
)

ASSETS = (LPIPS, SYNCNET, DEEPSPEECH, ESPERANTO, HUBERT, AVE)


def named(name: str) -> Asset:
    """The asset of this name. Raises BadArgument."""
    for asset in ASSETS:
        if asset.name == name:
            return asset
    raise BadArgument(f"There is no asset {name!r}. There are: {', '.join(asset.name for asset in ASSETS)}.")


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

    given: files that are on this machine: the asset itself or its sources, under any names. They are known by the tensors in
    them, not by digest; only a source that is not among them is downloaded. `report` gets (bytes, bytes in all) of a download.
    Raises BadArgument, AssetMissing (not to be had from the network), AssetDamaged (not what it should be), DiskFull.
    """
    asset = named(name)
    target = folders()[0] / asset.name / asset.file
    for path in given:
        if not path.is_file():
            raise BadArgument(f"There is no file {path}. Give {' or '.join(_file_names(asset))}.")
    unpacked = {path: _unpacked(path, target) for path in given if path.suffix == ARCHIVE}
    try:
        return _assembled(asset, target, [unpacked.get(path, path) for path in given], report)
    finally:
        for path in unpacked.values():
            path.unlink(missing_ok=True)


def _assembled(asset: Asset, target: Path, given: Sequence[Path], report: Report) -> Path:
    """Write the asset from the given files, and from downloads of those sources that are not among them."""
    import numpy as np

    folder = target.parent
    held = {path: read_tensors(path) for path in given}
    local = [next((path for path in held if not _wrong(held[path], source.tensors)), None) for source in asset.sources]
    for path in held:
        if path not in local:
            raise AssetDamaged(f"{path} is not {' or '.join(_file_names(asset))}: {_wrong(held[path], asset.sources[0].tensors)}. Give another file.")
    if len(asset.sources) == 1:
        if local[0] is None:
            _download(asset.sources[0], target, asset, report)
        else:
            with atomic_path(target) as temporary:
                shutil.copyfile(local[0], temporary)
        return target
    downloaded = [folder / source.file for source, path in zip(asset.sources, local, strict=True) if path is None]
    joined = {}
    for source, path in zip(asset.sources, local, strict=True):
        tensors = held[path] if path is not None else _download(source, folder / source.file, asset, report)
        joined |= {name: tensors[name].float().numpy() for name in source.tensors}
    with atomic_path(target) as temporary:
        np.savez(temporary, **joined)
    for path in downloaded:
        path.unlink(missing_ok=True)
    return target


def check(name: str) -> Path:
    """Read an asset that is on this machine, and look whether all is in it. Raises AssetMissing, AssetDamaged."""
    asset, path = named(name), find(name)
    if path is None:
        raise AssetMissing(f"{asset.file} is neither in {' nor in '.join(map(str, folders()))}. Get it: instag assets get {name}")
    wrong = _wrong(read_tensors(path), asset.tensors)
    if wrong:
        raise AssetDamaged(f"{path} is not what its name says: {wrong}. Get it again: instag assets get {name}")
    return path


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """All tensors of an npz, a frozen graph (.pb) or a file that torch.save wrote (weights only: nothing in it is executed). Raises AssetDamaged."""
    import numpy as np
    import torch

    if path.suffix == ".pb":
        return {name: torch.from_numpy(value) for name, value in constants(path).items()}
    try:
        if _is_npz(path):
            with np.load(path, allow_pickle=False) as stored:
                return {name: torch.from_numpy(stored[name]) for name in stored.files}
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, KeyError, TypeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise AssetDamaged(f"{path} is damaged or no file of tensors ({reason}). Get it again: `instag assets list` says from where.") from error
    if not isinstance(stored, dict):
        raise AssetDamaged(f"{path} holds one {type(stored).__name__}, not tensors with names. Get it again: `instag assets list` says from where.")
    return {str(name): value for name, value in stored.items() if isinstance(value, torch.Tensor)}


def _is_npz(path: Path) -> bool:
    """Files of torch.save are zip files too."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())


def _download(source: Source, target: Path, asset: Asset, report: Report) -> "dict[str, Tensor]":
    """Fetch one source, unless an earlier run has; what is in it is looked at either way."""
    packed = source.address.endswith(ARCHIVE)
    if not target.is_file():
        try:
            download(source.address, target.with_name(source.file) if packed else target, sha256=source.sha256, report=report)
        except AssetMissing as error:
            files = " ".join(f"--from {each.file}" for each in asset.sources)
            raise AssetMissing(f"{error} Or download it where there is network, bring it here, and: instag assets get {asset.name} {files}") from error
        if packed:
            _unpacked(target.with_name(source.file), target).replace(target)
            target.with_name(source.file).unlink()
    tensors = read_tensors(target)
    wrong = _wrong(tensors, source.tensors)
    if wrong:
        target.unlink()
        raise AssetDamaged(f"What came from {source.address} is not usable: {wrong}. It was deleted. Try again, or bring the file yourself: --from FILE")
    return tensors


def _unpacked(archive: Path, target: Path) -> Path:
    """The one file in an archive that ends as the target does, written beside the target under a name with a dot before it. Raises AssetDamaged, DiskFull."""
    unpacked = target.with_name(f".{target.stem}-unpacked{target.suffix}")
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [member for member in packed.infolist() if Path(member.filename).suffix == target.suffix and not member.filename.startswith("__MACOSX")]
            if len(members) != 1:
                raise AssetDamaged(f"{archive} holds {len(members)} files that end in {target.suffix}, and should hold one. Give another file.")
            with atomic_path(unpacked) as temporary, packed.open(members[0]) as source, temporary.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise AssetDamaged(f"{archive} is damaged or no zip archive ({error}). Delete it and get it again.") from error
    return unpacked


def _wrong(tensors: "Mapping[str, Tensor]", wanted: Shapes) -> str:
    """What is missing or of another shape, as part of a sentence; empty where all is there."""
    for name, shape in wanted.items():
        if name not in tensors:
            return f"it has no {name}"
        if tuple(tensors[name].shape) != shape:
            return f"its {name} is {'x'.join(map(str, tensors[name].shape))}, not {'x'.join(map(str, shape))}"
    return ""


def _file_names(asset: Asset) -> list[str]:
    return list(dict.fromkeys([asset.file, *(source.file for source in asset.sources)]))
