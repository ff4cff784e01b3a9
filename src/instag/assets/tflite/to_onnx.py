"""Conversion of a TensorFlow Lite network to an ONNX file, which onnxruntime can run.

TensorFlow Lite stores images as [1 h w c], ONNX as [1 c h w]. Each value keeps the layout that its
operator wrote, and is transposed where the next operator needs the other layout. Half-precision
weights stay half-precision in the file.
"""

import struct
from collections.abc import Callable
from typing import final

import numpy as np

from instag.assets.tflite.onnx_writer import OnnxGraph
from instag.assets.tflite.reader import Network, Operator, read_tflite

TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
ACTIVATIONS = {0: "", 1: "Relu", 3: "Relu6"}
SAME = 0
"""The schema's number of the padding that keeps a picture's size."""
CUSTOM_SAME = 1
"""The same in the options of operators outside the schema."""
ONE_INPUT = {
    "LOGISTIC": "Sigmoid",
    "RELU": "Relu",
    "NEG": "Neg",
    "SQRT": "Sqrt",
    "HARD_SWISH": "HardSwish",
}
TWO_INPUTS = {"ADD": "Add", "MUL": "Mul", "SUB": "Sub", "DIV": "Div"}


def onnx_of_tflite(data: bytes, name: str) -> bytes:
    """An ONNX file that computes the same as a tflite file; inputs and outputs keep their names.

    Raises ValueError where the bytes are no tflite file, or use an operator without translation.
    """
    return onnx_of_network(read_tflite(data), name)


def onnx_of_network(network: Network, name: str) -> bytes:
    """An ONNX file of a parsed network. Raises ValueError for an operator without translation."""
    return _Conversion(network, name).run()


