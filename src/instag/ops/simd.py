"""Lanes: sixteen float32 that move through numba code as one value, so that LLVM keeps them in
vector registers.

LLVM's loop vectorizer gives up on a rasterizer's inner loop, whose arrays might overlap; this type
vectorizes it explicitly. Where registers are shorter than sixteen floats LLVM splits the
operations. Everything here is called from `@njit` functions only.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

COUNT = 16
"""Lanes in a value."""

_VECTOR = ir.VectorType(ir.FloatType(), COUNT)
_WHOLE = ir.VectorType(ir.IntType(32), COUNT)
_TRUTH = ir.VectorType(ir.IntType(1), COUNT)


class LanesType(types.Type):
    """Numba's type of sixteen floats."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


class MaskType(types.Type):
    """Numba's type of sixteen truths."""

    def __init__(self) -> None:
        super().__init__(name="LanesMask")


lanes, mask = LanesType(), MaskType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _VECTOR)


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, manager, kind) -> None:
        super().__init__(manager, kind, _TRUTH)


def _operator(function: Callable, result: types.Type, build: Callable) -> None:
    """Let `function` of two Lanes mean the LLVM instruction that `build` writes."""

    @infer_global(function)  # pyright: ignore[reportOptionalCall]
    class _Cases(ConcreteTemplate):
        cases = (signature(result, lanes, lanes),)

    @lower_builtin(function, lanes, lanes)
    def _lower(context, builder, signature, arguments):
        return build(builder, *arguments)


_operator(operator.add, lanes, lambda builder, a, b: builder.fadd(a, b, flags=("contract",)))
_operator(operator.sub, lanes, lambda builder, a, b: builder.fsub(a, b, flags=("contract",)))
_operator(operator.mul, lanes, lambda builder, a, b: builder.fmul(a, b, flags=("contract",)))
_operator(operator.truediv, lanes, lambda builder, a, b: builder.fdiv(a, b))
_operator(operator.gt, mask, lambda builder, a, b: builder.fcmp_ordered(">", a, b))
_operator(operator.ge, mask, lambda builder, a, b: builder.fcmp_ordered(">=", a, b))
_operator(operator.lt, mask, lambda builder, a, b: builder.fcmp_ordered("<", a, b))


def _instruction(function: Callable) -> Any:
    """Numba's `intrinsic`; its callers do not pass the first argument, which type checkers would
    miss."""
    return intrinsic(function)


def _constant(value: float) -> ir.Constant:
    return ir.Constant(_VECTOR, [float(np.float32(value))] * COUNT)


def _whole(value: int) -> ir.Constant:
    return ir.Constant(_WHOLE, [value] * COUNT)


def _call(builder, name: str, *arguments, result=_VECTOR):
    function_type = ir.FunctionType(result, [argument.type for argument in arguments])
    module = builder.module
    function = module.globals.get(name) or ir.Function(module, function_type, name)
    return builder.call(function, arguments)


def _address(context, builder, array_type, array, index):
    start = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(start, [index]), _VECTOR.as_pointer())


@_instruction
def load(typing, array, index):
    """Sixteen neighbours of a flat float32 array, from `index` on. Nothing checks the array's
    end."""

    def code(context, builder, signature, arguments):
        return builder.load(_address(context, builder, signature.args[0], *arguments), align=4)

    return lanes(array, types.intp), code


@_instruction
def load_bytes(typing, array, index):
    """Sixteen neighbours of a flat int8 array, from `index` on, as floats. Nothing checks the
    array's end."""

    def code(context, builder, signature, arguments):
        start = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        kind = ir.VectorType(ir.IntType(8), COUNT).as_pointer()
        place = builder.bitcast(builder.gep(start, [arguments[1]]), kind)
        return builder.sitofp(builder.load(place, align=1), _VECTOR)

    return lanes(array, types.intp), code


