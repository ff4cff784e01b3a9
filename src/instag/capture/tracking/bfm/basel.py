"""The Basel face model of 2009, a 3D morphable model, with the bases that AD-NeRF uses: linear
shape, expression and albedo of a mesh.

P. Paysan et al., "A 3D Face Model for Pose and Illumination Invariant Face Recognition", 2009; the
expressions are FaceWarehouse's (C. Cao et al., 2014). The model's frame of reference: x right in
the picture, y up, z out of the face, the origin in the middle of the mean face's vertices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from instag.errors import AssetDamaged

METRES = 1e-6
"""The published lengths are micrometres."""
COLORS = 1 / 255
IDENTITY, EXPRESSION, TEXTURE = 100, 79, 100
"""Coefficients of each basis that AD-NeRF and its successors use."""
LANDMARKS, JAW = 68, 8
"""Points of the iBUG scheme, and those of each side that follow the outline of the jaw."""
CONTENT = {
    "mu_shape": ("3v",),
    "b_shape": ("i", "3v"),
    "sig_shape": ("i",),
    "mu_exp": ("3v",),
    "b_exp": ("e", "3v"),
    "sig_exp": ("e",),
    "mu_tex": ("3v",),
    "b_tex": ("t", "3v"),
    "sig_tex": ("t",),
    "tris": ("f", 3),
    "keyinds": (LANDMARKS,),
    "left_contour": (JAW, "l"),
    "right_contour": (JAW, "r"),
    "rigid_ids": ("g",),
    "sub_inds": ("v",),
}
"""Names as in AD-NeRF's 3DMM_info.npy, topology_info.npy and keys_info.npy, and sizes; a letter
stands for the same number everywhere."""
INDICES = ("tris", "keyinds", "left_contour", "right_contour", "rigid_ids")


@dataclass(frozen=True, kw_only=True)
class Bases:
    """Vertex positions as linear functions of coefficients: mean + sum of coefficient x basis,
    metres a standard deviation."""

    mean: Float[Tensor, "*f p 3"]
    identity: Float[Tensor, "*f p i 3"]
    expression: Float[Tensor, "*f p e 3"]

    def at(self, vertices: Int[Tensor, "*f p"]) -> "Bases":
        """The bases of these vertices in float64; of a [f p] table, one row for each frame."""
        return Bases(
            mean=self.mean[vertices].double(),
            identity=self.identity[vertices].double(),
            expression=self.expression[vertices].double(),
        )


@dataclass(frozen=True, kw_only=True)
class BaselModel:
    """The model on a device, in float32.

    albedo_mean, albedo: colours in [0, 1], per standard deviation. triangles: counter-clockwise
    from outside. keys: the vertices of the 68 landmarks. left, right: for each point of that side
    of the jaw (left and right in the picture) the vertices of which the outermost seen is the
    landmark. rigid: vertices that expressions hardly move.
    """

    shape: Bases
    albedo_mean: Float[Tensor, "v 3"]
    albedo: Float[Tensor, "v t 3"]
    triangles: Int[Tensor, "f 3"]
    keys: Int[Tensor, "68"]
    left: Int[Tensor, "8 l"]
    right: Int[Tensor, "8 r"]
    rigid: Int[Tensor, " g"]


def load_model(path: Path, device: torch.device | str = "cpu") -> BaselModel:
    """Read a model that `instag assets convert-bfm` wrote. Raises AssetDamaged."""
    from instag.assets.tensor_files import read_tensors

    content = {name: value.numpy() for name, value in read_tensors(path).items()}
    wrong = what_is_wrong(content)
    if wrong:
        raise AssetDamaged(
            f"{path} is no converted Basel face model: {wrong}. Make it again: instag assets "
            "convert-bfm 01_MorphableModel.mat"
        )
    return model_of(content, device)


def model_of(content: Mapping[str, np.ndarray], device: torch.device | str = "cpu") -> BaselModel:
    """The model from arrays that pass `what_is_wrong`."""

    def floats(name: str, scale: float, deviations: str = "") -> Tensor:
        values = torch.as_tensor(content[name], dtype=torch.float32, device=device) * scale
        if not deviations:
            return values.reshape(-1, 3)
        sigma = torch.as_tensor(content[deviations], dtype=torch.float32, device=device)
        return (values * sigma[:, None]).reshape(len(sigma), -1, 3).transpose(0, 1).contiguous()

    def numbers(name: str) -> Tensor:
        return torch.as_tensor(np.asarray(content[name], np.int64), device=device)

    mean = floats("mu_shape", METRES) + floats("mu_exp", METRES)
    shape = Bases(
        mean=mean - mean.mean(0),
        identity=floats("b_shape", METRES, "sig_shape"),
        expression=floats("b_exp", METRES, "sig_exp"),
    )
    return BaselModel(
        shape=shape,
        albedo_mean=floats("mu_tex", COLORS),
        albedo=floats("b_tex", COLORS, "sig_tex"),
        triangles=numbers("tris"),
        keys=numbers("keyinds"),
        left=numbers("left_contour"),
        right=numbers("right_contour"),
        rigid=numbers("rigid_ids"),
    )


def what_is_wrong(content: Mapping[str, np.ndarray]) -> str:
    """Why arrays are no such model, as part of a sentence; empty where they are one."""
    sizes: dict[str, int] = {}
    for name, wanted in CONTENT.items():
        if name not in content:
            return f"there is no {name} in it"
        shape = content[name].shape
        if len(shape) != len(wanted):
            return f"its {name} has {len(shape)} dimensions, not {len(wanted)}"
        for letter, size in zip(wanted, shape, strict=True):
            expected = (
                letter
                if isinstance(letter, int)
                else 3 * sizes["v"]
                if letter == "3v" and "v" in sizes
                else sizes.setdefault(letter, size)
            )
            if letter == "v":
                expected = sizes["3v"] / 3
            if size != expected or not size:
                return (
                    f"its {name} is {'x'.join(map(str, shape))} where {expected:g} was "
                    f"expected for {size}"
                )
        if not np.isfinite(content[name]).all():
            return f"its {name} holds numbers that are not finite"
    for name in INDICES:
        if content[name].min() < 0 or content[name].max() >= sizes["3v"] // 3:
            return f"its {name} names vertices that it does not have ({sizes['3v'] // 3} are there)"
    return ""
