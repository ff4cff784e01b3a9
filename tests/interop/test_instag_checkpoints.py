"""The original's checkpoints: what is written in their layout moves points as
docs/method.md#networks's formulas, written out here, say."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d, leaky_relu, linear

from instag.errors import BadArgument, FileMissing, NotAnArtefact
from instag.interop.instag_checkpoints import import_prior
from instag.types import Condition

CHANNELS = 29
RESOLUTIONS = {"face": (16, 38.4), "mouth": (64, 57.6)}


def perceptron(state: dict[str, Tensor], name: str, *widths: int, draw) -> None:
    for layer, (inner, outer) in enumerate(pairwise(widths)):
        state[f"{name}.net.{layer}.weight"] = draw(outer, inner) / math.sqrt(inner)


def resolutions(part: str) -> list[float]:
    base, finest = RESOLUTIONS[part]
    return [base * math.exp(level * math.log(finest / base) / 11) for level in range(12)]


def published(part: str, *, channels: int = CHANNELS, seed: int = 0) -> dict[str, Tensor]:
    """A state dict in the original's layout."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    state: dict[str, Tensor] = {}
    entries = sum(math.ceil((math.ceil(r - 1e-9) + 1) ** 2 / 8) * 8 for r in resolutions(part))
    for plane in ("encoder_xy", "encoder_yz", "encoder_xz"):
        state[f"{plane}.embeddings"] = draw(entries, 1)
        state[f"{plane}.offsets"] = torch.zeros(13, dtype=torch.int32)
    for layer, (inner, outer) in enumerate(((channels, 32), (32, 32), (32, 64), (64, 64))):
        state[f"audio_net.encoder_conv.{2 * layer}.weight"] = draw(outer, inner, 3) / math.sqrt(
            3 * inner
        )
        state[f"audio_net.encoder_conv.{2 * layer}.bias"] = draw(outer) / 10
    for layer, outer in ((0, 64), (2, 32)):
        (
            state[f"audio_net.encoder_fc1.{layer}.weight"],
            state[f"audio_net.encoder_fc1.{layer}.bias"],
        ) = draw(outer, 64) / 8, draw(outer) / 10
    for layer, (inner, outer) in enumerate(((32, 16), (16, 8), (8, 4), (4, 2), (2, 1))):
        state[f"audio_att_net.attentionConvNet.{2 * layer}.weight"] = draw(
            outer, inner, 3
        ) / math.sqrt(3 * inner)
        state[f"audio_att_net.attentionConvNet.{2 * layer}.bias"] = draw(outer) / 10
    state["audio_att_net.attentionNet.0.weight"], state["audio_att_net.attentionNet.0.bias"] = (
        draw(8, 8) / 3,
        draw(8) / 10,
    )
    if part == "face":
        perceptron(state, "sigma_net", 74, 64, 64, 11, draw=draw)
        perceptron(state, "aud_ch_att_net", 36, 32, 32, draw=draw)
        perceptron(state, "eye_att_net", 36, 16, 6, draw=draw)
        perceptron(state, "exp_encode_net", 5, 16, 5, draw=draw)
    else:
        perceptron(state, "sigma_net", 71, 32, 32, 7, draw=draw)
        perceptron(
            state, "aud_ch_att_net", 36, 32, 32, draw=draw
        )  # the original has it there, unused
        perceptron(state, "scaler_net", 39, 16, 16, 1, draw=draw)
    return state


