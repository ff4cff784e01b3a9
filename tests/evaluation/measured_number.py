"""A number that was measured."""

from instag.evaluation.not_measured import NotMeasured


def number(value: float | NotMeasured) -> float:
    """The value, which is no reason why there is none."""
    assert not isinstance(value, NotMeasured), value
    return value
