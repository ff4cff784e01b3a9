"""Reading tflite files: tensors, options, sparse constants; and what is refused."""

import struct

import numpy as np
import pytest

from flat_buffer import Table, flat_buffer
from instag.assets.tflite.reader import FILE_IDENTIFIER, read_tflite

FLOAT, INT = b"\0", b"\2"
ADD, DENSIFY = 0, 124


def whole(number: int) -> bytes:
    return struct.pack("<i", number)


def tensor(
    name: str, shape: list[int], buffer: int, kind: bytes = FLOAT, sparsity: Table | None = None
) -> Table:
    fields = {0: np.array(shape, "<i4"), 1: kind, 2: whole(buffer), 3: name}
    return Table(fields if sparsity is None else {**fields, 6: sparsity})


def model(
    tensors: list[Table],
    code: int,
    inputs: list[int],
    outputs: list[int],
    buffers: list[np.ndarray],
    options: Table | None = None,
) -> bytes:
    """A network of one operator; buffer 0 is empty, as in real files."""
    operator = {0: whole(0), 1: np.array(inputs, "<i4"), 2: np.array(outputs, "<i4")}
    operator |= {} if options is None else {4: options}
    graph = Table(
        {
            0: tensors,
            1: np.array(inputs[:1], "<i4"),
            2: np.array(outputs, "<i4"),
            3: [Table(operator)],
        }
    )
    stored = [Table({}), *(Table({0: np.frombuffer(values.tobytes(), "u1")}) for values in buffers)]
    return flat_buffer(
        Table({0: whole(3), 1: [Table({3: whole(code)})], 2: [graph], 4: stored}), FILE_IDENTIFIER
    )


def test_a_network_of_one_sum_is_read() -> None:
    weights = np.arange(6, dtype="<f4").reshape(2, 3)
    tensors = [tensor("in", [2, 3], 0), tensor("weights", [2, 3], 1), tensor("out", [2, 3], 0)]
    read = read_tflite(model(tensors, ADD, [0, 1], [2], [weights], Table({0: b"\1"})))
    assert [each.name for each in read.tensors] == ["in", "weights", "out"]
    constant = read.tensors[1].constant
    assert constant is not None
    np.testing.assert_array_equal(constant, weights)
    assert read.tensors[0].constant is None
    (operator,) = read.operators
    assert (operator.name, operator.inputs, operator.outputs) == ("ADD", (0, 1), (2,))
    assert (operator.option(0, "<b"), operator.option(5, default=7)) == (1, 7)
    assert (read.inputs, read.outputs) == ((0,), (2,))


def test_blocks_of_a_sparse_matrix_find_their_places() -> None:
    """4 x 4 in blocks of 2 x 2, of which two are stored: the second of the first row of blocks, the
    first of the second."""
    dense = np.zeros((4, 4), "<f4")
    dense[:2, 2:] = [[1, 2], [3, 4]]
    dense[2:, :2] = [[5, 6], [7, 8]]
    sparse = {
        0: b"\1",
        2: b"\3",
        3: Table({0: np.array([0, 1, 2], "u1")}),
        4: b"\3",
        5: Table({0: np.array([1, 0], "u1")}),
    }
    levels = [Table({0: b"\0", 1: whole(2)}), Table(sparse), *[Table({0: b"\0", 1: whole(2)})] * 2]
    sparsity = Table({0: np.array([0, 1, 2, 3], "<i4"), 1: np.array([0, 1], "<i4"), 2: levels})
    tensors = [tensor("sparse", [4, 4], 1, sparsity=sparsity), tensor("dense", [4, 4], 0)]
    read = read_tflite(model(tensors, DENSIFY, [0], [1], [np.arange(1, 9, dtype="<f4")]))
    constant = read.tensors[0].constant
    assert constant is not None
    np.testing.assert_array_equal(constant, dense)


@pytest.mark.parametrize(
    "data", [b"", b"no model at all", b"\x1c\0\0\0TFL3", b"\x1c\0\0\0TFL3" + bytes(300)]
)
def test_what_is_no_network_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_tflite(data)


def test_a_cut_file_is_refused() -> None:
    tensors = [tensor("in", [2], 0), tensor("weights", [2], 1), tensor("out", [2], 0)]
    data = model(tensors, ADD, [0, 1], [2], [np.ones(2, "<f4")])
    for end in range(8, len(data) - 8, 40):
        with pytest.raises(ValueError):
            read_tflite(data[:end])
