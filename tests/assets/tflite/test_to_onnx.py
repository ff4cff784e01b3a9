"""Each translated operator computes what its definition says, in either order of axes."""

import struct

import numpy as np
import pytest

from instag.assets.tflite.reader import Network, Operator, Table, Tensor
from instag.assets.tflite.to_onnx import onnx_of_network, onnx_of_tflite
from instag.perception.bundled_network import BundledNetwork

RANDOM = np.random.default_rng(3)
SAME, VALID = 0, 1


def options(*numbers: bytes) -> Table:
    """A table whose fields lie one after the other, eight bytes apart."""
    layout = struct.pack("<HH", 4 + 2 * len(numbers), 8 + 8 * len(numbers))
    layout += b"".join(struct.pack("<H", 8 + 8 * slot) for slot in range(len(numbers)))
    layout += bytes(-len(layout) % 8)
    body = b"".join(number.ljust(8, b"\0") for number in numbers)
    return Table(
        data=layout + struct.pack("<i", len(layout)).ljust(8, b"\0") + body, at=len(layout)
    )


def whole(number: int) -> bytes:
    return struct.pack("<i", number)


def network(
    name: str,
    given: np.ndarray,
    shape: tuple[int, ...],
    *constants: np.ndarray,
    opts: Table | None = None,
    custom: bytes = b"",
) -> Network:
    tensors = [Tensor(name="in", shape=given.shape, constant=None)]
    tensors += [
        Tensor(name=f"c{place}", shape=values.shape, constant=values)
        for place, values in enumerate(constants)
    ]
    tensors += [Tensor(name="out", shape=shape, constant=None)]
    inputs = tuple(range(1 + len(constants)))
    step = Operator(name=name, inputs=inputs, outputs=(len(inputs),), options=opts, custom=custom)
    return Network(tensors=tuple(tensors), operators=(step,), inputs=(0,), outputs=(len(inputs),))


def answer(
    name: str,
    given: np.ndarray,
    shape: tuple[int, ...],
    *constants: np.ndarray,
    opts: Table | None = None,
    custom: bytes = b"",
) -> np.ndarray:
    made = onnx_of_network(
        network(name, given, shape, *constants, opts=opts, custom=custom), "test"
    )
    return BundledNetwork(made)(given)[0]


