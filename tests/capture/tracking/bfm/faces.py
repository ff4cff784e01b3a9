"""A made-up face model of the Basel model's form, and pictures of it: what morphable tracking is
tested on."""

from pathlib import Path

import numpy as np
import torch
from scipy.io import savemat
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from instag.capture.geometry.from_mesh import _rasterize
from instag.capture.tracking.bfm.basel import BaselModel, model_of
from instag.capture.tracking.bfm.fit import Fit, project
from instag.capture.tracking.bfm.outline import Outline
from instag.capture.tracking.bfm.shading import ambient, harmonics
from instag.capture.tracking.bfm.skin import visible

GRID = 40
SPARE = 30
"""Vertices of the published model that the family leaves out."""


def content(identities: int = 12, expressions: int = 8, textures: int = 6) -> dict[str, np.ndarray]:
    """Arrays of a converted model: the front of a head as a sheet of 40 x 40 vertices, with smooth
    random bases."""
    generator = np.random.default_rng(7)
    v, u = np.meshgrid(np.linspace(1, -1, GRID), np.linspace(-1, 1, GRID), indexing="ij")
    bulge = 0.09 * np.sqrt(np.clip(1 - 0.62 * u**2 - 0.3 * v**2, 0.02, None))
    nose = 0.025 * np.exp(-((u / 0.16) ** 2) - ((v + 0.05) / 0.3) ** 2)
    eyes = -0.012 * sum(
        np.exp(-(((u - side) / 0.2) ** 2) - ((v - 0.3) / 0.15) ** 2) for side in (-0.42, 0.42)
    )
    shape = np.stack([0.075 * u, 0.1 * v, bulge + nose + eyes], -1).reshape(-1, 3) * 1e6

    rigid = _rigid_motions(shape)

    def fields(count: int, first: float, waves: float) -> tuple[np.ndarray, np.ndarray]:
        """Unit smooth fields over the sheet and their deviations."""
        made = np.zeros((count, GRID * GRID, 3))
        for field in made:
            for axis in range(3):
                a, b, c = generator.normal(size=3) * (waves, waves, 3)
                field[:, axis] = np.cos(a * u + b * v + c).ravel() * generator.normal()
        made = made.reshape(count, -1)
        made -= made @ rigid @ rigid.T
        norms = np.linalg.norm(made, axis=1)
        return made / norms[:, None], first * norms / np.sqrt(1 + np.arange(count))

    skin = (
        np.array([190, 140, 115.0])
        + 25 * np.cos(9 * u + 3)[..., None] * np.sin(8 * v)[..., None]
        + 60 * gaussian_filter(generator.normal(size=(GRID, GRID, 1)), (1.2, 1.2, 0))
    )
    b_shape, sig_shape = fields(identities, 2500, 2.0)
    b_exp, sig_exp = fields(expressions, 1500, 2.5)
    b_tex, sig_tex = fields(textures, 8, 4.0)
    number = np.arange(GRID * GRID).reshape(GRID, GRID)
    a, b, c, d = (
        number[:-1, :-1].ravel(),
        number[1:, :-1].ravel(),
        number[1:, 1:].ravel(),
        number[:-1, 1:].ravel(),
    )
    keys, left, right = _landmarks(number)
    return {
        "mu_shape": shape.ravel() * 0.98,
        "b_shape": b_shape,
        "sig_shape": sig_shape,
        "mu_exp": shape.ravel() * 0.02,
        "b_exp": b_exp,
        "sig_exp": sig_exp,
        "mu_tex": skin.clip(30, 250).ravel(),
        "b_tex": b_tex,
        "sig_tex": sig_tex,
        "tris": np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]),
        "keyinds": keys,
        "left_contour": left,
        "right_contour": right,
        "rigid_ids": number[5:15, 10:30].ravel(),
        "sub_inds": np.arange(GRID * GRID) + SPARE,
    }


def _rigid_motions(shape: np.ndarray) -> np.ndarray:
    """Orthonormal fields of shifts, turns and growth: the published bases come from aligned heads
    and hold none of them."""
    axes = np.eye(3)
    motions = (
        [np.tile(axis, (len(shape), 1)) for axis in axes]
        + [np.cross(axis, shape) for axis in axes]
        + [shape]
    )
    return np.linalg.qr(np.stack([motion.ravel() for motion in motions], -1))[0]


