"""The front ends by name."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from instag.assets import store
from instag.errors import AssetMissing, BadArgument
from instag.speech.ave import Ave, load_encoder
from instag.speech.concatenated import Concatenated
from instag.speech.deepspeech import DeepSpeech, load_frozen
from instag.speech.front_end import FrontEnd
from instag.speech.lips.front_end import LipCodeFrontEnd, SpeakerAdapter
from instag.speech.lips.whisper_components import WhisperComponents
from instag.speech.mel import Mel
from instag.speech.onnx_network import OnnxNetwork
from instag.speech.phones import Phones
from instag.speech.wav2vec2 import Wav2Vec
from instag.speech.wav2vec_files import load_wav2vec, weights_in
from instag.speech.whisper import load_whisper_encoder

EMBEDDED: dict[str, Callable[[], FrontEnd]] = {
    "mel": Mel,
    "phones": Phones,
    "whisper": WhisperComponents,
    "motion": LipCodeFrontEnd,
}
"""What needs no file."""
WITH_ASSET = ("deepspeech", "esperanto", "hubert", "ave")
"""Each needs the asset of its own name."""
ANY_CTC = "wav2vec2:"
"""Before the folder, or Hugging Face's name, of a wav2vec 2.0 model with a CTC layer."""
CONVERTED = "deepspeech.onnx"
"""DeepSpeech's graph converted to ONNX; used where output_graph.pb is not."""
VERSION, VERSIONS = 1, {"motion": 2}
"""Goes up for a front end that begins to give other features of the same sound."""
ENDS = 1 << 20
"""Bytes at either end of a file of weights that tell it from others."""
HUB = Path("huggingface") / "hub"


def create(
    name: str, *, device: str = "cpu", speaker_adapter: dict[str, Tensor] | None = None
) -> FrontEnd:
    """The front end of this name: one of the above, several joined by +, or wav2vec2: and a folder
    or a Hugging Face name.

    device: where its network computes, if it has one. speaker_adapter: an avatar's, for lip codes.
    Raises BadArgument, AssetMissing, AssetDamaged, ExtraMissing; NotAnArtefact where the adapter
    was fitted to other lip networks.
    """
    if speaker_adapter is not None:
        return LipCodeFrontEnd(
            SpeakerAdapter.of_state(speaker_adapter), ear=load_whisper_encoder().to(device)
        )
    if "+" in name and not name.startswith(ANY_CTC):
        return Concatenated(tuple(create(part, device=device) for part in name.split("+")))
    if name in EMBEDDED:
        return EMBEDDED[name]()
    return _with_network(name, weights(name), device)


def kind_of(name: str) -> Literal["audio", "lip_codes"]:
    """The kind of conditioning that a front end of this name computes."""
    return LipCodeFrontEnd.kind if name == LipCodeFrontEnd.name else FrontEnd.kind


def weights(name: str) -> Path:
    """The file (or folder) that a front end of this name reads, without reading it. Raises
    BadArgument, AssetMissing."""
    if name.startswith(ANY_CTC):
        return _ctc_folder(name.removeprefix(ANY_CTC))
    if name not in WITH_ASSET:
        known = ", ".join((*EMBEDDED, "mel+phones", *WITH_ASSET))
        raise BadArgument(
            f"There is no speech front end named {name!r}. Choose one of: {known}; or "
            f"{ANY_CTC}NAME, a folder or a Hugging Face name."
        )
    path = store.find(name)
    if path is None and name == "deepspeech":
        path = next(
            (
                folder / part / CONVERTED
                for folder in store.folders()
                for part in ("", name)
                if (folder / part / CONVERTED).is_file()
            ),
            None,
        )
    if path is None:
        asset = store.named(name)
        size = sum(source.mib for source in asset.sources)
        raise AssetMissing(
            f"The speech front end {name!r} needs {asset.file} ({size:,.0f} MiB to download), "
            "which is neither in "
            f"{' nor in '.join(map(str, store.folders()))}. Get it: instag assets get {name}"
        )
    return path


def require(name: str) -> None:
    """Say at once whether a front end can be made, without reading its weights. Raises BadArgument,
    AssetMissing."""
    for part in [name] if name.startswith(ANY_CTC) else name.split("+"):
        if part not in EMBEDDED:
            weights(part)


def identity(name: str) -> str:
    """What the features of this name depend on besides the sound: version and weights. Raises
    BadArgument, AssetMissing."""
    if name.startswith(ANY_CTC) or (name not in EMBEDDED and "+" not in name):
        path = weights(name)
        return (
            f"{name} {VERSIONS.get(name, VERSION)} "
            f"{_fingerprint(weights_in(path) if path.is_dir() else path)}"
        )
    return " + ".join(
        f"{part} {VERSIONS.get(part, VERSION)}" if part in EMBEDDED else identity(part)
        for part in name.split("+")
    )


def _fingerprint(path: Path) -> str:
    """Of the length and both ends of a file: weights are too large to read for it."""
    length = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(f"{length} ".encode() + file.read(ENDS))
        file.seek(max(0, length - ENDS))
        digest.update(file.read())
    return digest.hexdigest()[:16]


def _with_network(name: str, path: Path, device: str) -> FrontEnd:
    if name == "deepspeech":
        return DeepSpeech(
            OnnxNetwork(path) if path.suffix == ".onnx" else load_frozen(path).to(device)
        )
    if name == "ave":
        return Ave(load_encoder(path).to(device))
    model = load_wav2vec(path, letters=name != "hubert")
    return Wav2Vec(name, replace(model, network=model.network.to(device)))


def _ctc_folder(name: str) -> Path:
    """The folder itself; or of that Hugging Face name, among the assets or in the cache of
    huggingface_hub."""
    here = Path(name).expanduser()
    if here.is_dir():
        return here
    candidates = [folder / name for folder in store.folders()]
    snapshots = Path.home() / ".cache" / HUB / f"models--{name.replace('/', '--')}" / "snapshots"
    candidates += sorted(snapshots.iterdir()) if snapshots.is_dir() else []
    found = next((folder for folder in candidates if folder.is_dir()), None)
    if found is None:
        raise AssetMissing(
            f"There is no folder {name}, and no model of that name in "
            f"{' or '.join(map(str, store.folders()))} or the cache of Hugging Face. "
            f"Get it (about 1.3 GB for a large one): hf download {name} --local-dir "
            f"{store.folders()[0] / name}"
        )
    return found