def picture(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def convolved(
    given: np.ndarray, weights: np.ndarray, bias: np.ndarray, step: int, before: int
) -> np.ndarray:
    """By the definition, with zeros around; weights [out, rows, columns, in]."""
    _, height, width, _ = given.shape
    out, rows, columns, _ = weights.shape
    size = -(-height // step), -(-width // step)
    padded = np.zeros((height + 8, width + 8, given.shape[3]))
    padded[before : before + height, before : before + width] = given[0]
    actual = np.zeros((1, *size, out))
    for y in range(size[0]):
        for x in range(size[1]):
            seen = padded[y * step : y * step + rows, x * step : x * step + columns]
            actual[0, y, x] = (weights * seen).sum((1, 2, 3)) + bias
    return actual


@pytest.mark.parametrize(("step", "before"), [(1, 1), (2, 0)])
def test_convolution_pads_as_tensorflow_does(step: int, before: int) -> None:
    given, weights, bias = picture(1, 6, 8, 3), picture(4, 3, 3, 3), picture(4)
    expected = np.maximum(convolved(given, weights, bias, step, before), 0)
    opts = options(b"\0", whole(step), whole(step), b"\1")
    actual = answer("CONV_2D", given, expected.shape, weights, bias, opts=opts)
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_depthwise_convolution_keeps_channels_apart() -> None:
    given, weights, bias = picture(1, 5, 5, 4), picture(1, 3, 3, 4), picture(4)
    apart = [
        convolved(given[..., c : c + 1], weights[..., c : c + 1], bias[c : c + 1], 1, 1)
        for c in range(4)
    ]
    opts = options(b"\0", whole(1), whole(1), whole(1), b"\0")
    actual = answer("DEPTHWISE_CONV_2D", given, given.shape, weights, bias, opts=opts)
    np.testing.assert_allclose(actual, np.concatenate(apart, -1), atol=1e-4)


def test_half_precision_weights_are_cast() -> None:
    given, weights, bias = (
        picture(1, 4, 4, 2),
        picture(3, 1, 1, 2).astype(np.float16),
        picture(3).astype(np.float16),
    )
    actual = answer(
        "CONV_2D",
        given,
        (1, 4, 4, 3),
        weights,
        bias,
        opts=options(b"\0", whole(1), whole(1), b"\0"),
    )
    np.testing.assert_allclose(
        actual, given @ weights[:, 0, 0].T.astype(np.float32) + bias, atol=1e-4
    )


def test_slopes_below_zero() -> None:
    given, slopes = picture(1, 4, 6, 3), np.array([-2, 0.25, 3], np.float16)
    actual = answer("PRELU", given, given.shape, slopes.reshape(1, 1, 3))
    np.testing.assert_allclose(
        actual, np.where(given > 0, given, given * slopes.astype(np.float32)), atol=1e-5
    )


@pytest.mark.parametrize(("name", "of"), [("MAX_POOL_2D", np.max), ("AVERAGE_POOL_2D", np.mean)])
def test_pooling(name: str, of) -> None:
    given = picture(1, 4, 6, 3)
    expected = of(given.reshape(1, 2, 2, 3, 2, 3), axis=(2, 4))
    opts = options(b"\1", whole(2), whole(2), whole(2), whole(2))
    np.testing.assert_allclose(answer(name, given, expected.shape, opts=opts), expected, atol=1e-6)


def test_padding_of_channels_too() -> None:
    given, amounts = picture(1, 2, 3, 2), np.array([[0, 0], [1, 0], [0, 2], [0, 3]], np.int32)
    actual = answer("PAD", given, (1, 3, 5, 5), amounts)
    np.testing.assert_array_equal(actual, np.pad(given, amounts))


def test_unpooling_puts_values_back_where_they_were_largest() -> None:
    given = picture(1, 4, 4, 2)
    opts = struct.pack("<5i", 1, 2, 2, 2, 2)
    tensors = [
        Tensor(name=name, shape=shape, constant=None)
        for name, shape in (
            ("in", (1, 4, 4, 2)),
            ("most", (1, 2, 2, 2)),
            ("at", (1, 2, 2, 2)),
            ("out", (1, 4, 4, 2)),
        )
    ]
    steps = [
        Operator(
            name="MaxPoolingWithArgmax2D",
            inputs=(0,),
            outputs=(1, 2),
            options=None,
            custom=opts,
        )
    ]
    steps += [
        Operator(name="MaxUnpooling2D", inputs=(1, 2), outputs=(3,), options=None, custom=opts)
    ]
    made = onnx_of_network(
        Network(tensors=tuple(tensors), operators=tuple(steps), inputs=(0,), outputs=(3,)), "test"
    )
    (actual,) = BundledNetwork(made)(given)
    largest = given.reshape(1, 2, 2, 2, 2, 2).max((2, 4)).repeat(2, 1).repeat(2, 2)
    np.testing.assert_array_equal(actual, np.where(given == largest, given, 0))


def test_transposed_convolution_of_even_windows_fills_blocks() -> None:
    given, weights, bias = picture(1, 3, 4, 5), picture(2, 2, 2, 5), picture(2)
    expected = np.einsum("bhwi,orci->bhrwco", given, weights).reshape(1, 6, 8, 2) + bias
    actual = answer(
        "Convolution2DTransposeBias",
        given,
        expected.shape,
        weights,
        bias,
        custom=struct.pack("<3i", 1, 2, 2),
    )
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_a_mean_and_a_part() -> None:
    given = picture(1, 4, 6)
    mean = answer("MEAN", given, (1, 4, 1), np.array([2], np.int32), opts=options(b"\1"))
    np.testing.assert_allclose(mean, given.mean(2, keepdims=True), atol=1e-6)
    ends = [np.array(values, np.int32) for values in ([0, 1, 0], [1, 3, 2], [1, 1, 1])]
    masks = options(whole(1), whole(4), whole(0), whole(0), whole(1))
    part = answer("STRIDED_SLICE", given, (2, 6), *ends, opts=masks)
    np.testing.assert_array_equal(part, given[0, 1:3])


def test_an_unknown_operator_is_named() -> None:
    with pytest.raises(ValueError, match="no translation of operator 77"):
        onnx_of_network(network("operator 77", picture(1, 2), (1, 2)), "test")


def test_other_files_are_refused() -> None:
    with pytest.raises(ValueError, match="no tflite file"):
        onnx_of_tflite(b"GIF89a and more", "test")
