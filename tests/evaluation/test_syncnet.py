"""SyncNet over random weights: the same numbers as the published 3D layout, and clear words about
other files."""

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from instag.errors import AssetDamaged
from instag.evaluation import syncnet
from instag.evaluation.not_measured import NotMeasured


def published_lips() -> nn.Sequential:
    """The lip network in the layout of the published weights: 3D, five frames deep."""

    def layer(
        inputs: int, outputs: int, size: tuple[int, int, int], stride: int, padding: int
    ) -> list[nn.Module]:
        convolution = nn.Conv3d(
            inputs, outputs, size, stride=(1, stride, stride), padding=(0, padding, padding)
        )
        return [convolution, nn.BatchNorm3d(outputs), nn.ReLU()]

    return nn.Sequential(
        *layer(3, 96, (5, 7, 7), 2, 0),
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
        *layer(96, 256, (1, 5, 5), 2, 1),
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)),
        *layer(256, 256, (1, 3, 3), 1, 1),
        *layer(256, 256, (1, 3, 3), 1, 1),
        *layer(256, 256, (1, 3, 3), 1, 1),
        nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2)),
        *layer(256, 512, (1, 6, 6), 1, 0),
    ).eval()


def published_state(lips: nn.Sequential) -> OrderedDict[str, torch.Tensor]:
    """A state dict as published: 3D lips, and no counters of batches, which came later."""
    state = OrderedDict(
        (name, value)
        for name, value in syncnet.SyncNet().state_dict().items()
        if not name.startswith("netcnnlip")
    )
    state.update((f"netcnnlip.{name}", value) for name, value in lips.state_dict().items())
    return OrderedDict(
        (name, value) for name, value in state.items() if not name.endswith("num_batches_tracked")
    )


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, nn.Sequential, OrderedDict[str, torch.Tensor]]:
    torch.manual_seed(0)
    lips = published_lips()
    for module in lips:
        if isinstance(module, nn.BatchNorm3d):
            assert module.running_mean is not None
            module.running_mean.normal_()
    state = published_state(lips)
    path = tmp_path_factory.mktemp("syncnet") / "syncnet_v2.model"
    torch.save(state, path, _use_new_zipfile_serialization=False)  # the format of 2017
    return path, lips, state


@torch.no_grad()
def test_equals_the_published_layout(published) -> None:
    path, lips, state = published
    network = syncnet.load(path)
    crops = torch.rand(7, 3, 224, 224) * 255
    found = network.embed_faces(crops)
    windows = torch.stack([crops[start : start + 5].transpose(0, 1) for start in range(3)])
    features = lips(windows).flatten(1)
    assert features.std() > 0
    torch.testing.assert_close(found, network.netfclip(features), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network.netfclip[0].weight, state["netfclip.0.weight"])


def test_hears_windows_of_20_steps(published) -> None:
    network = syncnet.load(published[0])
    assert network.embed_speech(torch.randn(3, 13, 20)).shape == (3, 1024)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_names_what_is_missing(tmp_path: Path, published) -> None:
    state = dict(published[2])
    del state["netfcaud.0.bias"]
    torch.save(state, tmp_path / "part.model")
    with pytest.raises(AssetDamaged, match=r"netfcaud\.0\.bias.*instag assets get syncnet"):
        syncnet.load(tmp_path / "part.model")


def test_names_what_has_another_shape(tmp_path: Path, published) -> None:
    torch.save({**published[2], "netfcaud.3.bias": torch.zeros(256)}, tmp_path / "other.model")
    with pytest.raises(AssetDamaged, match=r"netfcaud\.3\.bias is 256, and should be 1024"):
        syncnet.load(tmp_path / "other.model")


@pytest.mark.parametrize(
    "content", [b"", b"<html>404</html>", b"PK\x03\x04 cut off", bytes(range(256)) * 8]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "syncnet_v2.model"
    path.write_bytes(content)
    with pytest.raises(AssetDamaged, match=str(path)):
        syncnet.load(path)


def test_a_whole_module_is_refused_unread(tmp_path: Path) -> None:
    """Pickled modules can execute code when they are read; only weights are taken."""
    torch.save(nn.Linear(2, 2), tmp_path / "module.model")
    with pytest.raises(AssetDamaged):
        syncnet.load(tmp_path / "module.model")


def test_without_weights_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTAG_ASSETS", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "nobody")
    found = syncnet.find()
    assert isinstance(found, NotMeasured)
    assert "instag assets get syncnet" in str(found)
