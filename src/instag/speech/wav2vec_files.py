"""Files of Wav2Vec 2.0 and HuBERT models: a folder as Hugging Face's transformers writes it, or a
file of weights alone."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from instag.assets.tensor_files import load_weights_only, named_tensors
from instag.errors import AssetDamaged, AssetMissing
from instag.runtime.untrusted import check_tensors, parsing, read_text
from instag.speech.wav2vec_network import KERNELS, STRIDES, Shape, Wav2VecNetwork

AGAIN = "Copy or download it again."
MOST_CONFIG = 2**24
"""Bytes of a model's JSON."""
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
PREFIXES = ("wav2vec2.", "hubert.", "model.")
HEAD_WIDTH = 64
"""Of an attention head, in every published model; gives their number where there is no
config.json."""
POSITION = "encoder.pos_conv_embed.conv."
FIRST, LAST = "feature_extractor.conv_layers.0.conv.weight", "lm_head.weight"


@dataclass(frozen=True, kw_only=True)
class Wav2VecModel:
    """network: frozen. channels: numbers a step. normalised: the network expects a waveform of mean
    0 and deviation 1."""

    network: Wav2VecNetwork
    channels: int
    normalised: bool


def load_wav2vec(path: Path, *, letters: bool) -> Wav2VecModel:
    """Read a folder or a file of weights (nothing in it is executed). letters: with the CTC layer,
    or the last hidden state without it.

    Raises AssetMissing (a folder without weights), AssetDamaged.
    """
    folder = path if path.is_dir() else None
    file = weights_in(path) if folder else path
    config = _json(folder / "config.json") if folder else {}
    state = {_without_prefix(name): value for name, value in _read(file).items()}
    if letters and LAST not in state:
        raise AssetDamaged(
            f"{file} has no CTC layer ({LAST}): it gives hidden states, not letters. Give a model "
            "that ends in ...ForCTC, or use --speech hubert."
        )
    try:
        shape = _shape(state, config, letters=letters)
        state = _with_plain_position(state)
    except KeyError as error:
        raise AssetDamaged(
            f"{file} is no wav2vec 2.0 or HuBERT model: it has no {error.args[0]}. Give the folder "
            "of one."
        ) from error
    with torch.device("meta"):
        network = Wav2VecNetwork(shape)
    _check(state, network, file)
    network.load_state_dict(
        {name: state[name].float() for name in network.state_dict()}, assign=True
    )
    preprocessing = _json(folder / "preprocessor_config.json") if folder else {}
    normalised = bool(preprocessing.get("do_normalize", True))
    return Wav2VecModel(
        network=network.requires_grad_(False).eval(),
        channels=shape.letters or shape.hidden,
        normalised=normalised,
    )


def weights_in(folder: Path) -> Path:
    """The file of weights in a model's folder. Raises AssetMissing."""
    found = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if found is None:
        raise AssetMissing(
            f"{folder} holds neither {' nor '.join(WEIGHTS)}. Give the folder of a wav2vec 2.0 "
            "model as transformers' save_pretrained writes it."
        )
    return found


def _json(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    with parsing(path, "a model's description", AGAIN, error=AssetDamaged):
        content = json.loads(read_text(path, MOST_CONFIG))
    return content if isinstance(content, dict) else {}


def _read(path: Path) -> Mapping[str, Tensor]:
    """The weights, mapped from the file where its format allows it."""
    with parsing(path, "a file of weights", AGAIN, error=AssetDamaged):
        if path.suffix == ".safetensors":
            tensors = load_file(path)
        else:
            try:
                tensors = named_tensors(load_weights_only(path, mapped=True))
            except RuntimeError:  # the format of before 2020 can not be mapped
                tensors = named_tensors(load_weights_only(path))
        check_tensors(tensors, largest=math.inf)
        return tensors


def _without_prefix(name: str) -> str:
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    return name.removeprefix(prefix)


def _with_plain_position(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The positions' convolution with its weight multiplied out of direction and length (weight
    normalisation over the kernel's places)."""
    pairs = (
        ("weight_g", "weight_v"),
        ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    )
    for length, direction in pairs:
        if POSITION + length in state:
            rest = {
                name: value
                for name, value in state.items()
                if name not in (POSITION + length, POSITION + direction)
            }
            along = state[POSITION + direction].float()
            return {
                **rest,
                POSITION + "weight": state[POSITION + length]
                * along
                / along.norm(dim=(0, 1), keepdim=True),
            }
    return dict(state)


def _shape(state: Mapping[str, Tensor], config: Mapping[str, object], *, letters: bool) -> Shape:
    """From the weights, and for the rest from config.json. Raises KeyError, AssetDamaged."""
    strides, kernels = (
        tuple(_numbers(config, key, default))
        for key, default in (("conv_stride", STRIDES), ("conv_kernel", KERNELS))
    )
    if (strides, kernels) != (STRIDES, KERNELS):
        raise AssetDamaged(
            f"The model's convolutions have strides {strides} and kernels {kernels}; only "
            f"{STRIDES} and {KERNELS} are supported: 50 steps a second."
        )
    filters = tuple(
        state[f"feature_extractor.conv_layers.{number}.conv.weight"].shape[0]
        for number in range(len(STRIDES))
    )
    hidden = state["feature_projection.projection.weight"].shape[0]
    layers = len({name.split(".")[2] for name in state if name.startswith("encoder.layers.")})
    layered = "feature_extractor.conv_layers.1.layer_norm.weight" in state
    kernel = next(
        value
        for name, value in state.items()
        if name
        in (
            POSITION + "weight_v",
            POSITION + "parametrizations.weight.original1",
            POSITION + "weight",
        )
    )
    return Shape(
        hidden=hidden,
        layers=layers,
        heads=_number(config, "num_attention_heads", max(1, hidden // HEAD_WIDTH)),
        inner=state["encoder.layers.0.feed_forward.intermediate_dense.weight"].shape[0],
        filters=filters,
        biased="feature_extractor.conv_layers.0.conv.bias" in state,
        layered=layered,
        before=bool(config.get("do_stable_layer_norm", layered)),
        position_kernel=kernel.shape[2],
        position_groups=hidden // kernel.shape[1],
        epsilon=float(str(config.get("layer_norm_eps", 1e-5))),
        letters=state[LAST].shape[0] if letters else 0,
    )


def _number(config: Mapping[str, object], key: str, default: int) -> int:
    value = config.get(key, default)
    return value if isinstance(value, int) else default


def _numbers(config: Mapping[str, object], key: str, default: tuple[int, ...]) -> tuple[int, ...]:
    value = config.get(key, default)
    return tuple(value) if isinstance(value, (list, tuple)) else default


def _check(state: Mapping[str, Tensor], network: Wav2VecNetwork, file: Path) -> None:
    for name, own in network.state_dict().items():
        if name not in state:
            raise AssetDamaged(
                f"{file} is incomplete: it has no {name}. Copy or download it again."
            )
        if state[name].shape != own.shape:
            found, wanted = ("x".join(map(str, shape)) for shape in (state[name].shape, own.shape))
            raise AssetDamaged(
                f"{file}: {name} is {found}, and should be {wanted}. Copy or download it again, "
                "its config.json too."
            )
