"""Small folders of Wav2Vec 2.0 and HuBERT models with weights that a formula gives, named as
transformers' save_pretrained names them."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

FILTERS, HIDDEN, INNER, HEADS, LAYERS, LETTERS, KERNEL, GROUPS = 8, 16, 24, 2, 2, 7, 8, 4
KERNELS = (10, 3, 3, 3, 3, 2, 2)


def shapes(*, large: bool) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {"masked_spec_embed": (HIDDEN,)}

    def linear(name: str, inputs: int, outputs: int) -> None:
        found.update({f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)})

    def norm(name: str, width: int) -> None:
        found.update({f"{name}.weight": (width,), f"{name}.bias": (width,)})

    for number, kernel in enumerate(KERNELS):
        start = f"feature_extractor.conv_layers.{number}"
        found[f"{start}.conv.weight"] = (FILTERS, FILTERS if number else 1, kernel)
        if large:
            found[f"{start}.conv.bias"] = (FILTERS,)
        if large or number == 0:
            norm(f"{start}.layer_norm", FILTERS)
    norm("feature_projection.layer_norm", FILTERS)
    linear("feature_projection.projection", FILTERS, HIDDEN)
    found["encoder.pos_conv_embed.conv.bias"] = (HIDDEN,)
    found["encoder.pos_conv_embed.conv.weight_g"] = (1, 1, KERNEL)
    found["encoder.pos_conv_embed.conv.weight_v"] = (HIDDEN, HIDDEN // GROUPS, KERNEL)
    norm("encoder.layer_norm", HIDDEN)
    for number in range(LAYERS):
        start = f"encoder.layers.{number}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            linear(f"{start}.attention.{part}", HIDDEN, HIDDEN)
        norm(f"{start}.layer_norm", HIDDEN)
        linear(f"{start}.feed_forward.intermediate_dense", HIDDEN, INNER)
        linear(f"{start}.feed_forward.output_dense", INNER, HIDDEN)
        norm(f"{start}.final_layer_norm", HIDDEN)
    return found


def state(kind: str, *, large: bool, letters: bool = True) -> dict[str, torch.Tensor]:
    """The i-th number of the n-th tensor is a sine of i and n, scaled by the inputs; norms lie
    around 1."""
    found = {f"{kind}.{name}": shape for name, shape in shapes(large=large).items()}
    if letters:
        found |= {"lm_head.weight": (LETTERS, HIDDEN), "lm_head.bias": (LETTERS,)}
    tensors = {}
    for number, (name, shape) in enumerate(found.items()):
        count = int(torch.tensor(shape).prod())
        wave = torch.sin(torch.arange(count, dtype=torch.float64) * 1.7 + number * 0.9)
        scale = 1.5 / (count / shape[0]) ** 0.5 if len(shape) > 1 else 0.2
        center = 1.0 if name.endswith(("norm.weight", "weight_g")) else 0.0
        tensors[name] = (center + scale * wave).reshape(shape).float()
    return tensors


def config(kind: str, *, large: bool) -> dict[str, object]:
    return {
        "model_type": kind,
        "architectures": ["HubertForCTC" if kind == "hubert" else "Wav2Vec2ForCTC"],
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_feat_extract_layers": 7,
        "conv_dim": [FILTERS] * 7,
        "conv_kernel": list(KERNELS),
        "conv_stride": [5, 2, 2, 2, 2, 2, 2],
        "conv_bias": large,
        "feat_extract_norm": "layer" if large else "group",
        "do_stable_layer_norm": large,
        "num_conv_pos_embeddings": KERNEL,
        "num_conv_pos_embedding_groups": GROUPS,
        "vocab_size": LETTERS,
        "layer_norm_eps": 1e-5,
    }


def write_folder(
    folder: Path,
    kind: str = "wav2vec2",
    *,
    large: bool = True,
    letters: bool = True,
    pickled: bool = False,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tensors = state(kind, large=large, letters=letters)
    (folder / "config.json").write_text(json.dumps(config(kind, large=large)))
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"do_normalize": True, "sampling_rate": 16_000})
    )
    if pickled:
        torch.save(tensors, folder / "pytorch_model.bin")
    else:
        save_file(tensors, folder / "model.safetensors")
    return folder
