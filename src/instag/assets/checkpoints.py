"""Checkpoints that others published: found as assets, and loaded into our modules name by name."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from instag.assets import store
from instag.assets.tensor_files import read_tensors
from instag.errors import AssetDamaged, AssetMissing

if TYPE_CHECKING:
    import torch
    from torch import nn

    Network = TypeVar("Network", bound=nn.Module)


def asset_path(name: str, option: str) -> Path:
    """The asset's file. `option`: of the command line, which needs it. Raises AssetMissing, which
    says how to get it."""
    path = store.find(name)
    if path is not None:
        return path
    asset = store.named(name)
    source = asset.sources[0]
    if asset.by_hand:
        raise AssetMissing(
            f"{option} needs {asset.file} ({source.licence}), which is not on this machine. Get "
            f"it: {asset.by_hand}"
        )
    raise AssetMissing(
        f"{option} needs {asset.file} ({source.mib:.4g} MiB, {source.licence}), which is not on "
        f"this machine. Get it: instag assets get {name}. "
        f"Or by hand: download {source.address} and save it as "
        f"{store.folders()[0] / name / asset.file}"
    )


def load_weights(network: "Network", path: Path) -> "Network":
    """The network with the file's weights, in evaluation mode; tensors of other names (other
    heads, counters) are ignored. Raises AssetDamaged."""
    stored = {name.removeprefix("module."): value for name, value in read_tensors(path).items()}
    wanted = {
        name: value
        for name, value in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    missing = [name for name in wanted if name not in stored]
    if missing:
        raise AssetDamaged(
            f"{path} is another network's: it has no {missing[0]} ({len(missing)} of {len(wanted)} "
            "tensors are missing)."
        )
    for name, value in wanted.items():
        if stored[name].shape != value.shape:
            raise AssetDamaged(
                f"{path} is another network's: {name} is {tuple(stored[name].shape)}, not "
                f"{tuple(value.shape)}."
            )
    network.load_state_dict({name: stored[name] for name in wanted}, strict=False)
    return network.eval()


def load_torchscript(path: Path, device: "torch.device") -> "torch.jit.ScriptModule":
    """A TorchScript archive, in evaluation mode. Raises AssetDamaged."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # torch recommends torch.export for new networks; these are published as TorchScript
            return torch.jit.load(str(path), map_location=device).eval()
    except (RuntimeError, ValueError) as error:
        raise AssetDamaged(
            f"{path} is damaged or no TorchScript ({str(error).splitlines()[0]}). Get it again: "
            "`instag assets list` says from where."
        ) from error
