"""Lanes against numpy."""

import numpy as np
from numba import njit

from instag.ops.simd import (
    COUNT,
    any_over,
    fill,
    load,
    power_of_two,
    prefetch,
    ramp,
    select,
    smaller,
    store,
    total,
)


@njit
def _try(x, y, out):
    a, b = load(x, 0), load(y, 0)
    store(out, 0, a + b)
    store(out, COUNT, a - b)
    store(out, 2 * COUNT, a * b)
    store(out, 3 * COUNT, a / b)
    store(out, 4 * COUNT, smaller(a, b))
    store(out, 5 * COUNT, select(a > b, ramp(), fill(np.float32(-1))))
    store(out, 6 * COUNT, select(a >= b, a, b))
    store(out, 7 * COUNT, select(a < b, a, b))
    return total(a), any_over(a, fill(np.float32(0.9))), any_over(a, fill(np.float32(1.1)))


@njit
def _powers(x, out):
    for at in range(0, len(x), COUNT):
        store(out, at, power_of_two(load(x, at)))


def test_operations():
    random = np.random.default_rng(0)
    x, y = random.uniform(0.1, 1, (2, COUNT)).astype(np.float32)
    x[3], x[4] = 0.95, y[4]
    out = np.empty((8, COUNT), np.float32)
    whole, some, none = _try(x, y, out.reshape(-1))
    expected = [
        x + y,
        x - y,
        x * y,
        x / y,
        np.minimum(x, y),
        np.where(x > y, np.arange(COUNT), -1),
        np.maximum(x, y),
        np.minimum(x, y),
    ]
    np.testing.assert_allclose(out, expected, rtol=3e-7)
    assert abs(whole - x.sum()) < 1e-5
    assert some
    assert not none


def test_powers_of_two():
    x = np.linspace(-126, 126, 1600 * COUNT, dtype=np.float32)
    out = np.empty_like(x)
    _powers(x, out)
    np.testing.assert_allclose(out, np.exp2(x.astype(np.float64)), rtol=3e-7)
    far = np.full(COUNT, -1e9, np.float32)
    _powers(far, out)
    assert (out[:COUNT] < 1e-37).all()


@njit
def _fetched(table, row):
    prefetch(table, row)
    return table[row % len(table), 0]


def test_what_is_fetched_is_what_was_there_and_a_row_beyond_the_end_is_no_error():
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert [_fetched(table, row) for row in range(4)] == [0, 3, 6, 9]
    assert _fetched(table, 4_000) == 0