def _landmarks(number: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """68 vertices about where the iBUG scheme has its points, and for each side of the jaw five
    candidates a point."""
    angles = np.linspace(-0.1, np.pi + 0.1, 17)
    jaw = [(-0.8 * np.cos(angle), 0.25 - 1.15 * np.sin(angle)) for angle in angles]
    brows = [
        (x, 0.5 - 0.3 * (abs(x) - 0.42) ** 2)
        for x in (*np.linspace(-0.7, -0.18, 5), *np.linspace(0.18, 0.7, 5))
    ]
    nose = [
        *((0.0, y) for y in np.linspace(0.3, -0.05, 4)),
        *((x, -0.18) for x in np.linspace(-0.16, 0.16, 5)),
    ]
    around = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    eyes = [
        (side - 0.13 * np.cos(t), 0.3 + 0.07 * np.sin(t)) for side in (-0.42, 0.42) for t in around
    ]
    lips = [
        (-0.3 * np.cos(t), -0.48 + 0.13 * np.sin(t))
        for t in np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ]
    inner = [
        (-0.2 * np.cos(t), -0.48 + 0.06 * np.sin(t))
        for t in np.linspace(0, 2 * np.pi, 8, endpoint=False)
    ]
    vertex_positions = np.array([*jaw, *brows, *nose, *eyes, *lips, *inner])
    column = np.clip(np.round((vertex_positions[:, 0] + 1) / 2 * (GRID - 1)), 0, GRID - 1).astype(
        int
    )
    row = np.clip(np.round((1 - vertex_positions[:, 1]) / 2 * (GRID - 1)), 0, GRID - 1).astype(int)
    steps = np.arange(5)
    left = number[row[:8, None], np.clip(column[:8, None] + steps - 2, 0, GRID - 1)]
    right = number[row[9:17, None], np.clip(column[9:17, None] + steps - 2, 0, GRID - 1)]
    return number[row, column], left, right


def model(**sizes: int) -> BaselModel:
    return model_of(
        {
            name: value.astype(np.float32) if value.dtype.kind == "f" else value
            for name, value in content(**sizes).items()
        }
    )


def truth(face: BaselModel, frames: int, size: int, focal: float, amplitude: float = 0.35) -> Fit:
    """A person who turns and speaks, 0.75 m before the camera."""
    generator = torch.Generator().manual_seed(3)
    time = np.arange(frames) / 25
    turns = amplitude * np.stack(
        [0.6 * np.sin(3 * time), np.sin(2.2 * time + 1), 0.3 * np.sin(1.7 * time)], -1
    )
    sway = np.stack(
        [
            0.03 * np.sin(2 * time),
            0.02 * np.cos(1.5 * time),
            -0.75 * focal * 512 / size / 1200 - 0.02 * np.sin(time),
        ],
        -1,
    )
    ease = torch.tensor(
        np.stack([np.sin((2 + k) * time + k) for k in range(face.shape.expression.shape[1])], -1)
    )
    return Fit(
        identity=torch.randn(face.shape.identity.shape[1], generator=generator).double() * 0.8,
        expressions=ease,
        rotations=torch.tensor(Rotation.from_rotvec(turns).as_matrix()),
        translations=torch.tensor(sway),
        focal=focal,
    )


def landmarks(face: BaselModel, fit: Fit, size: int) -> np.ndarray:
    return Outline.of(face, size).landmarks(fit, center_of(size))[1].pixels.numpy()


def center_of(size: int) -> torch.Tensor:
    return torch.full((2,), size / 2).double()


def plain_light() -> torch.Tensor:
    """Harmonics of light from everywhere, a little more from the front."""
    light = ambient(1, torch.zeros(1).double())[0]
    light[2] = 0.25
    return light


def pictures(
    face: BaselModel, fit: Fit, size: int, texture: torch.Tensor, light: torch.Tensor
) -> list[np.ndarray]:
    """The person before a grey wall, painted triangle by triangle at twice the size and halved."""
    albedo = face.albedo_mean + torch.einsum("vtc,t->vc", face.albedo, texture.float())
    _, normals = visible(face, fit, center_of(size))
    colors = albedo.double() * (harmonics(normals.double()) @ light)
    sight = project(face.shape.at(torch.arange(len(face.shape.mean))), fit, center_of(size))
    made = []
    for pixels, camera, color in zip(sight.pixels, sight.camera, colors, strict=True):
        picture = np.zeros((2 * size, 2 * size, 4), np.float32)
        screen = np.concatenate([2 * pixels.numpy(), -1 / camera[:, 2:].numpy()], -1)
        _rasterize(screen, color.numpy(), face.triangles.numpy(), picture)
        painted = (
            np.where(picture[..., :1] > 0, picture[..., 1:], 0.45)
            .reshape(size, 2, size, 2, 3)
            .mean((1, 3))
        )
        made.append((painted.clip(0, 1) * 255).round().astype(np.uint8))
    return made


def write_published(folder: Path) -> Path:
    """The same model as the files in which the real one is published: with spare vertices and
    components. Returns the path of the .mat."""
    held = content(identities=100, expressions=79, textures=100)
    folder.mkdir(parents=True, exist_ok=True)
    vertices = GRID * GRID + 2 * SPARE

    def spread(values: np.ndarray) -> np.ndarray:
        whole = np.full((vertices, 3), 7.0, np.float32)
        whole[held["sub_inds"]] = values.reshape(-1, 3)
        return whole.ravel()

    def components(name: str) -> np.ndarray:
        return np.concatenate(
            [
                np.stack([spread(row) for row in held[f"b_{name}"]], -1),
                np.ones((3 * vertices, 5), np.float32),
            ],
            1,
        )

    more = np.ones(5)
    savemat(
        folder / "01_MorphableModel.mat",
        {
            "shapeMU": spread(held["mu_shape"])[:, None],
            "shapePC": components("shape"),
            "shapeEV": np.concatenate([held["sig_shape"], more])[:, None],
            "texMU": spread(held["mu_tex"])[:, None],
            "texPC": components("tex"),
            "texEV": np.concatenate([held["sig_tex"], more])[:, None],
            "tl": held["tris"] + 1,
        },
        do_compression=True,
    )
    tables = {
        "exp_info.npy": {
            "mu_exp": held["mu_exp"],
            "base_exp": held["b_exp"],
            "sig_exp": held["sig_exp"],
        },
        "keys_info.npy": {
            name: held[name] for name in ("keyinds", "left_contour", "right_contour", "rigid_ids")
        },
        "topology_info.npy": {
            "tris": held["tris"],
            "vert_tris": np.zeros((GRID * GRID, 8), np.int64),
            "sub_inds": held["sub_inds"],
        },
    }
    for name, table in tables.items():
        np.save(folder / name, np.array(table, dtype=object), allow_pickle=True)
    return folder / "01_MorphableModel.mat"
