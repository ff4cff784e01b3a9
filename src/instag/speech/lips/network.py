"""The lip network: from anybody's voice to the motion of the lower face, learned from people and
good for people it has never seen.

The features of Whisper's encoder (`speech/whisper.py`), 50 a second, reduced to their principal
components, go through small temporal convolutions that reach a third of a second to either side.
The outputs of several networks are averaged. tools/train_lip_networks.py makes the bundled file.
"""

from copy import deepcopy
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import final
from zlib import crc32

import torch
from jaxtyping import Float, Int
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import dropout1d, gelu, layer_norm, pad

from instag.errors import NotAnArtefact
from instag.perception.landmark_pairs import MOUTH_CORNERS
from instag.speech.whisper import WhisperEncoder
from instag.types import LIP_CODES, SAMPLES

STEPS_PER_FRAME = 2
"""Input steps: 50 a second."""
COMPONENTS = 64
"""Principal components that are the input, of the encoder's 384 features."""
HIDDEN = 128
CURVES = 3
"""Outputs besides the lip code: aperture, width and jaw, in deviations from the person's mean."""
CODES = LIP_CODES
MARGIN_FRAMES = 12
"""Silence around a recording, longer than the networks reach."""
LIP_CONTEXT_S = 0.46
"""Sound to either side of a frame that its motion depends on."""


