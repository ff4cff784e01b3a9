"""The lip network: how the voice of anybody moves the lower face, learned from people and good for people it has never seen.

The phones that sound (`phone_model`) and four wide bands of loudness, 100 times a second, go through small temporal convolutions with a
reach of a third of a second to either side. What several networks find is averaged. benchmarks/train_lip_motion.py makes the bundled file.
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

from instag.speech.front_end import SAMPLES
from instag.speech.mel import BANDS, spectrogram
from instag.speech.phone_model import PhoneModel, cepstra

SHARPNESS = 0.35
"""Likelihoods to this power, and their square roots doubled: the network's taste (tried: 0.15 to 0.6)."""
WIDE_BANDS = 4
USUAL_LEVEL, LEVEL_SCALE = -1.7, 0.7
"""Mean of the louder mel steps at the common level, and a factor that brings what is left to about 1."""
MEL_STEP = 0.8
"""Mel steps in one of ours."""
STEPS = 4
"""Steps of what is heard for each frame: 100 a second."""
PHONES = 42
CHANNELS = PHONES + WIDE_BANDS
HIDDEN = 64
CURVES = 3
"""Outputs besides the code: aperture, width and jaw, in deviations from the person's mean."""
CODES = 12
MARGIN = 12
"""Frames of silence around a recording, beyond the network's reach."""
REACH = 0.42
"""Seconds to either side that a frame's motion hangs on."""


