"""The table of speech front ends, and how one is made by its name.

Importing the table loads no network and not torch: the command line's help is made from it.
"""

import hashlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from instag.assets import store
from instag.assets.backend import Backend, named, names
from instag.errors import AssetMissing, BadArgument
from instag.runtime.home import is_file, is_folder, users_home

if TYPE_CHECKING:
    from torch import Tensor

    from instag.speech.front_end import FrontEnd

LIP_CODE_FRONT_END = "motion"
ANY_CTC = "wav2vec2:"
"""Before the folder, or Hugging Face's name, of a Wav2Vec 2.0 model with a CTC layer."""
CONVERTED_DEEPSPEECH = "deepspeech.onnx"
"""DeepSpeech's graph converted to ONNX; used where output_graph.pb is missing."""
REMOVED = ("phones",)
"""Front ends of earlier versions, alone or joined to others by `+`: `whisper` predicts the lips
better in every condition that was measured."""
VERSIONS = {LIP_CODE_FRONT_END: 4}
"""Of front ends that have begun to give other features of the same sound; 1 of all others."""
SAME_CODES = {f"{LIP_CODE_FRONT_END} 4": (f"{LIP_CODE_FRONT_END} 3",)}
"""Earlier identities whose lip codes mean the same: the networks that predict them changed alone,
and priors learn from codes that were seen."""
HASHED_ENDS = 1 << 20
"""Bytes at either end of a file of weights that identify it."""
HUGGING_FACE_CACHE = Path(".cache", "huggingface", "hub")


def _lip_codes(device: str) -> "FrontEnd":
    from instag.speech.lips.front_end import LipCodeFrontEnd

    return LipCodeFrontEnd()


def _whisper(device: str) -> "FrontEnd":
    from instag.speech.lips.whisper_components import WhisperComponents

    return WhisperComponents()


def _mel(device: str) -> "FrontEnd":
    from instag.speech.mel import Mel

    return Mel()


def _deepspeech(device: str) -> "FrontEnd":
    from instag.speech.deepspeech import DeepSpeech, load_frozen
    from instag.speech.onnx_network import OnnxNetwork

    path = weights("deepspeech")
    return DeepSpeech(OnnxNetwork(path) if path.suffix == ".onnx" else load_frozen(path).to(device))


def _esperanto(device: str) -> "FrontEnd":
    return _wav2vec("esperanto", device, letters=True)


def _hubert(device: str) -> "FrontEnd":
    return _wav2vec("hubert", device, letters=False)


def _ave(device: str) -> "FrontEnd":
    from instag.speech.ave import Ave, load_encoder

    return Ave(load_encoder(weights("ave")).to(device))


def _wav2vec(name: str, device: str, *, letters: bool) -> "FrontEnd":
    from instag.speech.wav2vec2 import Wav2Vec
    from instag.speech.wav2vec_files import load_wav2vec

    model = load_wav2vec(weights(name), letters=letters)
    return Wav2Vec(name, replace(model, network=model.network.to(device)))


FRONT_ENDS: "tuple[Backend[FrontEnd], ...]" = (
    Backend(
        name=LIP_CODE_FRONT_END,
        help="lip codes, the lips' motion that a voice asks for; default of draft, few, long",
        load=_lip_codes,
    ),
    Backend(name="whisper", help="64 components of Whisper's first blocks", load=_whisper),
    Backend(name="mel", help="log mel bands; default of reference", load=_mel),
    Backend(
        name="deepspeech",
        help="DeepSpeech's letter logits, the paper's",
        assets=("deepspeech",),
        load=_deepspeech,
    ),
    Backend(
        name="esperanto",
        help="Wav2Vec 2.0's letter logits",
        assets=("esperanto",),
        load=_esperanto,
    ),
    Backend(name="hubert", help="HuBERT's last hidden state", assets=("hubert",), load=_hubert),
    Backend(name="ave", help="SyncTalk's audio-visual encoder", assets=("ave",), load=_ave),
)
"""`load` takes the device on which a network of published weights computes, and returns the front
end. Raises AssetMissing, AssetDamaged."""
ANY_CTC_HELP = (
    "any Wav2Vec 2.0 with a CTC layer: a folder, or a Hugging Face name that `hf download` fetched"
)


def choices() -> str:
    """The names that a user can choose from, for help and errors."""
    return f"{', '.join(names(FRONT_ENDS))} or {ANY_CTC}FOLDER"


