"""Files of tensors that others wrote, read without running anything in them."""

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from instag.assets.registry import Shapes
from instag.errors import AssetDamaged
from instag.runtime.array_files import read_arrays
from instag.runtime.untrusted import check_tensors, parsing

if TYPE_CHECKING:
    from torch import Tensor

MIB = 1 << 20
SLACK = MIB
"""Bytes by which the members of an archive that is not compressed may exceed its file."""


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """All tensors of an npz, a frozen graph (.pb) or a file that torch.save wrote (weights only:
    nothing in it is executed). Raises AssetDamaged."""
    import torch

    if path.suffix == ".pb":
        from instag.assets.tf_graph import constants

        return {name: torch.from_numpy(value) for name, value in constants(path).items()}
    remedy = "Get it again: `instag assets list` says from where."
    with parsing(path, "a file of tensors", remedy, error=AssetDamaged):
        if _is_npz(path):
            arrays = read_arrays(path)
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        else:
            tensors = named_tensors(load_weights_only(path))
        check_tensors(tensors, largest=math.inf)
        return tensors


def load_weights_only(path: Path, *, mapped: bool = False) -> object:
    """What torch.save wrote, where it is numbers alone: nothing in it is executed. Raises what
    torch.load raises, ValueError for an archive that unpacks to far more than it is."""
    import torch

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            whole = sum(member.file_size for member in archive.infolist())
        if whole > path.stat().st_size + SLACK:  # torch.save does not compress
            raise ValueError(f"it unpacks to {whole / MIB:.0f} MiB")
    return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)


def named_tensors(stored: object) -> "dict[str, Tensor]":
    """The tensors of a state dict, or of a checkpoint that contains one. Raises ValueError."""
    import torch

    if isinstance(stored, dict) and isinstance(stored.get("state_dict"), dict):
        stored = stored["state_dict"]
    if not isinstance(stored, dict):
        raise ValueError(f"it holds one {type(stored).__name__}, not tensors with names")
    tensors = {
        str(name): value for name, value in stored.items() if isinstance(value, torch.Tensor)
    }
    for name, value in tensors.items():
        # A tensor may repeat one number without end.
        if value.layout is not torch.strided or value.numel() * value.element_size() > (
            value.untyped_storage().nbytes()
        ):
            raise ValueError(f"{name} is no plain table of numbers")
    return tensors


def _is_npz(path: Path) -> bool:
    """Files of torch.save are zip files too."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())


def mismatch(tensors: "Mapping[str, Tensor]", wanted: Shapes) -> str:
    """Which tensor is missing or of another shape, as part of a sentence; empty where none is."""
    for name, shape in wanted.items():
        if name not in tensors:
            return f"it has no {name}"
        if tuple(tensors[name].shape) != shape:
            return (
                f"its {name} is {'x'.join(map(str, tensors[name].shape))}, not "
                f"{'x'.join(map(str, shape))}"
            )
    return ""
