"""ONNX files of others: circles, other files and constants out of nothing are refused before
anything runs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from frozen import field
from instag.assets.onnx_graph import check_onnx
from instag.assets.onnx_session import open_onnx
from instag.assets.tflite.onnx_writer import OnnxGraph
from instag.errors import AssetDamaged
from instag.speech.onnx_network import OnnxNetwork


def node(op: bytes, given: bytes, made: bytes) -> bytes:
    return field(1, field(1, given) + field(2, made) + field(4, op))


def model(*parts: bytes) -> bytes:
    return field(1, 7) + field(7, b"".join(parts))


def good() -> bytes:
    graph = OnnxGraph(name="small")
    graph.add_input("x", (1, 4))
    graph.node("MatMul", ["x", graph.constant(np.ones((4, 3), np.float32))], "y")
    graph.add_output("y", (1, 3))
    return graph.to_bytes()


def test_a_good_graph_runs(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(good())
    session = open_onnx(tmp_path / "a.onnx")
    found = np.asarray(session.run(None, {"x": np.ones((1, 4), np.float32)})[0])
    np.testing.assert_array_equal(found, [[4, 4, 4]])


@pytest.mark.parametrize(
    "data, words",
    [
        (model(node(b"Identity", b"a", b"a")), "circle"),
        (model(node(b"Identity", b"a", b"b"), node(b"Identity", b"b", b"a")), "circle"),
        (model(node(b"Identity", b"x", b"a"), node(b"Identity", b"x", b"a")), "two of its nodes"),
        (model(field(5, field(1, 2**40) + field(2, 1) + field(8, b"w"))), "larger than the file"),
        (model(field(5, field(1, 1) + field(14, 1) + field(8, b"w"))), "another file"),
        (
            model(
                field(5, field(1, 1) + field(7, 2**40) + field(8, b"s")),
                node(b"ConstantOfShape", b"s", b"y"),
            ),
            "one number stands for",
        ),
        *(
            (
                model(
                    field(5, field(1, 1) + field(7, 2**40) + field(8, b"s")),
                    field(1, field(1, b"x") + field(1, b"s") + field(2, b"y") + field(4, kind)),
                ),
                "one number stands for",
            )
            for kind in (b"Expand", b"Tile", b"Pad")
        ),
        (field(1, 7), "no graph"),
        (b"", "no graph"),
    ],
)
def test_what_must_not_run_is_refused(data: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        check_onnx(data)
    (tmp_path / "theirs.onnx").write_bytes(data)
    with pytest.raises(AssetDamaged, match=r"theirs\.onnx"):
        open_onnx(tmp_path / "theirs.onnx")


def test_graphs_in_graphs_are_looked_at() -> None:
    inner = field(6, node(b"Identity", b"a", b"a"))
    with pytest.raises(ValueError, match="circle"):
        check_onnx(model(field(1, field(4, b"If") + field(5, inner))))


def test_numbers_below_nothing_are_no_filling() -> None:
    """Padding may cut."""
    check_onnx(
        model(
            field(5, field(1, 1) + field(7, 2**64 - 1) + field(8, b"s")),
            field(1, field(1, b"x") + field(1, b"s") + field(2, b"y") + field(4, b"Pad")),
        )
    )


@pytest.mark.parametrize("made", [np.zeros(7), np.full((4, 29), np.nan)])
def test_a_network_that_gives_something_else_is_told(tmp_path: Path, made: np.ndarray) -> None:
    """Here DeepSpeech's; onnxruntime's own words do not come through."""
    graph = OnnxGraph(name="other")
    graph.add_input("x", (1, 4, 494))
    graph.node("Identity", [graph.constant(made.astype(np.float32))], "y")
    graph.add_output("y", made.shape)
    (tmp_path / "theirs.onnx").write_bytes(graph.to_bytes())
    network = OnnxNetwork(tmp_path / "theirs.onnx")
    with pytest.raises(AssetDamaged, match=r"theirs\.onnx is damaged, or is not a network"):
        network(torch.zeros(4, 494))


def test_a_network_that_cannot_run_is_told(tmp_path: Path) -> None:
    graph = OnnxGraph(name="other")
    graph.add_input("x", (1, 5, 494))
    graph.node("Identity", ["x"], "y")
    graph.add_output("y", (1, 5, 494))
    (tmp_path / "theirs.onnx").write_bytes(graph.to_bytes())
    with pytest.raises(AssetDamaged, match=r"theirs\.onnx is damaged, or is not a network"):
        OnnxNetwork(tmp_path / "theirs.onnx")(torch.zeros(4, 494))