def run(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    layers = sorted(key for key in state if key.startswith(f"{name}.net."))
    for index, key in enumerate(layers):
        x = linear(torch.relu(x) if index else x, state[key])
    return x


def encode(state: dict[str, Tensor], part: str, points: Tensor) -> Tensor:
    """One point, one plane, one level at a time, straight from the padded tables."""
    features = torch.zeros(len(points), 36)
    for number, (plane, axes) in enumerate(
        (("encoder_xy", (0, 1)), ("encoder_yz", (1, 2)), ("encoder_xz", (0, 2)))
    ):
        table = state[f"{plane}.embeddings"][:, 0]
        start = 0
        for level, resolution in enumerate(resolutions(part)):
            side = math.ceil(resolution - 1e-9) + 1
            for row, point in enumerate(points):
                x, y = ((float(point[axis]) + 0.15) / 0.3 * (resolution - 1) + 0.5 for axis in axes)
                left, top = math.floor(x), math.floor(y)
                for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
                    weight = (x - left if dx else 1 - x + left) * (y - top if dy else 1 - y + top)
                    features[row, 12 * number + level] += (
                        weight * table[start + left + dx + (top + dy) * side]
                    )
            start += math.ceil(side * side / 8) * 8
    return features


def hear(state: dict[str, Tensor], windows: Tensor) -> Tensor:
    x = windows.flatten(0, 1)
    for layer in range(0, 8, 2):
        x = leaky_relu(
            conv1d(
                x,
                state[f"audio_net.encoder_conv.{layer}.weight"],
                state[f"audio_net.encoder_conv.{layer}.bias"],
                stride=2,
                padding=1,
            ),
            0.02,
        )
    x = leaky_relu(
        linear(
            x[..., 0],
            state["audio_net.encoder_fc1.0.weight"],
            state["audio_net.encoder_fc1.0.bias"],
        ),
        0.02,
    )
    each = linear(
        x, state["audio_net.encoder_fc1.2.weight"], state["audio_net.encoder_fc1.2.bias"]
    ).view(len(windows), 8, 32)
    y = each.transpose(1, 2)
    for layer in range(0, 10, 2):
        name = f"audio_att_net.attentionConvNet.{layer}"
        y = leaky_relu(conv1d(y, state[f"{name}.weight"], state[f"{name}.bias"], padding=1), 0.02)
    share = torch.softmax(
        linear(
            y[:, 0],
            state["audio_att_net.attentionNet.0.weight"],
            state["audio_att_net.attentionNet.0.bias"],
        ),
        -1,
    )
    return (share[..., None] * each).sum(1)


@pytest.fixture
def files(tmp_path):
    for part in ("face", "mouth"):
        torch.save(
            (published(part), {"state": {}, "param_groups": [{"lr": 1e-3}]}, 150_000),
            tmp_path / f"chkpnt_ema_{part}_latest.pth",
        )
    return tmp_path / "chkpnt_ema_face_latest.pth", tmp_path / "chkpnt_ema_mouth_latest.pth"


def frames() -> tuple[Tensor, Condition, Tensor]:
    generator = torch.Generator().manual_seed(5)
    speech, expression = (
        torch.randn(3, 8, CHANNELS, 16, generator=generator),
        torch.rand(3, 6, generator=generator) * 4,
    )
    return (
        (torch.rand(9, 3, generator=generator) - 0.5) * 0.25,
        Condition(speech=speech, expression=expression),
        torch.randn(3, 3, generator=generator),
    )


def test_face_moves_as_the_formulas_say(files):
    prior, state = import_prior(*files, front_end="deepspeech"), published("face")
    points, condition, _ = frames()
    p, speech = encode(state, "face", points), hear(state, condition.speech)
    expression = torch.cat(
        [
            run(state, "exp_encode_net", condition.expression[:, :5]),
            condition.expression[:, 5:].clamp(0, 2),
        ],
        -1,
    )
    gated = (
        speech[:, None] * run(state, "aud_ch_att_net", p),
        expression[:, None] * torch.relu(run(state, "eye_att_net", p)),
    )
    out = run(state, "sigma_net", torch.cat([p.expand(3, -1, -1), *gated], -1))
    motion = prior.face(points, condition)
    torch.testing.assert_close(motion.shift, out[..., :3] * 1e-2, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(motion.rotation, out[..., 3:7], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(motion.scale, out[..., 8:11], atol=1e-5, rtol=1e-4)


def test_mouth_moves_as_the_formulas_say(files):
    prior, state = import_prior(*files, front_end="deepspeech"), published("mouth")
    points, condition, move = frames()
    p, told = (
        encode(state, "mouth", points).expand(3, -1, -1),
        move[:, None].expand(-1, len(points), -1),
    )
    heard = hear(state, condition.speech)[:, None].expand(-1, len(points), -1)
    out = run(state, "sigma_net", torch.cat([p, heard, told], -1))[..., :3] * 1e-2
    wanted = (
        out
        / torch.tensor([5.0, 1.0, 5.0])
        * 2
        * torch.sigmoid(run(state, "scaler_net", torch.cat([p, told], -1)))
    )
    found = prior.mouth.shift(
        prior.mouth.encoding(points), prior.mouth.speech(condition.speech), move
    )
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def test_an_imported_prior_is_a_prior(files, tmp_path):
    from instag.models.prior import Prior

    prior = import_prior(*files, front_end="deepspeech")
    prior.save(tmp_path / "x.prior")
    assert Prior.open(tmp_path / "x.prior").digest() == prior.digest()
    assert prior.info.training["imported"] == [
        "chkpnt_ema_face_latest.pth",
        "chkpnt_ema_mouth_latest.pth",
    ]


def test_what_does_not_belong_together_is_refused(files, tmp_path):
    face, mouth = files
    with pytest.raises(NotAnArtefact, match="swapped"):
        import_prior(mouth, face, front_end="deepspeech")
    with pytest.raises(BadArgument, match="hubert has 1024"):
        import_prior(face, mouth, front_end="hubert")
    torch.save((published("mouth", channels=44), {}, 0), tmp_path / "other.pth")
    with pytest.raises(BadArgument, match="44"):
        import_prior(face, tmp_path / "other.pth", front_end="deepspeech")


class Code:
    """What a pickle could do."""

    def __reduce__(self):
        return print, ("run",)


def test_nothing_in_a_file_is_run(files, tmp_path, capsys):
    torch.save((Code(), {}, 0), tmp_path / "evil.pth")
    with pytest.raises(NotAnArtefact, match="numbers alone"):
        import_prior(tmp_path / "evil.pth", files[1], front_end="deepspeech")
    assert capsys.readouterr().out == ""
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(NotAnArtefact):
        import_prior(tmp_path / "text.pth", files[1], front_end="deepspeech")
    with pytest.raises(FileMissing):
        import_prior(tmp_path / "none.pth", files[1], front_end="deepspeech")
    torch.save(({"a": torch.zeros(1)}, {}, 0), tmp_path / "small.pth")
    with pytest.raises(NotAnArtefact, match="audio_net"):
        import_prior(tmp_path / "small.pth", files[1], front_end="deepspeech")