@final
class LipNet(nn.Module):
    """Convolutions over time. Every step is normalised by itself, so that pieces of a recording sound as the whole does."""

    def __init__(self, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.stem = nn.ModuleList([nn.Conv1d(CHANNELS, HIDDEN, 5, stride=2, padding=2), nn.Conv1d(HIDDEN, HIDDEN, 5, stride=2, padding=2)])
        self.wide = nn.ModuleList([nn.Conv1d(HIDDEN, HIDDEN, 3, padding=wide, dilation=wide) for wide in (1, 2, 4)])
        self.mix = nn.ModuleList([nn.Conv1d(HIDDEN, HIDDEN, 1) for _ in self.wide])
        self.norms = nn.ParameterList([nn.Parameter(torch.tensor([[1.0], [0.0]]).repeat(1, HIDDEN)) for _ in range(5)])
        self.head = nn.Conv1d(HIDDEN, CURVES + CODES, 1)

    def hidden(self, heard: Float[Tensor, "b 46 steps"]) -> Float[Tensor, "b 64 frames"]:
        """What the last layer reads; one column for each STEPS steps."""
        drop = lambda values: dropout1d(values, self.dropout, self.training)  # noqa: E731
        flow = heard
        for layer, norm in zip(self.stem, self.norms, strict=False):
            flow = drop(gelu(_levelled(layer(flow), norm)))
        for wide, mix, norm in zip(self.wide, self.mix, self.norms[len(self.stem) :], strict=True):
            flow = flow + mix(drop(gelu(wide(_levelled(flow, norm)))))
        return gelu(flow)

    def forward(self, heard: Float[Tensor, "b 46 steps"]) -> Float[Tensor, "b 15 frames"]:
        """The curves, then the code, all in a person's own deviations from his mean."""
        return self.head(self.hidden(heard))


@final
@dataclass(frozen=True, kw_only=True)
class LipModel:
    """The networks, and the basis that their codes are told in.

    points: the landmarks of the lower face (MediaPipe's numbers). basis: motion of those points in x and y, head's frame, for a code of 1, in
    distances of the outer corners of the eyes. reader: its inverse, from motion to the code. deviation: of the codes' size among people.
    middle: people's mean code, counted from lips at rest. gap: the landmarks 13 and 14 draw apart by so much for a code of 1.
    """

    nets: tuple[LipNet, ...]
    points: Int[Tensor, " p"]
    basis: Float[Tensor, "k p 2"]
    reader: Float[Tensor, "p 2 k"]
    deviation: float
    middle: Float[Tensor, " k"]
    gap: Float[Tensor, " k"]

    @property
    def mark(self) -> int:
        """Tells these networks from others: a voice reads those that it was learned with."""
        return crc32(self.head()[0].half().numpy().tobytes())

    def code(self, motion: Float[Tensor, "f p 2"]) -> Float[Tensor, "f k"]:
        """The code of motion from rest, in eye distances."""
        return motion.flatten(1) @ self.reader.flatten(0, 1)

    def motion(self, code: Float[Tensor, "f k"]) -> Float[Tensor, "f p 2"]:
        """Motion from rest, in eye distances, of a code."""
        return (code @ self.basis.flatten(1)).unflatten(1, (-1, 2))

    @torch.no_grad()
    def hidden(self, heard: Float[Tensor, "46 steps"]) -> Float[Tensor, "frames n"]:
        """What all networks find, side by side; the margins are left out."""
        found = [net.hidden(heard[None])[0].T for net in self.nets]
        return torch.cat(found, dim=1)[MARGIN : len(found[0]) - MARGIN]

    def head(self) -> tuple[Float[Tensor, "n 15"], Float[Tensor, " 15"]]:
        """Weights and bias that turn `hidden` into the mean of the networks' outputs."""
        weights = torch.cat([net.head.weight.detach()[:, :, 0].T for net in self.nets]) / len(self.nets)
        biases = [net.head.bias.detach() for net in self.nets if net.head.bias is not None]
        return weights, torch.stack(biases).mean(0)


def load_lip_model() -> LipModel:
    """Read the bundled file."""
    return model_of(load(files("instag").joinpath("bundled", "lip_motion.safetensors").read_bytes()))


def model_of(stored: dict[str, Tensor]) -> LipModel:
    """From what a file holds; the inverse of `stored_form`."""
    nets = []
    for number in range(int(stored["nets"])):
        start, net = f"net{number}.", LipNet()
        net.load_state_dict({name.removeprefix(start): value.float() for name, value in stored.items() if name.startswith(start)})
        nets.append(net.eval().requires_grad_(False))
    named = {name: stored[name] for name in ("points", "basis", "reader", "middle", "gap")}
    return LipModel(nets=tuple(nets), deviation=float(stored["deviation"]), **named)


def stored_form(model: LipModel) -> dict[str, Tensor]:
    """What a file holds: the networks in half precision."""
    form = {"nets": torch.tensor(len(model.nets)), "deviation": torch.tensor(model.deviation)}
    form |= {name: getattr(model, name).contiguous() for name in ("points", "basis", "reader", "middle", "gap")}
    return form | {f"net{number}.{name}": value.half() for number, net in enumerate(model.nets) for name, value in net.state_dict().items()}


def heard_by(phones: PhoneModel, waveform: Float[Tensor, " samples"], *, gain: float, mean: Float[Tensor, " 13"]) -> Float[Tensor, "46 steps"]:
    """What the networks hear of a 16 kHz waveform: STEPS steps a frame, MARGIN frames of silence before and after it."""
    frames = -(-len(waveform) // SAMPLES)
    around = pad(waveform, (MARGIN * SAMPLES, (MARGIN + frames + 1) * SAMPLES - len(waveform)))
    steps = steps_of(phones, around, gain=gain, mean=mean)
    # Steps stand at multiples of 10 ms, the middles of a frame's quarters between them.
    return ((steps[:, :-1] + steps[:, 1:]) / 2)[:, : STEPS * (frames + 2 * MARGIN)]


def steps_of(phones: PhoneModel, waveform: Float[Tensor, " samples"], *, gain: float, mean: Float[Tensor, " 13"]) -> Float[Tensor, "46 n"]:
    """Phones and loudness 100 times a second, step i at sample 160 i. gain, mean: of the recording, as the phones front end tunes itself."""
    likely = torch.softmax(SHARPNESS * phones.log_likelihoods(cepstra(waveform * gain) - mean), dim=1).sqrt() * 2
    loud = ((spectrogram(waveform * gain) - USUAL_LEVEL) * LEVEL_SCALE).view(WIDE_BANDS, BANDS // WIDE_BANDS, -1).mean(1)
    return torch.cat([likely.T, read_at(loud, torch.arange(len(likely)) * MEL_STEP)])


def read_at(sequence: Float[Tensor, "c n"], places: Float[Tensor, " m"]) -> Float[Tensor, "c m"]:
    """A sequence between its steps, linearly; at its ends it goes on as it is there."""
    places = places.clamp(0, sequence.shape[1] - 1)
    before = places.long().clamp(max=max(0, sequence.shape[1] - 2))
    share = places - before
    return sequence[:, before] * (1 - share) + sequence[:, (before + 1).clamp(max=sequence.shape[1] - 1)] * share


def _levelled(values: Float[Tensor, "b c steps"], norm: Float[Tensor, "2 c"]) -> Float[Tensor, "b c steps"]:
    """Each step brought to mean 0 and deviation 1 over its channels."""
    return layer_norm(values.transpose(1, 2), (values.shape[1],), norm[0], norm[1]).transpose(1, 2)