@final
class _Conversion:
    """One conversion. `first` and `last` map tensor numbers to the names of their values with
    channels first and with channels last."""

    def __init__(self, network: Network, name: str) -> None:
        self.network, self.graph = network, OnnxGraph(name=name)
        self.first: dict[int, str] = {}
        self.last: dict[int, str] = {}
        self.constants = {
            number: tensor.constant
            for number, tensor in enumerate(network.tensors)
            if tensor.constant is not None
        }
        self.steps: dict[str, Callable[[Operator], None]] = {
            **dict.fromkeys(ONE_INPUT, self._one_input),
            **dict.fromkeys(TWO_INPUTS, self._two_inputs),
            "DEQUANTIZE": self._same_constant,
            "DENSIFY": self._same_constant,
            "CONV_2D": self._convolution,
            "DEPTHWISE_CONV_2D": self._depthwise,
            "Convolution2DTransposeBias": self._transposed_convolution,
            "PRELU": self._prelu,
            "MAX_POOL_2D": self._pool,
            "AVERAGE_POOL_2D": self._pool,
            "MaxPoolingWithArgmax2D": self._pool_with_indices,
            "MaxUnpooling2D": self._unpool,
            "PAD": self._pad,
            "RESIZE_BILINEAR": self._resize,
            "DEPTH_TO_SPACE": self._depth_to_space,
            "CONCATENATION": self._concatenation,
            "RESHAPE": self._reshape,
            "TRANSPOSE": self._transpose,
            "MEAN": self._mean,
            "SUM": self._sum,
            "STRIDED_SLICE": self._slice,
            "RSQRT": self._reciprocal_root,
            "SQUARED_DIFFERENCE": self._squared_difference,
        }

    def run(self) -> bytes:
        for number in self.network.inputs:
            tensor = self.network.tensors[number]
            self.graph.add_input(tensor.name, tensor.shape)
            self.last[number] = tensor.name
        for operator in self.network.operators:
            if operator.name not in self.steps:
                raise ValueError(f"there is no translation of {operator.name}")
            self.steps[operator.name](operator)
        for number in self.network.outputs:
            tensor = self.network.tensors[number]
            self.graph.node("Identity", [self.channels_last(number)], tensor.name)
            self.graph.add_output(tensor.name, tensor.shape)
        return self.graph.to_bytes()

    def shape(self, number: int) -> tuple[int, ...]:
        return self.network.tensors[number].shape

    def ints(self, number: int) -> list[int]:
        return self.constants[number].ravel().astype(int).tolist()

    def channels_first(self, number: int) -> str:
        """The name of an image as [1 c h w]; a constant of fewer axes gets leading ones."""
        if number not in self.first:
            if number in self.constants:
                values = self.constants[number]
                values = values.reshape((1,) * (4 - values.ndim) + values.shape)
                self.first[number] = self.graph.constant(values.transpose(TO_CHANNELS_FIRST))
            else:
                self.first[number] = self.graph.node(
                    "Transpose", [self.last[number]], perm=TO_CHANNELS_FIRST
                )
        return self.first[number]

    def channels_last(self, number: int) -> str:
        """The name of a value with its axes as in the tflite file."""
        if number not in self.last:
            if number in self.constants:
                self.last[number] = self.graph.constant(self.constants[number])
            else:
                self.last[number] = self.graph.node(
                    "Transpose", [self.first[number]], perm=TO_CHANNELS_LAST
                )
        return self.last[number]

    def weights(self, number: int, axes: tuple[int, ...]) -> str:
        return self.graph.constant(self.constants[number].transpose(axes))

    def set_first(self, number: int, name: str, activation: int = 0) -> None:
        self.first[number] = self._activated(name, activation)

    def set_last(self, number: int, name: str, activation: int = 0) -> None:
        self.last[number] = self._activated(name, activation)

    def _activated(self, name: str, activation: int) -> str:
        kind = ACTIVATIONS[activation]
        if kind == "Relu6":
            return self.graph.node(
                "Clip", [name, *(self.graph.constant(np.array(end, np.float32)) for end in (0, 6))]
            )
        return self.graph.node(kind, [name]) if kind else name

    def _pads(
        self, operator: Operator, window: tuple[int, int], strides: tuple[int, int], *, same: bool
    ) -> list[int]:
        """Rows and columns before, then after."""
        if not same:
            return [0, 0, 0, 0]
        totals = []
        for axis in (0, 1):
            size, step = self.shape(operator.inputs[0])[1 + axis], strides[axis]
            totals.append(max((-(-size // step) - 1) * step + window[axis] - size, 0))
        return [
            totals[0] // 2,
            totals[1] // 2,
            totals[0] - totals[0] // 2,
            totals[1] - totals[1] // 2,
        ]

    def _same_constant(self, operator: Operator) -> None:
        """A cast or densification of a constant: the reader and the writer did it already."""
        self.constants[operator.outputs[0]] = self.constants[operator.inputs[0]]

    def _one_input(self, operator: Operator) -> None:
        (source,), (target,) = operator.inputs, operator.outputs
        kind = ONE_INPUT[operator.name]
        if source in self.first:
            self.set_first(target, self._elementwise(kind, self.first[source]))
        else:
            self.set_last(target, self._elementwise(kind, self.channels_last(source)))

    def _elementwise(self, kind: str, name: str) -> str:
        if kind != "HardSwish":
            return self.graph.node(kind, [name])
        return self.graph.node(
            "Mul", [name, self.graph.node("HardSigmoid", [name], alpha=1 / 6, beta=0.5)]
        )

    def _pair(self, operator: Operator, kind: str) -> tuple[str, bool]:
        """A node of two inputs, channels first where one of them is; returns its output and whether
        it is channels first.
        """
        first = len(self.shape(operator.outputs[0])) == 4 and any(
            number in self.first for number in operator.inputs
        )
        order = self.channels_first if first else self.channels_last
        return self.graph.node(kind, [order(number) for number in operator.inputs]), first

    def _two_inputs(self, operator: Operator) -> None:
        name, first = self._pair(operator, TWO_INPUTS[operator.name])
        (self.set_first if first else self.set_last)(
            operator.outputs[0], name, operator.option(0, "<b")
        )

    def _squared_difference(self, operator: Operator) -> None:
        name, first = self._pair(operator, "Sub")
        (self.set_first if first else self.set_last)(
            operator.outputs[0], self.graph.node("Mul", [name, name])
        )

    def _reciprocal_root(self, operator: Operator) -> None:
        root = self.graph.node("Sqrt", [self.channels_last(operator.inputs[0])])
        self.set_last(operator.outputs[0], self.graph.node("Reciprocal", [root]))

    def _bias(self, operator: Operator) -> list[str]:
        source = operator.inputs[2:]
        return [self.graph.constant(self.constants[number]) for number in source if number >= 0]

    def _convolution(self, operator: Operator) -> None:
        _, height, width, channels = self.constants[operator.inputs[1]].shape
        groups = self.shape(operator.inputs[0])[3] // channels
        self._convolve(
            operator, (height, width), (0, 3, 1, 2), groups, activation=3, dilation=(5, 4)
        )

    def _depthwise(self, operator: Operator) -> None:
        _, height, width, channels = self.constants[operator.inputs[1]].shape
        self._convolve(
            operator, (height, width), (3, 0, 1, 2), channels, activation=4, dilation=(6, 5)
        )

    def _convolve(
        self,
        operator: Operator,
        window: tuple[int, int],
        axes: tuple[int, ...],
        groups: int,
        activation: int,
        dilation: tuple[int, int],
    ) -> None:
        strides = operator.option(2), operator.option(1)
        steps = tuple(operator.option(slot, default=1) for slot in dilation)
        reach = (window[0] - 1) * steps[0] + 1, (window[1] - 1) * steps[1] + 1
        pads = self._pads(operator, reach, strides, same=operator.option(0, "<b") == SAME)
        inputs = [
            self.channels_first(operator.inputs[0]),
            self.weights(operator.inputs[1], axes),
            *self._bias(operator),
        ]
        name = self.graph.node(
            "Conv",
            inputs,
            group=groups,
            kernel_shape=window,
            strides=strides,
            dilations=steps,
            pads=pads,
        )
        self.set_first(operator.outputs[0], name, operator.option(activation, "<b"))

    def _transposed_convolution(self, operator: Operator) -> None:
        """MediaPipe's custom operator; options: padding, stride along x, stride along y."""
        padding, across, down = struct.unpack_from("<3i", operator.custom)
        _, height, width, _ = self.constants[operator.inputs[1]].shape
        cut = [
            max(size - step, 0) if padding == CUSTOM_SAME else 0
            for size, step in ((height, down), (width, across))
        ]
        pads = [cut[0] // 2, cut[1] // 2, cut[0] - cut[0] // 2, cut[1] - cut[1] // 2]
        inputs = [
            self.channels_first(operator.inputs[0]),
            self.weights(operator.inputs[1], (3, 0, 1, 2)),
            *self._bias(operator),
        ]
        name = self.graph.node(
            "ConvTranspose", inputs, kernel_shape=(height, width), strides=(down, across), pads=pads
        )
        self.set_first(operator.outputs[0], name)

    def _prelu(self, operator: Operator) -> None:
        """Slope x + (1 - slope) relu(x), as convolutions: onnxruntime's PRelu would take half of
        the network's time.
        """
        source, slope = (
            self.channels_first(operator.inputs[0]),
            self.constants[operator.inputs[1]].astype(np.float32).reshape(-1, 1, 1, 1),
        )
        above = self.graph.node("Relu", [source])
        terms = [self._scaled(source, slope), self._scaled(above, 1 - slope)]
        self.set_first(operator.outputs[0], self.graph.node("Add", terms))

    def _scaled(self, name: str, factors: np.ndarray) -> str:
        return self.graph.node(
            "Conv", [name, self.graph.constant(factors)], group=len(factors), kernel_shape=(1, 1)
        )

    def _pool(self, operator: Operator) -> None:
        strides, window = (
            (operator.option(2), operator.option(1)),
            (operator.option(4), operator.option(3)),
        )
        pads = self._pads(operator, window, strides, same=operator.option(0, "<b") == SAME)
        kind = "MaxPool" if operator.name == "MAX_POOL_2D" else "AveragePool"
        name = self.graph.node(
            kind,
            [self.channels_first(operator.inputs[0])],
            kernel_shape=window,
            strides=strides,
            pads=pads,
        )
        self.set_first(operator.outputs[0], name, operator.option(5, "<b"))

    def _pool_with_indices(self, operator: Operator) -> None:
        """MediaPipe's custom operator; options: padding, strides and window, x before y.

        The indices are in ONNX's layout; only `_unpool` reads them.
        """
        padding, across, down, width, height = struct.unpack_from("<5i", operator.custom)
        pads = self._pads(operator, (height, width), (down, across), same=padding == CUSTOM_SAME)
        source = [self.channels_first(operator.inputs[0])]
        names = self.graph.nodes(
            "MaxPool",
            source,
            [None, None],
            kernel_shape=(height, width),
            strides=(down, across),
            pads=pads,
        )
        for number, name in zip(operator.outputs, names, strict=True):
            self.set_first(number, name)

    def _unpool(self, operator: Operator) -> None:
        _, across, down, width, height = struct.unpack_from("<5i", operator.custom)
        source = [self.channels_first(number) for number in operator.inputs]
        self.set_first(
            operator.outputs[0],
            self.graph.node(
                "MaxUnpool", source, kernel_shape=(height, width), strides=(down, across)
            ),
        )

    def _pad(self, operator: Operator) -> None:
        source, amounts = operator.inputs
        pads = self.constants[amounts].astype(np.int64)
        if pads.shape[0] == 4:
            pads = pads[list(TO_CHANNELS_FIRST)]
        name = self.channels_first(source) if pads.shape[0] == 4 else self.channels_last(source)
        padded = self.graph.node(
            "Pad", [name, self.graph.constant(np.ascontiguousarray(pads.T).ravel())]
        )
        (self.set_first if pads.shape[0] == 4 else self.set_last)(operator.outputs[0], padded)

    def _resize(self, operator: Operator) -> None:
        corners, centers = operator.option(2, "<b"), operator.option(3, "<b")
        way = "align_corners" if corners else "half_pixel" if centers else "asymmetric"
        _, height, width, channels = self.shape(operator.outputs[0])
        nothing, sizes = (
            self.graph.constant(np.zeros(0, np.float32)),
            self.graph.constant(np.array([1, channels, height, width])),
        )
        inputs = [self.channels_first(operator.inputs[0]), nothing, nothing, sizes]
        self.set_first(
            operator.outputs[0],
            self.graph.node("Resize", inputs, mode="linear", coordinate_transformation_mode=way),
        )

    def _depth_to_space(self, operator: Operator) -> None:
        name = self.graph.node(
            "DepthToSpace", [self.channels_first(operator.inputs[0])], blocksize=operator.option(0)
        )
        self.set_first(operator.outputs[0], name)

    def _concatenation(self, operator: Operator) -> None:
        rank = len(self.shape(operator.outputs[0]))
        axis = operator.option(0) % rank
        if rank == 4 and any(number in self.first for number in operator.inputs):
            names = [self.channels_first(number) for number in operator.inputs]
            self.set_first(
                operator.outputs[0],
                self.graph.node("Concat", names, axis=TO_CHANNELS_FIRST.index(axis)),
                operator.option(1, "<b"),
            )
        else:
            names = [self.channels_last(number) for number in operator.inputs]
            self.set_last(
                operator.outputs[0],
                self.graph.node("Concat", names, axis=axis),
                operator.option(1, "<b"),
            )

    def _reshape(self, operator: Operator) -> None:
        shape = self.graph.constant(np.array(self.shape(operator.outputs[0]), np.int64))
        self.set_last(
            operator.outputs[0],
            self.graph.node("Reshape", [self.channels_last(operator.inputs[0]), shape]),
        )

    def _transpose(self, operator: Operator) -> None:
        name = self.channels_last(operator.inputs[0])
        self.set_last(
            operator.outputs[0],
            self.graph.node("Transpose", [name], perm=self.ints(operator.inputs[1])),
        )

    def _mean(self, operator: Operator) -> None:
        name, axes = self.channels_last(operator.inputs[0]), self.ints(operator.inputs[1])
        self.set_last(
            operator.outputs[0],
            self.graph.node("ReduceMean", [name], axes=axes, keepdims=operator.option(0, "<b")),
        )

    def _sum(self, operator: Operator) -> None:
        axes = self.graph.constant(self.constants[operator.inputs[1]].astype(np.int64).ravel())
        name = self.graph.node(
            "ReduceSum",
            [self.channels_last(operator.inputs[0]), axes],
            keepdims=operator.option(0, "<b"),
        )
        self.set_last(operator.outputs[0], name)

    def _slice(self, operator: Operator) -> None:
        """A strided slice; its bit masks mark open begins, open ends and axes that are dropped."""
        source, begin, end, step = operator.inputs
        open_begin, open_end, dropped = (operator.option(slot) for slot in (0, 1, 4))
        begins, ends, steps = self.ints(begin), self.ints(end), self.ints(step)
        for axis in range(len(begins)):
            begins[axis] = 0 if open_begin >> axis & 1 else begins[axis]
            ends[axis] = np.iinfo(np.int64).max if open_end >> axis & 1 else ends[axis]
            if dropped >> axis & 1:
                ends[axis] = begins[axis] + 1
        bounds = [
            self.graph.constant(np.array(values, np.int64))
            for values in (begins, ends, range(len(begins)), steps)
        ]
        name = self.graph.node("Slice", [self.channels_last(source), *bounds])
        shape = self.graph.constant(np.array(self.shape(operator.outputs[0]), np.int64))
        self.set_last(
            operator.outputs[0], self.graph.node("Reshape", [name, shape]) if dropped else name
        )
