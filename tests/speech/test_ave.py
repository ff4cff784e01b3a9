"""The audio-visual encoder over random weights: the published layout, a vector a frame, the
published windows."""

from pathlib import Path

import pytest
import torch

from instag.errors import AssetDamaged
from instag.speech.ave import AudioVisualEncoder, Ave, load_encoder
from instag.speech.chunking import features
from instag.speech.mel import spectrogram


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    state = AudioVisualEncoder().state_dict()
    assert sum(value.numel() for value in state.values()) * 4 == pytest.approx(11.3e6, rel=0.01)
    path = tmp_path_factory.mktemp("ave") / "audio_visual_encoder.pth"
    torch.save(
        {
            name: value + 0.1 if name.endswith("running_mean") else value
            for name, value in state.items()
        },
        path,
    )
    return path


def speech(seconds: float) -> torch.Tensor:
    time = torch.arange(round(seconds * 16_000)) / 16_000
    return 0.3 * torch.sin(2 * torch.pi * 150 * time) * torch.sin(9 * time) ** 2


def test_names_and_shapes_are_the_published_ones(published: Path) -> None:
    shapes = {
        name: tuple(value.shape) for name, value in load_encoder(published).state_dict().items()
    }
    assert shapes["0.conv_block.0.weight"] == (32, 1, 3, 3)
    assert shapes["9.conv_block.0.weight"] == (256, 128, 3, 3)
    assert shapes["12.conv_block.0.weight"] == (512, 512, 1, 1)
    assert shapes["12.conv_block.1.running_var"] == (512,)


def test_each_frame_hears_sixteen_steps_from_two_frames_earlier(published: Path) -> None:
    network, sound = load_encoder(published), speech(2.0)
    found = features(sound, Ave(network))
    assert found.shape == (50, 512, 1)
    mel = spectrogram(sound)
    for frame, start in ((0, 0), (2, 0), (3, 3), (4, 6), (20, 57), (49, mel.shape[1] - 16)):
        torch.testing.assert_close(
            found[frame, :, 0],
            network(mel[None, None, :, start : start + 16]).flatten(),
            atol=1e-5,
            rtol=0,
        )


@pytest.mark.parametrize("samples", [1, 640, 2_000])
def test_short_sounds_have_features(published: Path, samples: int) -> None:
    assert features(speech(1.0)[:samples], Ave(load_encoder(published))).shape == (
        -(-samples // 640),
        512,
        1,
    )


def test_pieces_are_like_the_whole(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    front_end, sound = Ave(load_encoder(published)), speech(3.3)
    whole = features(sound, front_end)
    monkeypatch.setattr(Ave, "piece", 20)
    torch.testing.assert_close(features(sound, front_end), whole, atol=1e-4, rtol=0)


def test_other_files_are_refused(tmp_path: Path, published: Path) -> None:
    state = torch.load(published)
    torch.save(
        {f"audio_encoder.{name}": value for name, value in state.items()}, tmp_path / "prefixed.pth"
    )
    load_encoder(tmp_path / "prefixed.pth")
    torch.save({**state, "0.conv_block.0.weight": torch.zeros(16, 1, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(
        AssetDamaged,
        match=(
            r"0\.conv_block\.0\.weight is 16x1x3x3, and should be 32x1x3x3.*instag assets "
            r"get ave"
        ),
    ):
        load_encoder(tmp_path / "other.pth")
    del state["3.conv_block.1.running_var"]
    torch.save(state, tmp_path / "part.pth")
    with pytest.raises(AssetDamaged, match=r"running_var is missing"):
        load_encoder(tmp_path / "part.pth")
