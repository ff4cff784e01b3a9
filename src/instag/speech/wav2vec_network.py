"""Wav2Vec 2.0 and HuBERT in torch: convolutions over the waveform, then a transformer; both have
the same layers and the same names of weights.

Baevski et al., "wav2vec 2.0", NeurIPS 2020; Hsu et al., "HuBERT", 2021. Modules are named as in the
files that Hugging Face's transformers writes, so that a file's weights are read as they are. One
step of 20 ms comes out for each 320 samples.
"""

from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor, nn

STRIDES = (5, 2, 2, 2, 2, 2, 2)
KERNELS = (10, 3, 3, 3, 3, 2, 2)
"""Of the seven convolutions: together a window of 400 samples (25 ms) every 320 (20 ms)."""
WINDOW, HOP = 400, 320


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The hyperparameters of config.json. layered: every convolution is followed by a LayerNorm
    (large models), not the first alone by a GroupNorm. before: normalise before each part of a
    transformer layer, not after it (large models). letters: outputs of the CTC layer, 0 without
    one."""

    hidden: int = 1024
    layers: int = 24
    heads: int = 16
    inner: int = 4096
    filters: tuple[int, ...] = (512,) * 7
    biased: bool = True
    layered: bool = True
    before: bool = True
    position_kernel: int = 128
    position_groups: int = 16
    epsilon: float = 1e-5
    letters: int = 0


class _Convolution(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, shape: Shape, *, first: bool
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride, bias=shape.biased)
        self.over_channels = shape.layered
        if shape.layered:
            self.layer_norm = nn.LayerNorm(outputs)
        elif first:
            self.layer_norm = nn.GroupNorm(outputs, outputs)

    def forward(self, values: Float[Tensor, "1 i n"]) -> Float[Tensor, "1 o m"]:
        found = self.conv(values)
        if self.over_channels:
            found = self.layer_norm(found.transpose(1, 2)).transpose(1, 2)
        elif hasattr(self, "layer_norm"):
            found = self.layer_norm(found)
        return nn.functional.gelu(found)


class _Convolutions(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        widths = (1, *shape.filters)
        made = zip(widths, widths[1:], KERNELS, STRIDES, strict=False)
        self.conv_layers = nn.ModuleList(
            _Convolution(*each, shape, first=number == 0) for number, each in enumerate(made)
        )

    def forward(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "1 n c"]:
        values = waveform[None, None]
        for layer in self.conv_layers:
            values = layer(values)
        return values.transpose(1, 2)


class _Projection(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(shape.filters[-1], eps=shape.epsilon)
        self.projection = nn.Linear(shape.filters[-1], shape.hidden)

    def forward(self, values: Float[Tensor, "1 n c"]) -> Float[Tensor, "1 n hidden"]:
        return self.projection(self.layer_norm(values))


class _Position(nn.Module):
    """A convolution over time as embedding of places; an even kernel gives one step too many."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            shape.hidden,
            shape.hidden,
            shape.position_kernel,
            padding=shape.position_kernel // 2,
            groups=shape.position_groups,
        )

    def forward(self, values: Float[Tensor, "1 n hidden"]) -> Float[Tensor, "1 n hidden"]:
        found = self.conv(values.transpose(1, 2))[..., : values.shape[1]]
        return nn.functional.gelu(found).transpose(1, 2)


class _Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            self.add_module(name, nn.Linear(shape.hidden, shape.hidden))

    def forward(self, values: Float[Tensor, "1 n hidden"]) -> Float[Tensor, "1 n hidden"]:
        query, key, value = (
            self.get_submodule(name)(values).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        return self.get_submodule("out_proj")(
            nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        )


class _FeedForward(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.intermediate_dense = nn.Linear(shape.hidden, shape.inner)
        self.output_dense = nn.Linear(shape.inner, shape.hidden)

    def forward(self, values: Float[Tensor, "1 n hidden"]) -> Float[Tensor, "1 n hidden"]:
        return self.output_dense(nn.functional.gelu(self.intermediate_dense(values)))


class _Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.before = shape.before
        self.attention = _Attention(shape)
        self.layer_norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.feed_forward = _FeedForward(shape)
        self.final_layer_norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)

    def forward(self, values: Float[Tensor, "1 n hidden"]) -> Float[Tensor, "1 n hidden"]:
        if self.before:
            values = values + self.attention(self.layer_norm(values))
            return values + self.feed_forward(self.final_layer_norm(values))
        values = self.layer_norm(values + self.attention(values))
        return self.final_layer_norm(values + self.feed_forward(values))


class _Transformer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.before = shape.before
        self.pos_conv_embed = _Position(shape)
        self.layer_norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.layers = nn.ModuleList(_Layer(shape) for _ in range(shape.layers))

    def forward(self, values: Float[Tensor, "1 n hidden"]) -> Float[Tensor, "1 n hidden"]:
        values = values + self.pos_conv_embed(values)
        values = values if self.before else self.layer_norm(values)
        for layer in self.layers:
            values = layer(values)
        return self.layer_norm(values) if self.before else values


@final
class Wav2VecNetwork(nn.Module):
    """A waveform of mean 0 and deviation 1 to a step each 20 ms: the CTC layer's logits where the
    shape has letters, else the last hidden state."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.feature_extractor = _Convolutions(shape)
        self.feature_projection = _Projection(shape)
        self.encoder = _Transformer(shape)
        self.lm_head = nn.Linear(shape.hidden, shape.letters) if shape.letters else nn.Identity()

    def forward(self, waveform: Float[Tensor, " samples"]) -> Float[Tensor, "n channels"]:
        """A step for each 320 samples, as far as its window of 400 lies inside."""
        return self.lm_head(
            self.encoder(self.feature_projection(self.feature_extractor(waveform)))
        )[0]