def create(
    name: str, *, device: str = "cpu", speaker_adapter: "dict[str, Tensor] | None" = None
) -> "FrontEnd":
    """The front end of this name: one of the table, or wav2vec2: and a folder or a Hugging Face
    name.

    device: where its network computes, if it has one. speaker_adapter: an avatar's, for lip codes.
    Raises BadArgument, AssetMissing, AssetDamaged; NotAnArtefact where the adapter was fitted to
    other lip networks.
    """
    if speaker_adapter is not None:
        from instag.speech.lips.adapter import SpeakerAdapter
        from instag.speech.lips.front_end import LipCodeFrontEnd
        from instag.speech.whisper import load_whisper_encoder

        return LipCodeFrontEnd(
            SpeakerAdapter.of_state(speaker_adapter), encoder=load_whisper_encoder().to(device)
        )
    if name.startswith(ANY_CTC):
        return _wav2vec(name, device, letters=True)
    return _row(name).load(device)


def kind_of(name: str) -> Literal["audio", "lip_codes"]:
    """The kind of conditioning that a front end of this name computes."""
    return "lip_codes" if name == LIP_CODE_FRONT_END else "audio"


def check_name(name: str) -> None:
    """Raises BadArgument where no front end has this name."""
    if not name.startswith(ANY_CTC):
        _row(name)


def require(name: str) -> None:
    """Say at once whether a front end can be made, without reading its weights. Raises BadArgument,
    AssetMissing."""
    if name.startswith(ANY_CTC) or _row(name).assets:
        weights(name)


def weights(name: str) -> Path:
    """The file (or folder) that a front end of this name reads, without reading it. Raises
    BadArgument, AssetMissing."""
    if name.startswith(ANY_CTC):
        return _ctc_folder(name.removeprefix(ANY_CTC))
    asset = store.named(_row(name).assets[0])
    path = store.find(asset.name)
    if path is None and name == "deepspeech":
        path = _converted_deepspeech()
    if path is None:
        size = sum(source.mib for source in asset.sources)
        raise AssetMissing(
            f"The speech front end {name!r} needs {asset.file} ({size:,.0f} MiB to download), "
            "which is not in "
            f"{' or in '.join(map(str, store.folders()))}. Get it: instag assets get {asset.name}"
        )
    return path


def identity(name: str) -> str:
    """What the features of this name depend on besides the sound: version and weights. Raises
    BadArgument, AssetMissing."""
    versioned = f"{name} {VERSIONS.get(name, 1)}"
    if not name.startswith(ANY_CTC) and not _row(name).assets:
        return versioned
    path = weights(name)
    if path.is_dir():
        from instag.speech.wav2vec_files import weights_in

        path = weights_in(path)
    return f"{versioned} {_fingerprint(path)}"


def _row(name: str) -> "Backend[FrontEnd]":
    """Raises BadArgument."""
    if name in names(FRONT_ENDS):
        return named(FRONT_ENDS, name)
    if name in REMOVED or "+" in name:
        raise BadArgument(
            f"The speech front end {name!r} was removed in instag 0.2: others predict the lips "
            "better. An avatar that was made with it must be learned again from its clip: instag "
            "adapt CLIP --speech motion (or whisper)."
        )
    raise BadArgument(
        f"There is no speech front end named {name!r}. Choose one of: "
        f"{', '.join(names(FRONT_ENDS))}; or {ANY_CTC}NAME, a folder or a Hugging Face name."
    )


def _fingerprint(path: Path) -> str:
    """Of the length and both ends of a file: weights are too large to read for it."""
    length = path.stat().st_size
    with path.open("rb") as file:
        digest = hashlib.sha256(f"{length} ".encode() + file.read(HASHED_ENDS))
        file.seek(max(0, length - HASHED_ENDS))
        digest.update(file.read())
    return digest.hexdigest()[:16]


def _converted_deepspeech() -> Path | None:
    candidates = (
        folder / part / CONVERTED_DEEPSPEECH
        for folder in store.folders()
        for part in ("", "deepspeech")
    )
    return next((path for path in candidates if is_file(path)), None)


def _ctc_folder(name: str) -> Path:
    """The folder itself; or of that Hugging Face name, among the assets or in the cache of
    huggingface_hub."""
    here = Path(name)
    with suppress(RuntimeError):  # nobody knows the home
        here = here.expanduser()
    if is_folder(here):
        return here
    candidates = [folder / name for folder in store.folders()]
    model = users_home() / HUGGING_FACE_CACHE / f"models--{name.replace('/', '--')}"
    snapshots = model / "snapshots"
    candidates += sorted(snapshots.iterdir()) if is_folder(snapshots) else []
    found = next((folder for folder in candidates if is_folder(folder)), None)
    if found is None:
        raise AssetMissing(
            f"There is no folder {name}, and no model of that name in "
            f"{' or '.join(map(str, store.folders()))} or the cache of Hugging Face. "
            f"Get it (about 1.3 GB for a large one): hf download {name} --local-dir "
            f"{store.folders()[0] / name}"
        )
    return found
