"""Ticks as seconds."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from instag.media.ticks import in_seconds


@given(
    ticks=st.integers(-(2**63), 2**63 - 1),
    base=st.fractions(Fraction(1, 10**9), 1000, max_denominator=10**9),
)
def test_seconds_are_those_of_exact_fractions(ticks: int, base: Fraction) -> None:
    assert in_seconds(ticks, base) == float(ticks * base)
