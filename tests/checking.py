"""The checker of shapes and types at calls: beartype, with an int where a float is asked for, as
type checkers have it (PEP 484).

What numba compiles can not be wrapped in a check: importing this module makes `numba.njit` unwrap
its functions first.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numba
from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))

_njit = numba.njit


def njit_unwrapped(*arguments: Any, **settings: Any) -> Callable:
    """`numba.njit` in both its forms, on the function that the checks are wrapped around."""
    if len(arguments) == 1 and inspect.isfunction(arguments[0]):
        return _njit(inspect.unwrap(arguments[0]), **settings)
    compiled = _njit(*arguments, **settings)
    return lambda function: compiled(inspect.unwrap(function))


numba.njit = njit_unwrapped
