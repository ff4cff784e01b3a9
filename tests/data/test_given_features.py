"""Features that the original stored, in the shapes in which its scripts store them."""

from pathlib import Path

import numpy as np
import pytest

from instag.data.features_path import PUBLISHED, find_instag_features
from instag.data.given_features import given_features, read_instag_features
from instag.errors import BadArgument, NotAnArtefact


def stored(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


@pytest.mark.parametrize(
    ("name", "file", "shape"),
    [("deepspeech", "aud.npy", (7, 16, 29)), ("esperanto", "aud_eo.npy", (7, 16, 44))],
)
def test_windows_are_turned(tmp_path: Path, name: str, file: str, shape: tuple[int, ...]) -> None:
    values = stored(*shape)
    np.save(tmp_path / file, values)
    path = find_instag_features(tmp_path, name)
    assert path is not None
    assert path == tmp_path / file
    np.testing.assert_allclose(
        read_instag_features(path, name).numpy(), values.transpose(0, 2, 1).astype(np.float32)
    )


def test_pairs_of_hubert_become_windows(tmp_path: Path) -> None:
    values = stored(12, 2, 1024).astype(np.float32)
    np.save(tmp_path / "aud_hu.npy", values)
    found = read_instag_features(tmp_path / "aud_hu.npy", "hubert")
    assert found.shape == (12, 1024, 16)
    np.testing.assert_array_equal(found[5, :, 8:10].numpy().T, values[5])
    np.testing.assert_array_equal(found[5, :, :2].numpy().T, values[1])


@pytest.mark.parametrize("shape", [(9, 512), (9, 512, 1), (9, 1, 512)])
def test_vectors_of_ave(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = stored(*shape)
    np.save(tmp_path / "aud_ave.npy", values)
    np.testing.assert_allclose(
        read_instag_features(tmp_path / "aud_ave.npy", "ave").numpy()[..., 0],
        values.reshape(9, 512).astype(np.float32),
    )


@pytest.mark.parametrize(
    ("name", "shape"), [("deepspeech", (0, 16, 29)), ("hubert", (1, 1024)), ("ave", (0, 512))]
)
def test_features_of_no_frame_are_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...]
) -> None:
    np.save(tmp_path / "aud.npy", stored(*shape).astype(np.float32))
    with pytest.raises(NotAnArtefact, match="holds 0x"):
        read_instag_features(tmp_path / "aud.npy", name)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "aud.npy"
    np.save(path, stored(7, 16, 44))
    with pytest.raises(
        NotAnArtefact, match=r"7x16x44 numbers; features of deepspeech are frames x 16 x 29"
    ):
        read_instag_features(path, "deepspeech")
    path.write_bytes(b"nothing")
    with pytest.raises(
        NotAnArtefact, match=r"aud\.npy is damaged, or is not a file of NumPy numbers"
    ):
        read_instag_features(path, "deepspeech")
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(NotAnArtefact, match="not a file of NumPy numbers"):
        read_instag_features(path, "deepspeech")
    with pytest.raises(NotAnArtefact, match="no file"):
        read_instag_features(tmp_path / "nothing.npy", "hubert")
    with pytest.raises(BadArgument, match="deepspeech, esperanto, hubert, ave"):
        read_instag_features(path, "mel")
    assert find_instag_features(tmp_path, "hubert") is None
    assert find_instag_features(tmp_path, "mel") is None
    assert set(PUBLISHED) == {"deepspeech", "esperanto", "hubert", "ave"}


def test_rows_of_hubert_at_50_hz_are_its_pairs(tmp_path: Path) -> None:
    values = stored(24, 1024).astype(np.float32)
    np.save(tmp_path / "rows.npy", values)
    np.save(tmp_path / "pairs.npy", values.reshape(12, 2, 1024))
    np.testing.assert_array_equal(
        read_instag_features(tmp_path / "rows.npy", "hubert").numpy(),
        read_instag_features(tmp_path / "pairs.npy", "hubert").numpy(),
    )


@pytest.mark.parametrize("frames", [90, 225])
def test_features_of_another_length_are_refused(tmp_path: Path, frames: int) -> None:
    np.save(tmp_path / "aud_ave.npy", stored(frames, 512))
    with pytest.raises(NotAnArtefact, match=f"of {frames} frames, and the clip has 150"):
        given_features(tmp_path, "ave", 150)