@_instruction
def store(typing, array, index, value):
    """Write sixteen neighbours of a flat float32 array, from `index` on. Nothing checks the array's
    end."""

    def code(context, builder, signature, arguments):
        builder.store(
            arguments[2], _address(context, builder, signature.args[0], *arguments[:2]), align=4
        )
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), code


@_instruction
def prefetch(typing, array, index):
    """Ask for the cache line of a float32 table's row, ahead of its use. Nothing checks the table's
    end: a row that is not there is not read."""

    def code(context, builder, signature, arguments):
        table = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = builder.extract_value(table.strides, 0)
        start = builder.bitcast(table.data, ir.IntType(8).as_pointer())
        place = builder.gep(start, [builder.mul(arguments[1], stride)])
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        name = "llvm.prefetch.p0i8"
        function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
        builder.call(function, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), code


@_instruction
def fill(typing, value):
    """The same float in all lanes."""

    def code(context, builder, signature, arguments):
        first = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), arguments[0], ir.Constant(ir.IntType(32), 0)
        )
        return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), _whole(0))

    return lanes(types.float32), code


@_instruction
def ramp(typing):
    """0, 1, .. 15."""

    def code(context, builder, signature, arguments):
        return ir.Constant(_VECTOR, [float(lane) for lane in range(COUNT)])

    return lanes(), code


@_instruction
def select(typing, condition, yes, no):
    """`yes` where the condition holds, else `no`."""

    def code(context, builder, signature, arguments):
        return builder.select(*arguments)

    return lanes(mask, lanes, lanes), code


@_instruction
def smaller(typing, a, b):
    """The smaller of two, lane by lane."""

    def code(context, builder, signature, arguments):
        return builder.select(builder.fcmp_ordered("<", *arguments), *arguments)

    return lanes(lanes, lanes), code


@_instruction
def any_over(typing, value, limit):
    """Whether any lane is greater than `limit`."""

    def code(context, builder, signature, arguments):
        truth = builder.fcmp_ordered(">", *arguments)
        return builder.icmp_unsigned(
            "!=", builder.bitcast(truth, ir.IntType(COUNT)), ir.Constant(ir.IntType(COUNT), 0)
        )

    return types.boolean(lanes, lanes), code


@_instruction
def total(typing, value):
    """The sum of all lanes, halves added to halves."""

    def code(context, builder, signature, arguments):
        (value,) = arguments
        step = COUNT // 2
        while step:
            order = ir.Constant(
                _WHOLE, [lane + step if lane < step else 0 for lane in range(COUNT)]
            )
            value = builder.fadd(
                value, builder.shuffle_vector(value, ir.Constant(_VECTOR, ir.Undefined), order)
            )
            step //= 2
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return types.float32(lanes), code


_POLYNOMIAL = (
    1.0000000716546051,
    0.6931469670622843,
    0.2402211972409921,
    0.05550713277541112,
    0.00967554132403843,
    0.0013276470685578828,
)
"""Of 2^x for x in [-1/2, 1/2], fitted to the smallest relative error (7.5e-8)."""


@_instruction
def power_of_two(typing, value):
    """2^value to about 1e-7 of itself; value is at most 126 and clamped to at least -126."""

    def code(context, builder, signature, arguments):
        floor = _constant(-126)
        value = builder.select(builder.fcmp_ordered(">", arguments[0], floor), arguments[0], floor)
        near = _call(builder, f"llvm.nearbyint.v{COUNT}f32", value)
        rest = builder.fsub(value, near)
        sum_ = _constant(_POLYNOMIAL[-1])
        for coefficient in reversed(_POLYNOMIAL[:-1]):
            sum_ = builder.fadd(
                builder.fmul(sum_, rest, flags=("contract",)),
                _constant(coefficient),
                flags=("contract",),
            )
        exponent = builder.shl(builder.fptosi(near, _WHOLE), _whole(23))
        return builder.bitcast(builder.add(builder.bitcast(sum_, _WHOLE), exponent), _VECTOR)

    return lanes(lanes), code
