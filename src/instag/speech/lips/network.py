"""The lip network: how the voice of anybody moves the lower face, learned from people and good for
people it has never seen.

What Whisper's ear finds (`whisper`), 50 times a second and by its principal components, goes
through small temporal convolutions with a reach of a third of a second to either side. What several
networks find is averaged. tools/train_lip_networks.py makes the bundled file.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import final
from zlib import crc32

import torch
from jaxtyping import Float, Int
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.functional import dropout1d, gelu, layer_norm, pad

from instag.speech.whisper import WhisperEncoder
from instag.types import LIP_CODES, SAMPLES

STEPS = 2
"""Steps of what is heard for each frame: 50 a second."""
CHANNELS = 64
"""Principal components that are heard, of the 384 numbers that the ear finds."""
HIDDEN = 64
CURVES = 3
"""Outputs besides the code: aperture, width and jaw, in deviations from the person's mean."""
CODES = LIP_CODES
MARGIN = 12
"""Frames of silence around a recording, beyond the networks' reach."""
REACH = 0.46
"""Seconds to either side that a frame's motion hangs on."""


@final
class LipNet(nn.Module):
    """Convolutions over time. Every step is normalised by itself, so that pieces of a recording
    sound as the whole does."""

    def __init__(self, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.stem = nn.ModuleList(
            [
                nn.Conv1d(CHANNELS, HIDDEN, 5, padding=2),
                nn.Conv1d(HIDDEN, HIDDEN, 5, stride=STEPS, padding=2),
            ]
        )
        self.wide = nn.ModuleList(
            [nn.Conv1d(HIDDEN, HIDDEN, 3, padding=wide, dilation=wide) for wide in (1, 2, 4)]
        )
        self.mix = nn.ModuleList([nn.Conv1d(HIDDEN, HIDDEN, 1) for _ in self.wide])
        self.norms = nn.ParameterList(
            [nn.Parameter(torch.tensor([[1.0], [0.0]]).repeat(1, HIDDEN)) for _ in range(5)]
        )
        self.head = nn.Conv1d(HIDDEN, CURVES + CODES, 1)

    def hidden(self, heard: Float[Tensor, "b 64 steps"]) -> Float[Tensor, "b 64 frames"]:
        """What the last layer reads; one column for each STEPS steps."""
        drop = lambda values: dropout1d(values, self.dropout, self.training)  # noqa: E731
        flow = heard
        for layer, norm in zip(self.stem, self.norms, strict=False):
            flow = drop(gelu(_levelled(layer(flow), norm)))
        for wide, mix, norm in zip(self.wide, self.mix, self.norms[len(self.stem) :], strict=True):
            flow = flow + mix(drop(gelu(wide(_levelled(flow, norm)))))
        return gelu(flow)

    def forward(self, heard: Float[Tensor, "b 64 steps"]) -> Float[Tensor, "b 15 frames"]:
        """The curves, then the code, all in a person's own deviations from his mean."""
        return self.head(self.hidden(heard))


CORNERS = (61, 291)
"""Landmarks of the mouth's right and left corner."""
TENSORS = ("usual", "components", "points", "basis", "reader", "middle", "gap")
"""What of a LipModel is stored as it is."""


@final
@dataclass(frozen=True, kw_only=True)
class LipModel:
    """The networks, and the basis that their codes are told in.

    usual, components: the mean of what the ear finds, and what its principal components weigh of
    it. points: the landmarks of the lower face (MediaPipe's numbers). basis: motion of those points
    in x and y, head's frame, for a code of 1, in distances of the outer corners of the eyes.
    reader: its inverse, from motion to the code. deviation: of the codes' size among people.
    middle: people's mean code, counted from lips at rest. gap: the landmarks 13 and 14 draw apart
    by so much for a code of 1.
    """

    nets: tuple[LipNet, ...]
    usual: Float[Tensor, " 384"]
    components: Float[Tensor, "384 64"]
    points: Int[Tensor, " p"]
    basis: Float[Tensor, "k p 2"]
    reader: Float[Tensor, "p 2 k"]
    deviation: float
    middle: Float[Tensor, " k"]
    gap: Float[Tensor, " k"]

    @property
    def weights_id(self) -> int:
        """Tells these networks from others: a voice reads those that it was learned with."""
        return crc32(self.head()[0].half().numpy().tobytes())

    @property
    def width(self) -> Float[Tensor, " k"]:
        """The corners of the mouth, landmarks 61 and 291, draw apart along x by so much for a code
        of 1."""
        right, left = ((self.points == corner).nonzero()[0, 0] for corner in CORNERS)
        return self.basis[:, left, 0] - self.basis[:, right, 0]

    def code(self, motion: Float[Tensor, "f p 2"]) -> Float[Tensor, "f k"]:
        """The code of motion from rest, in eye distances."""
        return motion.flatten(1) @ self.reader.flatten(0, 1)

    def motion(self, code: Float[Tensor, "f k"]) -> Float[Tensor, "f p 2"]:
        """Motion from rest, in eye distances, of a code."""
        return (code @ self.basis.flatten(1)).unflatten(1, (-1, 2))

    @torch.no_grad()
    def hidden(self, heard: Float[Tensor, "64 steps"]) -> Float[Tensor, "frames n"]:
        """What all networks find, side by side; the margins are left out."""
        found = [net.hidden(heard[None])[0].T for net in self.nets]
        return torch.cat(found, dim=1)[MARGIN : len(found[0]) - MARGIN]

    def head(self) -> tuple[Float[Tensor, "n 15"], Float[Tensor, " 15"]]:
        """Weights and bias that turn `hidden` into the mean of the networks' outputs."""
        weights = torch.cat([net.head.weight.detach()[:, :, 0].T for net in self.nets]) / len(
            self.nets
        )
        biases = [net.head.bias.detach() for net in self.nets if net.head.bias is not None]
        return weights, torch.stack(biases).mean(0)


def load_lip_model() -> LipModel:
    """Read the bundled file."""
    return model_of(
        load(files("instag").joinpath("bundled", "lip_motion.safetensors").read_bytes())
    )


def model_of(stored: dict[str, Tensor]) -> LipModel:
    """From what a file holds; the inverse of `stored_form`."""
    nets = []
    for number in range(int(stored["nets"])):
        start, net = f"net{number}.", LipNet()
        net.load_state_dict(
            {
                name.removeprefix(start): value.float()
                for name, value in stored.items()
                if name.startswith(start)
            }
        )
        nets.append(net.eval().requires_grad_(False))
    named = {
        name: stored[name].float() if stored[name].is_floating_point() else stored[name]
        for name in TENSORS
    }
    return LipModel(nets=tuple(nets), deviation=float(stored["deviation"]), **named)


def stored_form(model: LipModel) -> dict[str, Tensor]:
    """What a file holds: the networks and what they hear by in half precision."""
    form = {"nets": torch.tensor(len(model.nets)), "deviation": torch.tensor(model.deviation)}
    form |= {name: getattr(model, name).contiguous() for name in TENSORS} | {
        "components": model.components.half().contiguous()
    }
    return form | {
        f"net{number}.{name}": value.half()
        for number, net in enumerate(model.nets)
        for name, value in net.state_dict().items()
    }


def features_for(
    ear: WhisperEncoder, model: LipModel, waveform: Float[Tensor, " samples"]
) -> Float[Tensor, "64 steps"]:
    """What the networks hear of a 16 kHz waveform at the common level: STEPS steps a frame, MARGIN
    frames of silence before and after it."""
    frames = -(-len(waveform) // SAMPLES)
    around = pad(waveform, (MARGIN * SAMPLES, (MARGIN + frames + 1) * SAMPLES - len(waveform)))
    steps = steps_of(ear, model.usual, model.components, around)
    # Steps stand at multiples of 20 ms, the middles of a frame's halves between them.
    return ((steps[:, :-1] + steps[:, 1:]) / 2)[:, : STEPS * (frames + 2 * MARGIN)]


def steps_of(
    ear: WhisperEncoder,
    usual: Float[Tensor, " 384"],
    components: Float[Tensor, "384 64"],
    waveform: Float[Tensor, " samples"],
) -> Float[Tensor, "64 n"]:
    """Principal components of what the ear finds, step i at sample 320 i, on the CPU."""
    return torch.cat([(found.cpu() - usual) @ components for found in ear.heard(waveform)]).T


def read_at(sequence: Float[Tensor, "c n"], places: Float[Tensor, " m"]) -> Float[Tensor, "c m"]:
    """A sequence between its steps, linearly; at its ends it goes on as it is there."""
    places = places.clamp(0, sequence.shape[1] - 1)
    before = places.long().clamp(max=max(0, sequence.shape[1] - 2))
    share = places - before
    return (
        sequence[:, before] * (1 - share)
        + sequence[:, (before + 1).clamp(max=sequence.shape[1] - 1)] * share
    )


def _levelled(
    values: Float[Tensor, "b c steps"], norm: Float[Tensor, "2 c"]
) -> Float[Tensor, "b c steps"]:
    """Each step brought to mean 0 and deviation 1 over its channels."""
    return layer_norm(values.transpose(1, 2), (values.shape[1],), norm[0], norm[1]).transpose(1, 2)
