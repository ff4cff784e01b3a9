"""Conversion keeps what the published files hold, and says what is wrong with others."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from capture.tracking.bfm import faces
from instag.capture.tracking.bfm.basel import load_model, what_is_wrong
from instag.capture.tracking.bfm.conversion import TABLES, convert
from instag.errors import AssetDamaged, BadArgument


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    faces.write_published(folder)
    return folder


def tables(folder: Path) -> dict[str, Path]:
    return {name: folder / name for name in TABLES}


def test_what_was_published_is_kept(published: Path, tmp_path: Path) -> None:
    path = convert(published / "01_MorphableModel.mat", tables(published), tmp_path / "bfm.npz")
    truth = faces.content(identities=100, expressions=79, textures=100)
    with np.load(path, allow_pickle=False) as held:
        assert set(held.files) == set(truth)
        assert not what_is_wrong(dict(held))
        for name in held.files:
            np.testing.assert_allclose(
                held[name],
                truth[name],
                rtol=1e-5,
                atol=1e-4 * np.abs(truth[name]).max(),
                err_msg=name,
            )
    model = load_model(path)
    assert model.shape.identity.shape == (faces.GRID**2, 100, 3)
    assert model.shape.expression.shape == (faces.GRID**2, 79, 3)
    assert model.albedo.shape == (faces.GRID**2, 100, 3)
    assert model.shape.mean.mean(0).abs().max() < 1e-7
    assert 0.15 < float(np.ptp(model.shape.mean[:, 1].numpy())) < 0.25, "metres"
    assert 0 <= float(model.albedo_mean.min()) < float(model.albedo_mean.max()) <= 1


def test_other_files_are_told(published: Path, tmp_path: Path) -> None:
    with pytest.raises(BadArgument, match=r"no file .*Give 01_MorphableModel\.mat"):
        convert(tmp_path / "none.mat", tables(published), tmp_path / "bfm.npz")
    (tmp_path / "page.mat").write_text("<html>" * 100)
    with pytest.raises(AssetDamaged, match=r"page\.mat is damaged or no MATLAB file"):
        convert(tmp_path / "page.mat", tables(published), tmp_path / "bfm.npz")
    (tmp_path / "new.mat").write_bytes(
        b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n" + bytes(600)
    )
    with pytest.raises(AssetDamaged, match=r"MATLAB 7\.3 file"):
        convert(tmp_path / "new.mat", tables(published), tmp_path / "bfm.npz")
    assert not (tmp_path / "bfm.npz").exists()


@pytest.mark.parametrize("cut", [0.02, 0.5, 0.97])
def test_a_part_of_the_file_is_told(published: Path, tmp_path: Path, cut: float) -> None:
    whole = (published / "01_MorphableModel.mat").read_bytes()
    (tmp_path / "part.mat").write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(AssetDamaged, match=r"part\.mat"):
        convert(tmp_path / "part.mat", tables(published), tmp_path / "bfm.npz")


def test_missing_and_small_arrays_are_named(published: Path, tmp_path: Path) -> None:
    held = {
        name: value
        for name, value in loadmat(published / "01_MorphableModel.mat").items()
        if not name.startswith("_")
    }
    for change, words in (
        ({"texPC": None}, "it has no texPC"),
        ({"shapePC": held["shapePC"][:, :50]}, "50 components"),
        ({"shapePC": held["shapePC"][:-3]}, "shapeMU is .* and shapePC"),
        (
            {"texMU": held["texMU"][:-3], "texPC": held["texPC"][:-3]},
            "different numbers of vertices",
        ),
    ):
        savemat(
            tmp_path / "small.mat",
            {name: value for name, value in {**held, **change}.items() if value is not None},
        )
        with pytest.raises(AssetDamaged, match=words):
            convert(tmp_path / "small.mat", tables(published), tmp_path / "bfm.npz")


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("exp_info.npy", {"base_exp": None}, "not AD-NeRF's exp_info.npy: it has no base_exp"),
        ("exp_info.npy", {"mu_exp": np.zeros(30)}, "its mu_exp is 30"),
        ("topology_info.npy", {"sub_inds": np.array([10**6])}, "names vertex 1000000 of"),
        (
            "topology_info.npy",
            {"tris": np.array([[0, 1, 99999]])},
            "its tris names vertices that it does not have",
        ),
        ("keys_info.npy", {"keyinds": np.arange(51)}, "its keyinds is 51"),
    ],
)
def test_tables_that_do_not_fit_are_named(
    published: Path, tmp_path: Path, name: str, change: dict, words: str
) -> None:
    chosen = tables(published)
    table = {**np.load(chosen[name], allow_pickle=True).item(), **change}
    np.save(
        tmp_path / name,
        np.array({key: value for key, value in table.items() if value is not None}, dtype=object),
        allow_pickle=True,
    )
    with pytest.raises(AssetDamaged, match=words):
        convert(
            published / "01_MorphableModel.mat",
            {**chosen, name: tmp_path / name},
            tmp_path / "bfm.npz",
        )


def test_a_converted_file_that_is_none_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "bfm.npz", mu_shape=np.zeros(9, np.float32))
    with pytest.raises(
        AssetDamaged, match=r"no converted Basel face model: there is no b_shape.*convert-bfm"
    ):
        load_model(tmp_path / "bfm.npz")