@final
class LipNet(nn.Module):
    """Convolutions over time. Every step is normalised by itself, so that pieces of a recording
    give the same as the whole."""

    def __init__(
        self,
        *,
        components: int = COMPONENTS,
        width: int = HIDDEN,
        outputs: int = CURVES + CODES,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.stem = nn.ModuleList(
            [
                nn.Conv1d(components, width, 5, padding=2),
                nn.Conv1d(width, width, 5, stride=STEPS_PER_FRAME, padding=2),
            ]
        )
        self.wide = nn.ModuleList(
            [nn.Conv1d(width, width, 3, padding=wide, dilation=wide) for wide in (1, 2, 4)]
        )
        self.mix = nn.ModuleList([nn.Conv1d(width, width, 1) for _ in self.wide])
        self.norms = nn.ParameterList(
            [nn.Parameter(torch.tensor([[1.0], [0.0]]).repeat(1, width)) for _ in range(5)]
        )
        self.head = nn.Conv1d(width, outputs, 1)

    def hidden(self, features: Float[Tensor, "b c steps"]) -> Float[Tensor, "b n frames"]:
        """Input of the last layer; one column for each STEPS_PER_FRAME steps."""
        flow = features
        for layer, norm in zip(self.stem, self.norms, strict=False):
            flow = self._drop(gelu(_norm_steps(layer(flow), norm)))
        for wide, mix, norm in zip(self.wide, self.mix, self.norms[len(self.stem) :], strict=True):
            flow = flow + mix(self._drop(gelu(wide(_norm_steps(flow, norm)))))
        return gelu(flow)

    def forward(self, features: Float[Tensor, "b c steps"]) -> Float[Tensor, "b outputs frames"]:
        """The curves, then the lip code, in a person's own deviations from the mean; then, in
        networks that have it, the logit of a voice's presence."""
        return self.head(self.hidden(features))

    def _drop(self, values: Float[Tensor, "b c n"]) -> Float[Tensor, "b c n"]:
        return dropout1d(values, self.dropout, self.training)


STORED_NAMES = {
    "feature_mean": "usual",
    "components": "components",
    "points": "points",
    "basis": "basis",
    "projection": "reader",
    "mean_code": "middle",
    "aperture": "gap",
}
"""The fields of a LipModel that a file holds as they are, and their names in it."""


CURRENT = "lip_motion.safetensors"
EARLIER = ("lip_motion_1.safetensors", "lip_motion_2.safetensors")
"""Files of networks: today's, and those of earlier versions."""


@final
@dataclass(frozen=True, kw_only=True)
class LipModel:
    """The networks, and the basis of their lip codes.

    feature_mean, components: mean and principal components of the encoder's features. points: the
    landmarks of the lower face (MediaPipe's numbers). basis: motion of those points in x and y,
    head's frame, for a code of 1, in distances of the outer corners of the eyes. projection: its
    inverse, from motion to the code. code_deviation: of codes within a person, the mean of all
    people. mean_code: of all people, counted from lips at rest. aperture: distance along y of
    landmarks 13 and 14 that a code of 1 adds, in eye distances.
    """

    networks: tuple[LipNet, ...]
    feature_mean: Float[Tensor, " 384"]
    components: Float[Tensor, "384 64"]
    points: Int[Tensor, " p"]
    basis: Float[Tensor, "k p 2"]
    projection: Float[Tensor, "p 2 k"]
    code_deviation: float
    mean_code: Float[Tensor, " k"]
    aperture: Float[Tensor, " k"]

    def to(self, device: torch.device | str) -> "LipModel":
        """A copy on a device."""
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(
            self,
            networks=tuple(deepcopy(network).to(device) for network in self.networks),
            **{name: value.to(device) for name, value in tensors.items()},
        )

    @property
    def weights_id(self) -> int:
        """Tells these networks from others: a speaker adapter fits only those that it was fitted
        to."""
        return crc32(self.head()[0].half().numpy().tobytes())

    @property
    def mouth_width(self) -> Float[Tensor, " k"]:
        """Distance along x of the corners of the mouth that a code of 1 adds."""
        right, left = ((self.points == corner).nonzero()[0, 0] for corner in MOUTH_CORNERS)
        return self.basis[:, left, 0] - self.basis[:, right, 0]

    def code(self, motion: Float[Tensor, "f p 2"]) -> Float[Tensor, "f k"]:
        """The code of motion from rest, in eye distances."""
        return motion.flatten(1) @ self.projection.flatten(0, 1)

    def hidden(self, features: Float[Tensor, "c steps"]) -> Float[Tensor, "frames n"]:
        """Hidden features of all networks side by side, without the margins."""
        return self.hidden_of(features[None])[0]

    @torch.no_grad()
    def hidden_of(self, features: Float[Tensor, "b c steps"]) -> Float[Tensor, "b frames n"]:
        """The same of several sequences."""
        found = torch.cat([network.hidden(features) for network in self.networks], dim=1)
        return found[..., MARGIN_FRAMES : found.shape[-1] - MARGIN_FRAMES].mT

    def head(self) -> tuple[Float[Tensor, "n 15"], Float[Tensor, " 15"]]:
        """Weights and bias that turn `hidden` into the mean of the networks' curves and codes."""
        weights, bias = self._heads()
        return weights[:, : CURVES + CODES], bias[: CURVES + CODES]

    def voice_head(self) -> tuple[Float[Tensor, " n"], Float[Tensor, ""]] | None:
        """The same for the logit of a voice's presence; None in networks without it."""
        weights, bias = self._heads()
        if len(bias) == CURVES + CODES:
            return None
        return weights[:, -1], bias[-1]

    def _heads(self) -> tuple[Float[Tensor, "n outputs"], Float[Tensor, " outputs"]]:
        heads = [network.head for network in self.networks]
        weights = torch.cat([head.weight.detach()[:, :, 0].T for head in heads]) / len(heads)
        biases = [head.bias.detach() for head in heads if head.bias is not None]
        return weights, torch.stack(biases).mean(0)


def load_lip_model(file: str = CURRENT) -> LipModel:
    """Read one of the bundled files."""
    return lip_model_from_state(load(files("instag").joinpath("bundled", file).read_bytes()))


def lip_model_of(weights_id: int) -> LipModel:
    """The bundled networks to which a speaker adapter was fitted: avatars of earlier versions speak
    by the networks of then. Raises NotAnArtefact."""
    for file in (CURRENT, *EARLIER):
        model = load_lip_model(file)
        if model.weights_id == weights_id:
            return model
    raise NotAnArtefact(
        "The avatar's voice was learned with lip networks that this version does not have. Learn "
        "it again from its clip: instag adapt"
    )


def lip_model_from_state(stored: dict[str, Tensor]) -> LipModel:
    """From the tensors of a file; the inverse of `lip_model_state`."""
    networks = []
    for number in range(int(stored["nets"])):
        start = f"net{number}."
        state = {
            name.removeprefix(start): value.float()
            for name, value in stored.items()
            if name.startswith(start)
        }
        networks.append(lip_net_of(state).eval().requires_grad_(False))
    tensors = {ours: stored[name] for ours, name in STORED_NAMES.items()}
    return LipModel(
        networks=tuple(networks),
        code_deviation=float(stored["deviation"]),
        **{
            name: value.float() if value.is_floating_point() else value
            for name, value in tensors.items()
        },
    )


def lip_net_of(state: dict[str, Tensor]) -> LipNet:
    """A network with these weights, of their sizes."""
    width, components, _ = state["stem.0.weight"].shape
    network = LipNet(components=components, width=width, outputs=len(state["head.bias"]))
    network.load_state_dict(state)
    return network


def lip_model_state(model: LipModel) -> dict[str, Tensor]:
    """The tensors of a file: the networks and the components in half precision."""
    state = {
        "nets": torch.tensor(len(model.networks)),
        "deviation": torch.tensor(model.code_deviation),
    }
    state |= {name: getattr(model, ours).contiguous() for ours, name in STORED_NAMES.items()}
    state |= {"components": model.components.half().contiguous()}
    return state | {
        f"net{number}.{name}": value.half()
        for number, network in enumerate(model.networks)
        for name, value in network.state_dict().items()
    }


def network_features(
    encoder: WhisperEncoder, model: LipModel, waveform: Float[Tensor, " samples"]
) -> Float[Tensor, "64 steps"]:
    """The networks' input for a 16 kHz waveform at the common loudness: STEPS_PER_FRAME steps a
    frame, MARGIN_FRAMES frames of silence before and after it."""
    frames, margin = -(-len(waveform) // SAMPLES), MARGIN_FRAMES
    around = pad(waveform, (margin * SAMPLES, (margin + frames + 1) * SAMPLES - len(waveform)))
    steps = encoder_components(encoder, model.feature_mean, model.components, around)
    # Steps stand at multiples of 20 ms, the middles of a frame's halves between them.
    return ((steps[:, :-1] + steps[:, 1:]) / 2)[:, : STEPS_PER_FRAME * (frames + 2 * margin)]


def encoder_components(
    encoder: WhisperEncoder,
    feature_mean: Float[Tensor, " 384"],
    components: Float[Tensor, "384 64"],
    waveform: Float[Tensor, " samples"],
) -> Float[Tensor, "64 n"]:
    """Principal components of the encoder's features, step i at sample 320 i, on the CPU."""
    pieces = encoder.encode(waveform)
    return torch.cat([(piece.cpu() - feature_mean) @ components for piece in pieces]).T


def interpolate_at(
    sequence: Float[Tensor, "c n"], places: Float[Tensor, " m"]
) -> Float[Tensor, "c m"]:
    """A sequence between its steps, linearly; constant beyond its ends."""
    places = places.clamp(0, sequence.shape[1] - 1)
    before = places.long().clamp(max=max(0, sequence.shape[1] - 2))
    share = places - before
    return (
        sequence[:, before] * (1 - share)
        + sequence[:, (before + 1).clamp(max=sequence.shape[1] - 1)] * share
    )


def _norm_steps(
    values: Float[Tensor, "b c steps"], norm: Float[Tensor, "2 c"]
) -> Float[Tensor, "b c steps"]:
    """Each step brought to mean 0 and deviation 1 over its channels."""
    return layer_norm(values.mT, (values.shape[-2],), norm[0], norm[1]).mT
