"""Constants of a frozen graph, read from bytes that the test lays down by hand."""

from pathlib import Path

import numpy as np
import pytest

from frozen import field, node, weights, write_graph
from instag.assets.tf_graph import constants
from instag.errors import AssetDamaged


def test_all_constants_come_back(tmp_path: Path) -> None:
    written = weights()
    found = constants(write_graph(tmp_path / "graph.pb", written))
    assert set(found) == {*written, "lengths"}
    for name, values in written.items():
        np.testing.assert_array_equal(found[name], values)
    np.testing.assert_array_equal(found["lengths"], [16, 26])


def test_one_number_fills_a_shape(tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(node("zeros", "Const", np.full((3, 2), 0.5, np.float32), packed=False))
    np.testing.assert_array_equal(constants(path)["zeros"], np.full((3, 2), 0.5))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>404</html>",
        bytes(range(256)) * 4,
        field(4, b"no nodes"),
        node("h1", "Const", np.ones((4, 4), np.float32))[:-9],
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "graph.pb"
    path.write_bytes(content)
    with pytest.raises(AssetDamaged, match=r"graph\.pb"):
        constants(path)


def test_one_number_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "graph.pb"
    one = np.broadcast_to(np.float32(0.5), (1 << 20, 1 << 20))
    path.write_bytes(node("zeros", "Const", one, packed=False))
    with pytest.raises(AssetDamaged, match="one number stands for"):
        constants(path)
